-- plot_uncertainty_spec: The Vega-Lite specification of `plot_uncertainty`.
-- section: Plots
--
-- The same rows in the same order, inline, as a specification of Vega-Lite 5 to go on from. What is left out is said in
-- the subtitle.
--
-- arguments:
--   estimates   relation made by `fit_probit_bootstrap(…, keep_draws := true)`
--   company     the company; NULL = all companies of the relation together
--   level       of the interval that is set off, between 0 and 1
--   title       of the picture; NULL = the plot's own, an empty text = none
--   subtitle    the same
--   width       pixels, 240 to 10000
--   height      pixels; NULL = as high as the rows need
-- columns:
--   spec VARCHAR   JSON
-- example:
--   WITH estimates AS (
--       FROM muster.fit_probit_bootstrap(ratings, profiles, company, is_expert, headcount := headcount, draws := 50, keep_draws := true)
--   )
--   SELECT spec->'$."$schema"' AS schema FROM muster.plot_uncertainty_spec(estimates);
CREATE MACRO muster.main.plot_uncertainty_spec(
    estimates,
    company := NULL,
    level := 0.8,
    title := NULL,
    subtitle := NULL,
    width := 720,
    height := NULL
) AS TABLE
SELECT _muster_picture AS spec
FROM muster.main._muster_plot_uncertainty('plot_uncertainty_spec', estimates, company, level, title, subtitle, width, height);
