-- drift_summary: Whether annotators drift from company to company, and by how much.
-- section: Diagnostics
--
-- The statistics of `covariance_diagnostic` over all companies. `drift_sd` is the standard deviation of the companies' shifts
-- beyond sampling noise, as `fit_probit_bootstrap` allows for by itself. The first row is about all annotators together, the others about one each,
-- ordered by annotator.
--
-- Where gold people have companies, they are asked too: their class is known, so that prevalence hides nothing. Companies are
-- dealt out anew among the gold people of each class, and the p-value is the share of these permutations in which annotators
-- differ at least as much between companies; its least value is 1 / (permutations + 1). `gold_sd` is the size of the companies' effects
-- on the scale of the bins of likelihood ratios: at 1 the odds between neighbouring bins vary by a factor of e. Drift of
-- sensitivity, which rises with prevalence, is seen here and not in the labels of the others. There may be 10,000,000 of them.
--
-- arguments:
--   ratings        relation with profile_id, annotator, label
--   profiles       relation with profile_id and the columns the next arguments name
--   company        expression over profiles: the company; NULL = none
--   truth          expression over profiles: is the person an expert; NULL = no gold label
--   level          of the interval, between 0 and 1
--   permutations   of gold people, 199 to 100000
--   seed           of the permutations, a whole number of at least 0
--   weight         expression over profiles: how many people with the same labels the row stands for, a whole number; 0 = nobody
-- columns:
--   annotator VARCHAR       the annotator; NULL = all together
--   companies BIGINT        companies with labels of it
--   statistic DOUBLE        sum of the companies' statistics
--   df BIGINT               its degrees of freedom; the statistic is near it without drift; at 0 there is nothing to compare
--   p_value DOUBLE          how often a study without drift has a larger statistic
--   drifts BOOLEAN          p_value < 0.01
--   drift_sd DOUBLE         standard deviation of the companies' shifts of the latent mean
--   drift_lower DOUBLE      lower limit of its likelihood interval
--   drift_upper DOUBLE      upper limit
--   gold_companies BIGINT   companies with labelled gold people, 0 where there are fewer than two; first row only
--   gold_people BIGINT      labelled gold people in them; first row only
--   gold_p_value DOUBLE     how often permuted companies differ at least as much; NULL = nothing to compare
--   gold_drifts BOOLEAN     gold_p_value <= 0.05
--   gold_sd DOUBLE          standard deviation of the companies' effects; first row only
--   note VARCHAR            what follows for an estimate; NULL = nothing
-- example:
--   SELECT annotator, companies, round(statistic / df, 2) AS ratio, round(p_value, 3) AS p_value, drifts,
--       round(drift_sd, 3) AS drift_sd
--   FROM muster.drift_summary(ratings, profiles, company, is_expert);
CREATE MACRO muster.main.drift_summary(
    ratings,
    profiles,
    company,
    truth,
    level := 0.8,
    permutations := 999,
    seed := 42,
    weight := 1
) AS TABLE
WITH _muster_person AS (
    FROM muster.main._muster_people('drift_summary', ratings, profiles, company, truth, NULL, weight, 1)
),
_muster_options AS (
    SELECT muster_options() AS _muster_asked
)
SELECT unnest(_muster_row)
FROM (
    SELECT unnest(muster_drift_summary(_muster_counts, _muster_asked)) AS _muster_row
    FROM muster.main._muster_counts(_muster_person), _muster_options
);
