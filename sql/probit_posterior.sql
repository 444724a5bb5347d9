-- probit_posterior: How likely each person is an expert.
-- section: Estimates
--
-- The likelihood ratio of a person's labels under the annotator model, times a prior, averaged over 200 replicates of the
-- model. Without a `prior` it is the prevalence drawn for the person's company where `company` is given (the company's other
-- people speak too), else the share of experts among the gold. Gold people are scored like everybody, by a model that
-- has seen them; `annotator_metrics` tells how good the model is on people it has not seen. Ordered by profile_id.
-- Up to 32 annotators are possible.
--
-- arguments:
--   ratings       relation with profile_id, annotator, label
--   profiles      relation with profile_id and the columns the next arguments name
--   truth         expression over profiles: is the person an expert; NULL = no gold label
--   company       expression over profiles: the company whose prevalence is the prior
--   headcount     expression over profiles: employees of the company, as in fit_probit_bootstrap: companies learn from those of their size
--   prior         a number between 0 and 1: the same prior for everybody
--   level         of the intervals, between 0 and 1
--   seed          whole number of at least 0
--   weight        expression over profiles: how many people with the same labels the row stands for, a whole number; 0 = nobody
--   gold_weight   expression over profiles: the inverse of a gold person's chance to be chosen, a positive number
--   gold_sampling 'by_class' or 'at_random', as in fit_probit_bootstrap
-- columns:
--   profile_id ANY        as in profiles
--   p_expert DOUBLE       probability that the person is an expert
--   lower DOUBLE          quantile over the replicates at (1 - level) / 2
--   upper DOUBLE          quantile over the replicates at (1 + level) / 2
--   n_annotators BIGINT   labels the person has
-- example:
--   SELECT profile_id, round(p_expert, 3) AS p_expert, n_annotators
--   FROM muster.probit_posterior(ratings, profiles, is_expert, company := company)
--   ORDER BY p_expert DESC, profile_id LIMIT 3;
CREATE MACRO muster.main.probit_posterior(
    ratings,
    profiles,
    truth,
    company := NULL,
    headcount := NULL,
    prior := NULL,
    level := 0.8,
    seed := 42,
    weight := 1,
    gold_weight := 1,
    gold_sampling := 'by_class'
) AS TABLE
WITH _muster_person AS MATERIALIZED (
    FROM muster.main._muster_people('probit_posterior', ratings, profiles, company, truth, headcount, weight, gold_weight)
),
_muster_options AS (
    SELECT muster_options() AS _muster_asked
),
_muster_kind AS (
    SELECT unnest(_muster_row)
    FROM (
        SELECT unnest(muster_probit_posterior(_muster_counts, _muster_asked)) AS _muster_row
        FROM muster.main._muster_counts(_muster_person), _muster_options
    )
)
SELECT
    _muster_person._muster_id AS profile_id,
    _muster_kind.p_expert,
    _muster_kind.lower,
    _muster_kind.upper,
    CAST(bit_count(_muster_person._muster_seen) AS BIGINT) AS n_annotators
FROM _muster_person
LEFT JOIN _muster_kind
    ON _muster_kind.seen = _muster_person._muster_seen
    AND _muster_kind.yes = _muster_person._muster_yes
    AND _muster_kind.company IS NOT DISTINCT FROM _muster_person._muster_name
WHERE _muster_person._muster_kind = 'person'
ORDER BY _muster_person._muster_id;
