-- plot_annotators: Sensitivity of annotators against their specificity, with intervals in both directions.
-- section: Plots
--
-- Each annotator has a mark and its name; the combined model, `(model)`, is a black diamond. Intervals are drawn for up to
-- 60 annotators, names where they have room. Annotators without one of the rates are counted in a note.
--
-- One row: `COPY (FROM muster.plot_annotators(metrics)) TO 'annotators.svg' (FORMAT blob)` writes the file.
--
-- arguments:
--   metrics    relation with annotator, sensitivity and specificity and their limits, such as `annotator_metrics` returns
--   title      of the picture; NULL = the plot's own, an empty text = none
--   subtitle   the same
--   width      pixels, 240 to 10000
--   height     pixels; NULL = as high as the rows need
-- columns:
--   svg BLOB   the picture
-- example:
--   WITH metrics AS (FROM muster.annotator_metrics(ratings, profiles, is_expert))
--   SELECT decode(svg)[:38] AS svg FROM muster.plot_annotators(metrics);
CREATE MACRO muster.main.plot_annotators(
    metrics,
    title := NULL,
    subtitle := NULL,
    width := 720,
    height := NULL
) AS TABLE
SELECT encode(_muster_picture) AS svg
FROM muster.main._muster_plot_annotators('plot_annotators', metrics, title, subtitle, width, height);
