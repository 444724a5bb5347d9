-- plot_calibration: Nominal against actual coverage of intervals, with the diagonal.
-- section: Plots
--
-- Points above the diagonal are intervals that are too wide, points below it intervals that are too narrow. Up to eight
-- methods, in the order of their names, each with its line and mark; lower and upper are limits of the coverage. Rows
-- without both numbers are counted in a note.
--
-- One row: `COPY (FROM muster.plot_calibration(coverage)) TO 'calibration.svg' (FORMAT blob)` writes the file.
--
-- arguments:
--   coverage   relation with level and coverage, each from 0 to 1; method, lower and upper where there are any
--   title      of the picture; NULL = the plot's own, an empty text = none
--   subtitle   the same
--   width      pixels, 240 to 10000
--   height     pixels; NULL = as high as the rows need
-- columns:
--   svg BLOB   the picture
-- example:
--   WITH coverage AS (SELECT * FROM (VALUES (0.5, 0.48), (0.8, 0.77), (0.9, 0.91)) AS t(level, coverage))
--   SELECT decode(svg)[:38] AS svg FROM muster.plot_calibration(coverage);
CREATE MACRO muster.main.plot_calibration(
    coverage,
    title := NULL,
    subtitle := NULL,
    width := 720,
    height := NULL
) AS TABLE
SELECT encode(_muster_picture) AS svg
FROM muster.main._muster_plot_calibration('plot_calibration', coverage, title, subtitle, width, height);
