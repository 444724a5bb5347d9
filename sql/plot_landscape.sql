-- plot_landscape: Where the experts are: their share of each company's employees against their number.
-- section: Plots
--
-- Both axes are logarithmic, so companies of one size lie on a rising line; the lines of 100, 1,000 and 10,000 employees
-- are drawn, and shapes and colours say between which a company lies. Up to 40 companies have their intervals, along the
-- line of their size. Above 2,000 companies squares of the plane are shaded by how many companies lie in each. Names are
-- given where they have room, to the largest first; an open mark is below its detection floor. Notes count companies
-- without an estimate or with an estimate of 0, without a name, and with a share above 100 %.
--
-- arguments:
--   estimates   relation with company and estimate, such as `fit_probit_bootstrap` and `log_debias_estimate` return;
--               share, or headcount, or n_observed; lower, upper and below_floor where there are any
--   top         so many companies may get their names, 1 to 500
-- example:
--   WITH estimates AS (
--       FROM muster.fit_probit_bootstrap(ratings, profiles, company, is_expert, headcount := headcount, draws := 50)
--   )
--   SELECT decode(svg)[:38] AS svg FROM muster.plot_landscape(estimates);
CREATE MACRO muster.main.plot_landscape(estimates, top := 40) AS TABLE
WITH _muster_estimates AS (
    -- what a relation may lack
    SELECT NULL AS share, NULL AS headcount, NULL AS n_observed, NULL AS lower, NULL AS upper, NULL AS below_floor
    WHERE false
    UNION ALL BY NAME
    SELECT * FROM query_table(estimates)
)
SELECT
    _muster_estimates.company,
    _muster_estimates.estimate,
    coalesce(
        muster.main._muster_number('plot_landscape', 'share', 'be a number', _muster_estimates.share),
        muster.main._muster_number('plot_landscape', 'estimate', 'be a number', _muster_estimates.estimate) / nullif(muster.main._muster_number('plot_landscape', 'headcount', 'be a number', _muster_estimates.headcount), 0),
        muster.main._muster_number('plot_landscape', 'estimate', 'be a number', _muster_estimates.estimate) / nullif(muster.main._muster_number('plot_landscape', 'n_observed', 'be a number', _muster_estimates.n_observed), 0)
    ) AS share,
    _muster_estimates.lower,
    _muster_estimates.upper,
    _muster_estimates.below_floor
FROM _muster_estimates;
