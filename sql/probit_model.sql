-- probit_model: The fitted annotator model to look at, one number a row.
-- section: Annotators
--
-- What `fit_probit_bootstrap` has learned from the gold people: which annotators are in the model, which were dropped and
-- why (one that the others determine makes the correlations singular), and each class's rates, thresholds and
-- correlations.
--
-- arguments:
--   ratings       relation with profile_id, annotator, label
--   profiles      relation with profile_id and truth
--   truth         expression over profiles: is the person an expert; NULL = no gold label
--   weight        expression over profiles: how many people with the same labels the row stands for, a whole number; 0 = nobody
--   gold_weight   expression over profiles: the inverse of a gold person's chance to be chosen, a positive number
-- columns:
--   class BOOLEAN       true: experts, false: the others, NULL: both
--   annotator VARCHAR   the annotator the number is about
--   other VARCHAR       the second annotator of a pair
--   quantity VARCHAR    annotators, unknown_profiles, gold_unlabelled, dropped, gold, trimmed, smallest_eigenvalue, labels, yes, rate, threshold, pairs, tetrachoric, correlation
--   value DOUBLE        the number
--   note VARCHAR        why an annotator was dropped, what a count means
-- example:
--   SELECT class, annotator, quantity, round(value, 3) AS value
--   FROM muster.probit_model(ratings, profiles, is_expert)
--   WHERE quantity = 'rate';
CREATE MACRO muster.main.probit_model(ratings, profiles, truth, weight := 1, gold_weight := 1) AS TABLE
WITH _muster_person AS (
    FROM muster.main._muster_people('probit_model', ratings, profiles, NULL, truth, NULL, weight, gold_weight)
)
SELECT unnest(_muster_row)
FROM (
    SELECT unnest(muster_probit_model(_muster_counts)) AS _muster_row
    FROM muster.main._muster_counts(_muster_person)
);
