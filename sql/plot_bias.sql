-- plot_bias: Bias of annotators against their accuracy, with intervals in both directions.
-- section: Plots
--
-- Bias is the share called experts minus the share of experts: right of the dashed line are annotators that call too many
-- people experts. Marks, names and notes as in `plot_annotators`.
--
-- One row: `COPY (FROM muster.plot_bias(metrics)) TO 'bias.svg' (FORMAT blob)` writes the file.
--
-- arguments:
--   metrics    relation with annotator, bias and accuracy and their limits, such as `annotator_metrics` returns
--   title      of the picture; NULL = the plot's own, an empty text = none
--   subtitle   the same
--   width      pixels, 240 to 10000
--   height     pixels; NULL = as high as the rows need
-- columns:
--   svg BLOB   the picture
-- example:
--   WITH metrics AS (FROM muster.annotator_metrics(ratings, profiles, is_expert))
--   SELECT decode(svg)[:38] AS svg FROM muster.plot_bias(metrics);
CREATE MACRO muster.main.plot_bias(metrics, title := NULL, subtitle := NULL, width := 720, height := NULL) AS TABLE
SELECT encode(_muster_picture) AS svg
FROM muster.main._muster_plot_bias('plot_bias', metrics, title, subtitle, width, height);
