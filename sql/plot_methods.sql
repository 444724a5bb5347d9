-- plot_methods: Estimates of several methods side by side, with their intervals.
-- section: Plots
--
-- One row of marks a company, those with the largest estimates first; a company of NULL is all companies, as in
-- `prior_sensitivity`. Up to eight methods, in the order of their names. The axis is logarithmic where the estimates shown
-- differ by more than a factor of 50. A mark that is open, or has a small ring in it, is below its detection floor.
--
-- arguments:
--   estimates   relation with company, method and estimate; lower, upper and below_floor where there are any
--   top         so many companies are shown, 1 to 500
-- example:
--   WITH estimates AS (
--       SELECT company, 'company' AS method, estimate, lower, upper
--       FROM muster.fit_probit_bootstrap(ratings, profiles, company, is_expert, draws := 50)
--       UNION ALL
--       SELECT company, 'hierarchical', estimate, lower, upper
--       FROM muster.fit_probit_bootstrap(ratings, profiles, company, is_expert, draws := 50, method := 'hierarchical')
--   )
--   SELECT decode(svg)[:38] AS svg FROM muster.plot_methods(estimates);
CREATE MACRO muster.main.plot_methods(estimates, top := 20) AS TABLE
WITH _muster_estimates AS (
    -- what a relation may lack
    SELECT NULL AS lower, NULL AS upper, NULL AS below_floor
    WHERE false
    UNION ALL BY NAME
    SELECT * FROM query_table(estimates)
)
SELECT
    _muster_estimates.company,
    _muster_estimates.method,
    _muster_estimates.estimate,
    _muster_estimates.lower,
    _muster_estimates.upper,
    _muster_estimates.below_floor
FROM _muster_estimates;
