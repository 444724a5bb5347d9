-- plot_methods_spec: The Vega-Lite specification of `plot_methods`.
-- section: Plots
--
-- The same rows in the same order, inline, as a specification of Vega-Lite 5 to go on from. What is left out is said in
-- the subtitle.
--
-- arguments:
--   estimates   relation with company, method and estimate; lower and upper where there are any
--   top         so many companies are shown, 1 to 500
--   title       of the picture; NULL = the plot's own, an empty text = none
--   subtitle    the same
--   width       pixels, 240 to 10000
--   height      pixels; NULL = as high as the rows need
-- columns:
--   spec VARCHAR   JSON
-- example:
--   WITH estimates AS (
--       SELECT company, 'company' AS method, estimate, lower, upper
--       FROM muster.fit_probit_bootstrap(ratings, profiles, company, is_expert, draws := 50)
--       UNION ALL
--       SELECT company, 'hierarchical', estimate, lower, upper
--       FROM muster.fit_probit_bootstrap(ratings, profiles, company, is_expert, draws := 50, method := 'hierarchical')
--   )
--   SELECT spec->'$."$schema"' AS schema FROM muster.plot_methods_spec(estimates);
CREATE MACRO muster.main.plot_methods_spec(
    estimates,
    top := 20,
    title := NULL,
    subtitle := NULL,
    width := 720,
    height := NULL
) AS TABLE
SELECT _muster_picture AS spec
FROM muster.main._muster_plot_methods('plot_methods_spec', estimates, top, title, subtitle, width, height);
