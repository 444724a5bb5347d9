-- plot_bias_spec: The Vega-Lite specification of `plot_bias`.
-- section: Plots
--
-- The same rows in the same order, inline, as a specification of Vega-Lite 5 to go on from. What is left out is said in
-- the subtitle.
--
-- arguments:
--   metrics    relation with annotator, bias and accuracy and their limits, such as `annotator_metrics` returns
--   title      of the picture; NULL = the plot's own, an empty text = none
--   subtitle   the same
--   width      pixels, 240 to 10000
--   height     pixels; NULL = as high as the rows need
-- columns:
--   spec VARCHAR   JSON
-- example:
--   WITH metrics AS (FROM muster.annotator_metrics(ratings, profiles, is_expert))
--   SELECT spec->'$."$schema"' AS schema FROM muster.plot_bias_spec(metrics);
CREATE MACRO muster.main.plot_bias_spec(
    metrics,
    title := NULL,
    subtitle := NULL,
    width := 720,
    height := NULL
) AS TABLE
SELECT _muster_picture AS spec
FROM muster.main._muster_plot_bias('plot_bias_spec', metrics, title, subtitle, width, height);
