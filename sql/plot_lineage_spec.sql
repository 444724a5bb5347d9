-- plot_lineage_spec: The Vega-Lite specification of `plot_lineage`.
-- section: Plots
--
-- The tables at the places that the picture has, joined by straight lines: Vega-Lite lays out no graphs. What is left out
-- is said in the subtitle.
--
-- arguments:
--   edges      relation with source and target, such as `lineage` returns; kind where there is one
--   title      of the picture; NULL = the plot's own, an empty text = none
--   subtitle   the same
--   width      pixels, 240 to 10000
--   height     pixels; NULL = as high as the rows need
-- columns:
--   spec VARCHAR   JSON
-- example:
--   WITH edges AS (SELECT * FROM (VALUES ('cvs', 'keywords'), ('keywords', 'ratings'), ('ratings', 'estimates')) AS t(source, target))
--   SELECT spec->'$."$schema"' AS schema FROM muster.plot_lineage_spec(edges);
CREATE MACRO muster.main.plot_lineage_spec(
    edges,
    title := NULL,
    subtitle := NULL,
    width := 720,
    height := NULL
) AS TABLE
SELECT _muster_picture AS spec
FROM muster.main._muster_plot_lineage('plot_lineage_spec', edges, title, subtitle, width, height);
