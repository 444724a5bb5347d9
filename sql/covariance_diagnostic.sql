-- covariance_diagnostic: Where a company's answers do not fit the annotator model, whatever its prevalence.
-- section: Diagnostics
--
-- Class tables are fitted to the gold people and all companies at once, so a misfit that all companies share is not counted.
-- Against them stands, in each company, a shift of each annotator's latent mean: `statistic` is its efficient score test with
-- the company's prevalence as nuisance, and the p-value comes from a scaled chi-square with the statistic's exact mean
-- and variance. `pair_z` is the same for a pair's joint yes answers, margins apart. `drift_summary` has the verdict over
-- all companies. One row a company, ordered by company.
--
-- arguments:
--   ratings    relation with profile_id, annotator, label
--   profiles   relation with profile_id and the columns the next arguments name
--   company    expression over profiles: the company; NULL = none
--   truth      expression over profiles: is the person an expert; NULL = no gold label
--   weight     expression over profiles: how many people with the same labels the row stands for, a whole number; 0 = nobody
-- columns:
--   company VARCHAR           the company
--   n BIGINT                  people there with labels who are not gold
--   prevalence DOUBLE         share of experts among them under the fitted tables
--   statistic DOUBLE          how far the answers are from the model's; NULL without labels
--   df BIGINT                 its degrees of freedom: annotators with labels there
--   p_value DOUBLE            how often a company without drift has a larger statistic
--   worst_annotator VARCHAR   the annotator whose shift is largest against its standard error
--   shift DOUBLE              that shift, in standard deviations of the latent answer; above 0: says yes more often than elsewhere
--   shift_se DOUBLE           its standard error
--   pair_first VARCHAR        the pair whose agreement is strangest; NULL where no pair is expected to say yes together once
--   pair_second VARCHAR       the other of them
--   pair_z DOUBLE             their standardised residual; above 0: they agree more often than elsewhere
-- example:
--   SELECT company, n, round(statistic, 2) AS statistic, df, round(p_value, 3) AS p_value, worst_annotator
--   FROM muster.covariance_diagnostic(ratings, profiles, company, is_expert);
CREATE MACRO muster.main.covariance_diagnostic(ratings, profiles, company, truth, weight := 1) AS TABLE
WITH _muster_person AS (
    FROM muster.main._muster_people('covariance_diagnostic', ratings, profiles, company, truth, NULL, weight, 1)
),
_muster_options AS (
    SELECT muster_options() AS _muster_asked
)
SELECT unnest(_muster_row)
FROM (
    SELECT unnest(muster_covariance_diagnostic(_muster_counts, _muster_asked)) AS _muster_row
    FROM muster.main._muster_counts(_muster_person), _muster_options
);
