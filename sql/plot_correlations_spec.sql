-- plot_correlations_spec: The Vega-Lite specification of `plot_correlations`.
-- section: Plots
--
-- The same rows in the same order, inline, as a specification of Vega-Lite 5 to go on from. What is left out is said in
-- the subtitle.
--
-- arguments:
--   correlations   relation with class, annotator, other and the measure, such as `annotator_correlations` returns
--   measure        'tetrachoric' or 'phi'
--   title          of the picture; NULL = the plot's own, an empty text = none
--   subtitle       the same
--   width          pixels, 240 to 10000
--   height         pixels; NULL = as high as the rows need
-- columns:
--   spec VARCHAR   JSON
-- example:
--   WITH correlations AS (FROM muster.annotator_correlations(ratings, profiles, is_expert))
--   SELECT spec->'$."$schema"' AS schema FROM muster.plot_correlations_spec(correlations);
CREATE MACRO muster.main.plot_correlations_spec(
    correlations,
    measure := 'tetrachoric',
    title := NULL,
    subtitle := NULL,
    width := 720,
    height := NULL
) AS TABLE
SELECT _muster_picture AS spec
FROM muster.main._muster_plot_correlations('plot_correlations_spec', correlations, measure, title, subtitle, width, height);
