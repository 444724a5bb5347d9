-- plot_uncertainty: The distribution of the estimate of one company, or of all together.
-- section: Plots
--
-- A histogram of the draws, those inside the interval dark, with the median. The total is the sum of each replicate over
-- the companies, as in `headcount_total`: the sum of intervals is no interval. An error where draws were not kept.
--
-- arguments:
--   estimates   relation made by `fit_probit_bootstrap(…, keep_draws := true)`
--   company     the company; NULL = all companies of the relation together
--   level       of the interval that is set off, between 0 and 1
-- example:
--   WITH estimates AS (
--       FROM muster.fit_probit_bootstrap(ratings, profiles, company, is_expert, headcount := headcount, draws := 50, keep_draws := true)
--   )
--   SELECT decode(svg)[:38] AS svg FROM muster.plot_uncertainty(estimates);
CREATE MACRO muster.main.plot_uncertainty(estimates, company := NULL, level := 0.8) AS TABLE
WITH _muster_estimates AS (
    WITH _muster_rows AS (
        FROM query_table(estimates)
    )
    -- what a relation may lack
    SELECT _muster_given.*
    FROM (SELECT NULL AS draws, NULL AS estimate) AS _muster_a, LATERAL (
        SELECT
            CAST(_muster_estimates.company AS VARCHAR) AS _muster_name,
            muster.main._muster_kept('plot_uncertainty', draws, estimate) AS _muster_draws
        FROM _muster_rows AS _muster_estimates
    ) AS _muster_given
),
_muster_option AS (
    SELECT CAST(company AS VARCHAR) AS _muster_company
),
_muster_chosen AS (
    SELECT _muster_name, _muster_draws
    FROM _muster_estimates, _muster_option
    WHERE _muster_company IS NULL OR _muster_name = _muster_company
),
_muster_counted AS (
    SELECT
        count(*) AS _muster_companies,
        count(*) FILTER (_muster_draws IS NULL) AS _muster_without,
        min(len(_muster_draws)) AS _muster_fewest,
        max(len(_muster_draws)) AS _muster_most
    FROM _muster_chosen
),
_muster_sum AS (
    SELECT _muster_replicate, sum(_muster_draw) AS _muster_experts
    FROM (
        SELECT unnest(_muster_draws) AS _muster_draw, generate_subscripts(_muster_draws, 1) AS _muster_replicate
        FROM _muster_chosen
    )
    GROUP BY _muster_replicate
)
SELECT
    (SELECT coalesce(list(_muster_experts), []) FROM _muster_sum) AS draws,
    (SELECT count(*) FROM _muster_estimates) AS n_estimates,
    _muster_companies AS companies,
    _muster_without AS without_draws,
    _muster_fewest AS fewest,
    _muster_most AS most
FROM _muster_counted;
