-- plot_clusters: The map of clusters: items by their two main directions, with the names of the clusters.
-- section: Plots
--
-- Colour and shape are those of the cluster, noise (a cluster of NULL) is grey crosses. A cluster's number and
-- representative stand at its middle where they have room, and up to 12 clusters in the legend. Items without a place are
-- counted in a note.
--
-- arguments:
--   map        relation with item, cluster, x and y, such as `cluster_map` returns; representative where there is one
--   top        so many clusters get their names, 1 to 500
-- example:
--   WITH map AS (
--       SELECT * FROM (VALUES
--           ('sales', 1, 'sales', 0.9, 0.1), ('key account', 1, 'sales', 0.8, 0.2), ('deep learning', 2, 'deep learning', -0.7, 0.3),
--           ('PyTorch', 2, 'deep learning', -0.8, 0.1), ('gardening', NULL, NULL, 0.0, -0.9)
--       ) AS t(item, cluster, representative, x, y)
--   )
--   SELECT decode(svg)[:38] AS svg FROM muster.plot_clusters(map);
CREATE MACRO muster.main.plot_clusters(map, top := 40) AS TABLE
WITH _muster_map AS (
    -- what a relation may lack
    SELECT NULL AS representative
    WHERE false
    UNION ALL BY NAME
    SELECT * FROM query_table(map)
)
SELECT
    _muster_map.item,
    _muster_map.cluster,
    _muster_map.representative,
    _muster_map.x,
    _muster_map.y
FROM _muster_map;
