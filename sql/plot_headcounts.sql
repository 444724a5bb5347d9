-- plot_headcounts: Experts of each company with their intervals, the largest first.
-- section: Plots
--
-- An open mark is an estimate below its detection floor. The axis is logarithmic where the estimates shown differ by more
-- than a factor of 50. Rows without an estimate, and companies beyond `top`, are counted in a note.
--
-- arguments:
--   estimates   relation with company and estimate, such as `fit_probit_bootstrap` and `log_debias_estimate` return;
--               lower, upper and below_floor where there are any
--   top         so many companies are shown, 1 to 500
-- example:
--   WITH estimates AS (
--       FROM muster.fit_probit_bootstrap(ratings, profiles, company, is_expert, headcount := headcount, draws := 50)
--   )
--   SELECT decode(svg)[:38] AS svg FROM muster.plot_headcounts(estimates);
CREATE MACRO muster.main.plot_headcounts(estimates, top := 40) AS TABLE
WITH _muster_estimates AS (
    -- what a relation may lack
    SELECT NULL AS lower, NULL AS upper, NULL AS below_floor
    WHERE false
    UNION ALL BY NAME
    SELECT * FROM query_table(estimates)
)
SELECT
    _muster_estimates.company,
    _muster_estimates.estimate,
    _muster_estimates.lower,
    _muster_estimates.upper,
    _muster_estimates.below_floor
FROM _muster_estimates;
