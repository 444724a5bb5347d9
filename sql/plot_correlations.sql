-- plot_correlations: Correlations of annotators within each class, as one triangle of cells a class.
-- section: Plots
--
-- A cell has the colour and the number of its pair, the name of its column stands on the diagonal. Up to 40 annotators,
-- beyond about 20 without numbers unless the picture is wider. Pairs without a correlation stay white and are counted in a
-- note.
--
-- One row: `COPY (FROM muster.plot_correlations(correlations)) TO 'correlations.svg' (FORMAT blob)` writes the file.
--
-- arguments:
--   correlations   relation with class, annotator, other and the measure, such as `annotator_correlations` returns
--   measure        'tetrachoric' or 'phi'
--   title          of the picture; NULL = the plot's own, an empty text = none
--   subtitle       the same
--   width          pixels, 240 to 10000
--   height         pixels; NULL = as high as the rows need
-- columns:
--   svg BLOB   the picture
-- example:
--   WITH correlations AS (FROM muster.annotator_correlations(ratings, profiles, is_expert))
--   SELECT decode(svg)[:38] AS svg FROM muster.plot_correlations(correlations);
CREATE MACRO muster.main.plot_correlations(
    correlations,
    measure := 'tetrachoric',
    title := NULL,
    subtitle := NULL,
    width := 720,
    height := NULL
) AS TABLE
SELECT encode(_muster_picture) AS svg
FROM muster.main._muster_plot_correlations('plot_correlations', correlations, measure, title, subtitle, width, height);
