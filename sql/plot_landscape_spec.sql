-- plot_landscape_spec: The Vega-Lite specification of `plot_landscape`.
-- section: Plots
--
-- The same rows in the same order, inline, as a specification of Vega-Lite 5 to go on from. What is left out is said in
-- the subtitle.
--
-- arguments:
--   estimates   relation with company and estimate, such as `fit_probit_bootstrap` and `log_debias_estimate` return;
--               share, or headcount, or n_observed; lower and upper where there are any
--   top         so many companies may get their names, 1 to 500
--   title       of the picture; NULL = the plot's own, an empty text = none
--   subtitle    the same
--   width       pixels, 240 to 10000
--   height      pixels; NULL = as high as the rows need
-- columns:
--   spec VARCHAR   JSON
-- example:
--   WITH estimates AS (
--       FROM muster.fit_probit_bootstrap(ratings, profiles, company, is_expert, headcount := headcount, draws := 50)
--   )
--   SELECT spec->'$."$schema"' AS schema FROM muster.plot_landscape_spec(estimates);
CREATE MACRO muster.main.plot_landscape_spec(
    estimates,
    top := 40,
    title := NULL,
    subtitle := NULL,
    width := 720,
    height := NULL
) AS TABLE
SELECT _muster_picture AS spec
FROM muster.main._muster_plot_landscape('plot_landscape_spec', estimates, top, title, subtitle, width, height);
