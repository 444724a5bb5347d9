-- cluster_map: Clusters as a map: each item with its cluster and its place on a plane.
-- section: Clusters
--
-- Texts are embedded and clustered as in `cluster_keywords` and `cluster_profiles`, and with the same arguments the
-- clusters are the same. The map shows the two directions along which the vectors vary most (principal components):
-- items far apart on it are unlike each other, items near each other need not be alike, and two axes show a small part
-- of what 384 dimensions hold.
--
-- A silhouette compares the mean distance to the other members of the item's cluster with that to the nearest other
-- cluster: 1 is at home, 0 between two, below 0 nearer to the other. Rows of the same item and text are one item. Items
-- whose text is NULL or blank are left out.
--
-- Where `enable_external_access` is false it is an error, since a model is files.
--
-- arguments:
--   items              relation with what the next arguments name
--   item               expression over items: what to place, such as a keyword or profile_id
--   text               expression over items: what is embedded; NULL = the item itself
--   method             'auto', 'hdbscan', 'hdbscan_approximate' or 'kmeans', as in `cluster_keywords`
--   k                  clusters of 'kmeans', at most 1000, and at most the different texts; NULL = chosen by silhouettes
--   min_cluster_size   for 'hdbscan': fewest items of a cluster, at least 2
--   min_samples        for 'hdbscan': density goes by the distance to so many nearest, itself included; 1 to 200
--   model              name or folder of an embedding model, as in `embed`
--   device             'auto', 'cpu' or 'cuda'
--   store              NULL, 'default' or a file: where vectors are kept for later calls
--   seed               of the starts of 'kmeans'
-- columns:
--   item ANY            as in items
--   cluster BIGINT      1 = largest; NULL = noise, in the last rows
--   x DOUBLE            along the first principal component; 0 = the mean of all items; NULL where a static model knows no word of the text
--   y DOUBLE            along the second
--   silhouette DOUBLE   -1 to 1; NULL for noise, and where there is one cluster only
--   representative ANY  the item nearest to the mean of the cluster, the same in all its rows; NULL for noise
--   method VARCHAR      what was used, as in `cluster_keywords`
-- example:
--   WITH words AS (SELECT unnest(['machine learning', 'deep learning', 'neural networks', 'statistical learning',
--       'furniture sales', 'sales manager', 'selling furniture', 'sales of furniture']) AS word)
--   SELECT item, cluster, round(x, 2) AS x, round(y, 2) AS y, representative
--   FROM muster.cluster_map(words, word, min_cluster_size := 3);
CREATE MACRO muster.main.cluster_map(
    items,
    item,
    text := NULL,
    method := 'auto',
    k := NULL,
    min_cluster_size := 5,
    min_samples := 2,
    model := 'sentence-transformers/all-MiniLM-L6-v2',
    device := 'auto',
    store := NULL,
    seed := 42
) AS TABLE
WITH _muster_item_text AS (
    SELECT
        item AS _muster_item,
        -- the bare NULL has a type of its own; a NULL in a column of texts is left out
        CASE WHEN typeof(text) = '"NULL"' THEN CAST(item AS VARCHAR) ELSE CAST(text AS VARCHAR) END AS _muster_text
    FROM query_table(items)
),
_muster_distinct AS (
    SELECT _muster_item, _muster_text
    FROM _muster_item_text
    WHERE NOT muster.main._muster_blank(_muster_text)
    GROUP BY ALL
),
_muster_point AS MATERIALIZED (
    SELECT row_number() OVER (ORDER BY _muster_text ASC, _muster_item ASC NULLS LAST) AS _muster_position, _muster_item, _muster_text
    FROM _muster_distinct
),
_muster_options AS (
    SELECT muster_options(label_terms: 0, stop_words: 'none', map: true) AS _muster_asked
),
_muster_found AS (
    FROM muster.main._muster_clusters('cluster_map', _muster_point, _muster_options)
),
_muster_placed AS (
    SELECT
        _muster_point._muster_item,
        _muster_found.*,
        first(_muster_point._muster_item) OVER (
            PARTITION BY _muster_found._muster_cluster ORDER BY _muster_found._muster_place ASC
        ) AS _muster_first
    FROM _muster_found
    JOIN _muster_point ON _muster_point._muster_position = _muster_found._muster_position
)
SELECT
    _muster_item AS item,
    _muster_cluster AS cluster,
    _muster_x AS x,
    _muster_y AS y,
    _muster_silhouette AS silhouette,
    CASE WHEN _muster_cluster IS NOT NULL THEN _muster_first END AS representative,
    _muster_method AS method
FROM _muster_placed
ORDER BY _muster_cluster ASC NULLS LAST, _muster_place ASC;
