-- plot_clusters_spec: The Vega-Lite specification of `plot_clusters`.
-- section: Plots
--
-- The same rows in the same order, inline, as a specification of Vega-Lite 5 to go on from. What is left out is said in
-- the subtitle.
--
-- arguments:
--   map        relation with item, cluster, x and y, such as `cluster_map` returns; representative where there is one
--   top        so many clusters get their names, 1 to 500
--   title      of the picture; NULL = the plot's own, an empty text = none
--   subtitle   the same
--   width      pixels, 240 to 10000
--   height     pixels; NULL = as high as the rows need
-- columns:
--   spec VARCHAR   JSON
-- example:
--   WITH map AS (
--       SELECT * FROM (VALUES
--           ('sales', 1, 'sales', 0.9, 0.1), ('key account', 1, 'sales', 0.8, 0.2), ('deep learning', 2, 'deep learning', -0.7, 0.3),
--           ('PyTorch', 2, 'deep learning', -0.8, 0.1), ('gardening', NULL, NULL, 0.0, -0.9)
--       ) AS t(item, cluster, representative, x, y)
--   )
--   SELECT spec->'$."$schema"' AS schema FROM muster.plot_clusters_spec(map);
CREATE MACRO muster.main.plot_clusters_spec(
    map,
    top := 40,
    title := NULL,
    subtitle := NULL,
    width := 720,
    height := NULL
) AS TABLE
SELECT _muster_picture AS spec
FROM muster.main._muster_plot_clusters('plot_clusters_spec', map, top, title, subtitle, width, height);
