-- plot_clusters: The map of clusters: items by their two main directions, with the names of the clusters.
-- section: Plots
--
-- Colour and shape are those of the cluster, noise (a cluster of NULL) is grey crosses. A cluster's number and
-- representative stand at its middle where they have room, and up to 12 clusters in the legend. Items without a place are
-- counted in a note.
--
-- One row: `COPY (FROM muster.plot_clusters(map)) TO 'clusters.svg' (FORMAT blob)` writes the file.
--
-- arguments:
--   map        relation with item, cluster, x and y, such as `cluster_map` returns; representative where there is one
--   top        so many clusters get their names, 1 to 500
--   title      of the picture; NULL = the plot's own, an empty text = none
--   subtitle   the same
--   width      pixels, 240 to 10000
--   height     pixels; NULL = as high as the rows need
-- columns:
--   svg BLOB   the picture
-- example:
--   WITH map AS (
--       SELECT * FROM (VALUES
--           ('sales', 1, 'sales', 0.9, 0.1), ('key account', 1, 'sales', 0.8, 0.2), ('deep learning', 2, 'deep learning', -0.7, 0.3),
--           ('PyTorch', 2, 'deep learning', -0.8, 0.1), ('gardening', NULL, NULL, 0.0, -0.9)
--       ) AS t(item, cluster, representative, x, y)
--   )
--   SELECT decode(svg)[:38] AS svg FROM muster.plot_clusters(map);
CREATE MACRO muster.main.plot_clusters(
    map,
    top := 40,
    title := NULL,
    subtitle := NULL,
    width := 720,
    height := NULL
) AS TABLE
SELECT encode(_muster_picture) AS svg
FROM muster.main._muster_plot_clusters('plot_clusters', map, top, title, subtitle, width, height);
