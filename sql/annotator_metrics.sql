-- annotator_metrics: What each annotator, and the model of all of them, is worth on the gold people.
-- section: Annotators
--
-- Sensitivity, specificity and accuracy with Jeffreys intervals; bias is the share called expert minus the share of
-- experts, with the interval of Agresti and Min. Missing labels count in `missing` and nowhere else. The last row, `(model)`,
-- is the combined model out of sample: each person is scored by the model of the other half of the gold people,
-- at a prior of the gold share. It is left out when a class has fewer than 10 gold people with labels.
-- There may be up to 60 annotators. The model takes 32: of more than that those are chosen, one after the other, whose
-- answers tell most about the class together with those chosen before, pair by pair (joint mutual information, Yang &
-- Moody 1999); `note` names them. Chosen on the same gold people, they make the row `(model)` look a little better than it is.
--
-- With `gold_weight` counts stay those of people, and sensitivity, specificity, accuracy, bias and the prior of the model are those of the people whom gold
-- people stand for: the shares in the formulas below are of weights. Sensitivity and specificity depend on weights within a class only, accuracy and bias on all. Within a class
-- a weight above 20 times the mean is cut to that, and `note` says so. Limits are of as many people as the weights are worth.
--
-- arguments:
--   ratings       relation with profile_id, annotator, label
--   profiles      relation with profile_id and truth
--   truth         expression over profiles: is the person an expert; NULL = no gold label
--   level         of the intervals, between 0 and 1
--   weight        expression over profiles: how many people with the same labels the row stands for, a whole number; 0 = nobody
--   gold_weight   expression over profiles: the inverse of a gold person's chance to be chosen, a positive number
-- columns:
--   annotator VARCHAR          the annotator, or (model)
--   tp BIGINT                  experts called experts
--   fp BIGINT                  others called experts
--   tn BIGINT                  others called others
--   fn BIGINT                  experts called others
--   missing BIGINT             gold people without a label
--   sensitivity DOUBLE         tp / (tp + fn)
--   sensitivity_lower DOUBLE   lower limit
--   sensitivity_upper DOUBLE   upper limit
--   specificity DOUBLE         tn / (tn + fp)
--   specificity_lower DOUBLE   lower limit
--   specificity_upper DOUBLE   upper limit
--   accuracy DOUBLE            (tp + tn) / all with a label
--   accuracy_lower DOUBLE      lower limit
--   accuracy_upper DOUBLE      upper limit
--   bias DOUBLE                (fp - fn) / all with a label
--   bias_lower DOUBLE          lower limit
--   bias_upper DOUBLE          upper limit
--   note VARCHAR               of (model): the annotators taken, where there are more than 32; of all: how many gold weights were cut
-- example:
--   SELECT annotator, tp, fp, tn, fn, round(sensitivity, 3) AS sensitivity, round(specificity, 3) AS specificity
--   FROM muster.annotator_metrics(ratings, profiles, is_expert);
CREATE MACRO muster.main.annotator_metrics(ratings, profiles, truth, level := 0.8, weight := 1, gold_weight := 1) AS TABLE
WITH _muster_person AS (
    FROM muster.main._muster_people('annotator_metrics', ratings, profiles, NULL, truth, NULL, weight, gold_weight)
),
_muster_options AS (
    SELECT muster_options() AS _muster_asked
)
SELECT unnest(_muster_row)
FROM (
    SELECT unnest(muster_annotator_metrics(_muster_counts, _muster_asked)) AS _muster_row
    FROM muster.main._muster_counts(_muster_person), _muster_options
);
