-- prior_sensitivity: The estimate again under other methods, priors and assumptions on drift.
-- section: Diagnostics
--
-- The table a reviewer asks for: methods 'company' and 'hierarchical' with `drift_sd` 0, 0.1 and 0.2, 'original' with four Beta priors,
-- and 'original_by_size'. Each setting gives what `fit_probit_bootstrap` gives with it, and a total from its joint draws
-- (company NULL), which comes first.
--
-- arguments:
--   ratings       relation with profile_id, annotator, label
--   profiles      relation with profile_id and the columns the next arguments name
--   company       expression over profiles: the company; NULL = none
--   truth         expression over profiles: is the person an expert; NULL = no gold label
--   headcount     expression over profiles: employees of the company; the largest value counts, NULL = those observed
--   draws         replicates of each setting, 1 to 100000
--   level         of the intervals, between 0 and 1
--   seed          whole number of at least 0
--   weight        expression over profiles: how many people with the same labels the row stands for, a whole number; 0 = nobody
--   gold_weight   expression over profiles: the inverse of a gold person's chance to be chosen, a positive number
--   gold_sampling 'by_class' or 'at_random', as in fit_probit_bootstrap
-- columns:
--   setting BIGINT         its number, from 1
--   method VARCHAR         as in fit_probit_bootstrap
--   prior_alpha DOUBLE     of the Beta prior; NULL where the method has none to set
--   prior_beta DOUBLE      the same
--   drift_sd DOUBLE    drift that is allowed for; NULL where the method has none
--   company VARCHAR        the company; NULL = all of them together
--   headcount BIGINT       employees the estimate is for
--   estimate DOUBLE        mean of the draws
--   lower DOUBLE           quantile of the draws at (1 - level) / 2
--   upper DOUBLE           quantile of the draws at (1 + level) / 2
-- example:
--   SELECT method, prior_alpha, prior_beta, drift_sd, round(estimate) AS estimate, round(lower) AS lower,
--       round(upper) AS upper
--   FROM muster.prior_sensitivity(ratings, profiles, company, is_expert, headcount := headcount, draws := 200)
--   WHERE company IS NULL;
CREATE MACRO muster.main.prior_sensitivity(
    ratings,
    profiles,
    company,
    truth,
    headcount := NULL,
    draws := 1000,
    level := 0.8,
    seed := 42,
    weight := 1,
    gold_weight := 1,
    gold_sampling := 'by_class'
) AS TABLE
WITH _muster_person AS (
    FROM muster.main._muster_people('prior_sensitivity', ratings, profiles, company, truth, headcount, weight, gold_weight)
),
_muster_options AS (
    SELECT muster_options() AS _muster_asked
)
SELECT unnest(_muster_row)
FROM (
    SELECT unnest(muster_prior_sensitivity(_muster_counts, _muster_asked)) AS _muster_row
    FROM muster.main._muster_counts(_muster_person), _muster_options
);
