-- plot_calibration_spec: The Vega-Lite specification of `plot_calibration`.
-- section: Plots
--
-- The same rows in the same order, inline, as a specification of Vega-Lite 5 to go on from. What is left out is said in
-- the subtitle.
--
-- arguments:
--   coverage   relation with level and coverage, each from 0 to 1; method, lower and upper where there are any
--   title      of the picture; NULL = the plot's own, an empty text = none
--   subtitle   the same
--   width      pixels, 240 to 10000
--   height     pixels; NULL = as high as the rows need
-- columns:
--   spec VARCHAR   JSON
-- example:
--   WITH coverage AS (SELECT * FROM (VALUES (0.5, 0.48), (0.8, 0.77), (0.9, 0.91)) AS t(level, coverage))
--   SELECT spec->'$."$schema"' AS schema FROM muster.plot_calibration_spec(coverage);
CREATE MACRO muster.main.plot_calibration_spec(
    coverage,
    title := NULL,
    subtitle := NULL,
    width := 720,
    height := NULL
) AS TABLE
SELECT _muster_picture AS spec
FROM muster.main._muster_plot_calibration('plot_calibration_spec', coverage, title, subtitle, width, height);
