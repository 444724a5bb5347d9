-- posterior_predictive_check: Whether the estimate's model can produce the answers that are observed.
-- section: Diagnostics
--
-- In each of `draws` replicates of the estimate as many people are made as are observed, with the same
-- labels missing, and counted by pattern of labels (the probit model with correlations as measured, not shrunk) and by bin of
-- the likelihood ratio. `statistic` is sum (x - m)^2 / v over cells, m and v the mean and variance over the replicates; the p-value is
-- the share of replicates whose statistic is at least that of the data, the data counted among them: (1 + k) / (draws + 1). What the gold people leave open is in the
-- replicates, so a small p-value means more than that. Where `fits` is false look at `annotator`, and `other` for a pair: theirs are
-- the yes answers, or joint yes answers beyond what the two say by themselves, that are furthest from the replicates. The total (company NULL) comes first, then companies in order.
--
-- arguments:
--   ratings       relation with profile_id, annotator, label
--   profiles      relation with profile_id and the columns the next arguments name
--   company       expression over profiles: the company; NULL = none
--   truth         expression over profiles: is the person an expert; NULL = no gold label
--   draws         replicates, 20 to 10000
--   seed          whole number of at least 0
--   weight        expression over profiles: how many people with the same labels the row stands for, a whole number; 0 = nobody
--   gold_weight   expression over profiles: the inverse of a gold person's chance to be chosen, a positive number
--   gold_sampling 'by_class' or 'at_random', as in fit_probit_bootstrap
-- columns:
--   company VARCHAR      the company; NULL = all of them together
--   counted_by VARCHAR   'pattern' or 'bin'
--   n BIGINT             people with labels who are not gold
--   cells BIGINT         cells compared; those expected to hold fewer than 5 people, here or among as many as are rated, are one cell
--   statistic DOUBLE     of the data; NULL where there is a single cell
--   expected DOUBLE      its mean over the replicates
--   p_value DOUBLE       share of replicates that are as far off
--   fits BOOLEAN         p_value >= 0.01; NULL where nothing is tested, or where fewer than 100 draws cannot say no
--   annotator VARCHAR    the annotator furthest off, or the first of the pair; by pattern only
--   other VARCHAR        the second of the pair; NULL = the annotator by itself
--   z DOUBLE             how far, in standard deviations over the replicates; above 0: yes more often than the model has it
--   note VARCHAR         that p_value is as low as the draws allow; in the total which annotators no prevalence explains, as in `check_inputs`; NULL = neither
-- example:
--   SELECT company, counted_by, n, round(p_value, 3) AS p_value, fits, annotator, other, round(z, 1) AS z, note
--   FROM muster.posterior_predictive_check(ratings, profiles, company, is_expert, draws := 100);
CREATE MACRO muster.main.posterior_predictive_check(
    ratings,
    profiles,
    company,
    truth,
    draws := 200,
    seed := 42,
    weight := 1,
    gold_weight := 1,
    gold_sampling := 'by_class'
) AS TABLE
WITH _muster_person AS (
    FROM muster.main._muster_people('posterior_predictive_check', ratings, profiles, company, truth, NULL, weight, gold_weight)
),
_muster_options AS (
    SELECT muster_options() AS _muster_asked
)
SELECT unnest(_muster_row)
FROM (
    SELECT unnest(muster_posterior_predictive_check(_muster_counts, _muster_asked)) AS _muster_row
    FROM muster.main._muster_counts(_muster_person), _muster_options
);
