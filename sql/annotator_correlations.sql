-- annotator_correlations: How annotators agree with each other within each class of gold people.
-- section: Annotators
--
-- Annotators that err together count for less than their number. Phi is the correlation of the labels, tetrachoric that of
-- the latent normals behind them. Every pair of up to 60 annotators, in both classes, ordered by class and name.
--
-- arguments:
--   ratings    relation with profile_id, annotator, label
--   profiles   relation with profile_id and truth
--   truth      expression over profiles: is the person an expert; NULL = no gold label
--   weight     expression over profiles: how many people with the same labels the row stands for, a whole number; 0 = nobody
-- columns:
--   class BOOLEAN        true: experts, false: the others
--   annotator VARCHAR    the first of the pair
--   other VARCHAR        the second
--   phi DOUBLE           NULL where one of them always says the same
--   tetrachoric DOUBLE   NULL where nobody has both labels
--   n BIGINT             gold people of the class with both labels
-- example:
--   SELECT class, annotator, other, round(tetrachoric, 2) AS tetrachoric, n
--   FROM muster.annotator_correlations(ratings, profiles, is_expert)
--   ORDER BY tetrachoric DESC LIMIT 3;
CREATE MACRO muster.main.annotator_correlations(ratings, profiles, truth, weight := 1) AS TABLE
WITH _muster_person AS (
    FROM muster.main._muster_people('annotator_correlations', ratings, profiles, NULL, truth, NULL, weight, 1)
)
SELECT unnest(_muster_row)
FROM (
    SELECT unnest(muster_annotator_correlations(_muster_counts)) AS _muster_row
    FROM muster.main._muster_counts(_muster_person)
);
