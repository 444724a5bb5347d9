-- cluster_keywords: Keywords that mean about the same, as clusters of their embeddings.
-- section: Clusters
--
-- Different keywords are embedded by `model` and clustered by the directions of their vectors. 'hdbscan' finds clusters
-- of any number and density, and leaves keywords that belong to none: noise. 'kmeans' gives every keyword to one of `k`
-- clusters. 'auto' is 'hdbscan', and 'kmeans' where that calls more than half of the keywords noise or puts them into one cluster. Labels of HDBSCAN
-- are those of scikit-learn, whose min_samples counts the point itself.
--
-- Clusters are numbered by size, the largest first. Members are ordered by their cosine with the mean of their cluster,
-- and the first is the representative. A silhouette compares the mean distance to the other members with that to the
-- nearest other cluster: 1 is at home, 0 between two, below 0 nearer to the other. NULL and blank keywords are left
-- out; at most 1,000,000 different ones are possible. Neither threads nor the order of rows changes a cluster. See
-- docs/clustering.md.
--
-- 'hdbscan_approximate' compares a keyword with those of near cells instead of all. Above 100,000 different keywords 'hdbscan' and
-- 'auto' do so too, and k-means is fitted to 100,000 of them. The column `method` always says what was done.
--
-- Where `enable_external_access` is false it is an error, since a model is files.
--
-- arguments:
--   keywords           relation with what the next arguments name
--   keyword            expression over keywords: the keyword; one may stand in many rows
--   weight             expression over keywords: what a row counts in `weight`, at least 0; NULL counts nothing
--   method             'auto', 'hdbscan', 'hdbscan_approximate' or 'kmeans'
--   k                  clusters of 'kmeans', at most 1000, and at most the different keywords; NULL = chosen by silhouettes; 'auto' heeds it where it takes 'kmeans'
--   min_cluster_size   for 'hdbscan': fewest keywords of a cluster, at least 2
--   min_samples        for 'hdbscan': density goes by the distance to so many nearest, itself included; 1 to 200
--   model              name or folder of an embedding model, as in `embed`
--   device             'auto', 'cpu' or 'cuda'
--   store              NULL, 'default' or a file: where vectors are kept for later calls
--   seed               of the starts of 'kmeans'
-- columns:
--   cluster BIGINT          1 = largest; NULL = noise, in the last row
--   representative VARCHAR  the keyword nearest to the mean of the cluster
--   size BIGINT             different keywords
--   weight DOUBLE           sum of the weights of their rows
--   members VARCHAR[]       the keywords, nearest to the mean first; noise by code point
--   silhouette DOUBLE       mean of the members', -1 to 1; NULL for noise, and where there is one cluster only
--   method VARCHAR          what was used: 'hdbscan' or 'kmeans', with '_approximate' behind it where it was that
-- example:
--   WITH found AS (FROM (VALUES
--       (1, 'machine learning'), (1, 'deep learning'), (2, 'machine learning'), (2, 'neural networks'),
--       (3, 'statistical learning'), (4, 'furniture sales'), (5, 'sales manager'), (6, 'selling furniture'),
--       (7, 'sales of furniture'), (8, 'patent law')
--   ) AS t(profile_id, keyword))
--   SELECT * REPLACE (round(silhouette, 2) AS silhouette)
--   FROM muster.cluster_keywords(found, keyword, min_cluster_size := 3);
CREATE MACRO muster.main.cluster_keywords(
    keywords,
    keyword,
    weight := 1,
    method := 'auto',
    k := NULL,
    min_cluster_size := 5,
    min_samples := 2,
    model := 'sentence-transformers/all-MiniLM-L6-v2',
    device := 'auto',
    store := NULL,
    seed := 42
) AS TABLE
WITH _muster_keyword AS (
    SELECT
        CAST(keyword AS VARCHAR) AS _muster_text,
        muster.main._muster_number('cluster_keywords', 'weight', 'be a number of at least 0', weight) AS _muster_weight
    FROM query_table(keywords)
),
_muster_point AS MATERIALIZED (
    SELECT
        row_number() OVER (ORDER BY _muster_text ASC) AS _muster_position,
        _muster_text,
        coalesce(sum(CASE
            WHEN _muster_weight >= 0 AND _muster_weight < 'infinity'::DOUBLE THEN _muster_weight
            WHEN _muster_weight IS NOT NULL
                THEN error('cluster_keywords: weight must be a number of at least 0, got ' || _muster_weight)
        END ORDER BY _muster_weight ASC), 0) AS _muster_weight
    FROM _muster_keyword
    WHERE NOT muster.main._muster_blank(_muster_text)
    GROUP BY _muster_text
),
_muster_options AS (
    SELECT muster_options(label_terms: 0, stop_words: 'none', map: false) AS _muster_asked
),
_muster_found AS (
    FROM muster.main._muster_clusters('cluster_keywords', _muster_point, _muster_options)
),
_muster_cluster_row AS (
    SELECT
        _muster_found._muster_cluster,
        list(_muster_point._muster_text ORDER BY _muster_found._muster_place ASC) AS _muster_members,
        sum(_muster_point._muster_weight ORDER BY _muster_found._muster_place ASC) AS _muster_weight,
        list_avg(list(_muster_found._muster_silhouette ORDER BY _muster_found._muster_place ASC)) AS _muster_silhouette,
        first(_muster_found._muster_method) AS _muster_method
    FROM _muster_found
    JOIN _muster_point ON _muster_point._muster_position = _muster_found._muster_position
    GROUP BY _muster_found._muster_cluster
)
SELECT
    _muster_cluster AS cluster,
    CASE WHEN _muster_cluster IS NOT NULL THEN _muster_members[1] END AS representative,
    len(_muster_members) AS size,
    _muster_weight AS weight,
    _muster_members AS members,
    _muster_silhouette AS silhouette,
    _muster_method AS method
FROM _muster_cluster_row
ORDER BY _muster_cluster ASC NULLS LAST;
