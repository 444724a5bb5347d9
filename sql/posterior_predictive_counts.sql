-- posterior_predictive_counts: Observed counts of label patterns and bins beside those the model predicts.
-- section: Diagnostics
--
-- The cells behind `posterior_predictive_check`. A pattern is written with + for yes and - for no, by annotator; an
-- annotator that is not named gave no label. Total first, then companies in order; cells by pattern, then by bin.
--
-- arguments:
--   ratings       relation with profile_id, annotator, label
--   profiles      relation with profile_id and the columns the next arguments name
--   company       expression over profiles: the company; NULL = none
--   truth         expression over profiles: is the person an expert; NULL = no gold label
--   draws         replicates, 20 to 10000
--   level         of the intervals, between 0 and 1
--   seed          whole number of at least 0
--   weight        expression over profiles: how many people with the same labels the row stands for, a whole number; 0 = nobody
--   gold_weight   expression over profiles: the inverse of a gold person's chance to be chosen, a positive number
--   gold_sampling 'by_class' or 'at_random', as in fit_probit_bootstrap
-- columns:
--   company VARCHAR      the company; NULL = all of them together
--   counted_by VARCHAR   'pattern' or 'bin'
--   cell VARCHAR         the pattern, the bin's likelihood ratios, or (rest)
--   observed BIGINT      people counted
--   expected DOUBLE      mean over the replicates
--   lower DOUBLE         quantile over the replicates at (1 - level) / 2
--   upper DOUBLE         quantile over the replicates at (1 + level) / 2
--   z DOUBLE             (observed - expected) / standard deviation over the replicates
-- example:
--   SELECT cell, observed, round(expected, 1) AS expected, lower, upper, round(z, 2) AS z
--   FROM muster.posterior_predictive_counts(ratings, profiles, company, is_expert, draws := 100)
--   WHERE company IS NULL AND counted_by = 'bin';
CREATE MACRO muster.main.posterior_predictive_counts(
    ratings,
    profiles,
    company,
    truth,
    draws := 200,
    level := 0.8,
    seed := 42,
    weight := 1,
    gold_weight := 1,
    gold_sampling := 'by_class'
) AS TABLE
WITH _muster_person AS (
    FROM muster.main._muster_people('posterior_predictive_counts', ratings, profiles, company, truth, NULL, weight, gold_weight)
),
_muster_options AS (
    SELECT muster_options() AS _muster_asked
)
SELECT unnest(_muster_row)
FROM (
    SELECT unnest(muster_posterior_predictive_counts(_muster_counts, _muster_asked)) AS _muster_row
    FROM muster.main._muster_counts(_muster_person), _muster_options
);
