-- cluster_profiles: Profiles whose texts mean about the same, as clusters of embeddings with labels.
-- section: Clusters
--
-- Texts are embedded and clustered as in `cluster_keywords`; each profile is a point. A label is a few words and phrases
-- of two words that are commoner in the texts of the cluster than in all others: by the log-odds over their standard
-- deviation, as `log_odds_z` of `discriminative_keywords`, of terms that occur in two texts at least. No word comes
-- twice, numbers do not count, and a phrase comes in the place of a word that mostly stands in it.
--
-- A model reads the beginning of a long text only (256 tokens with the default); labels come from all of it. Profiles
-- whose text is NULL or blank are left out; at most 1,000,000 are possible, and above 100,000 the
-- clusters are approximate, which `method` says. Neither threads nor the order of rows changes a cluster.
--
-- Where `enable_external_access` is false it is an error, since a model is files.
--
-- arguments:
--   docs               relation with profile_id and what the next argument names
--   text               expression over docs: the text
--   method             'auto', 'hdbscan', 'hdbscan_approximate' or 'kmeans', as in `cluster_keywords`
--   k                  clusters of 'kmeans', at most 1000, and at most the different texts; NULL = chosen by silhouettes; 'auto' heeds it where it takes 'kmeans'
--   min_cluster_size   for 'hdbscan': fewest profiles of a cluster, at least 2
--   min_samples        for 'hdbscan': density goes by the distance to so many nearest, itself included; 1 to 200
--   model              name or folder of an embedding model, as in `embed`
--   device             'auto', 'cpu' or 'cuda'
--   store              NULL, 'default' or a file: where vectors are kept for later calls
--   seed               of the starts of 'kmeans'
--   label_terms        most terms of a label, 0 to 100
--   stop_words         words that are in no label: 'english', 'study', 'none', or a list of words, cut as texts are
-- columns:
--   cluster BIGINT          1 = largest; NULL = noise, in the last row
--   label VARCHAR[]         terms, the most distinctive first; NULL for noise, and with `label_terms` 0
--   representative ANY      profile_id of the profile nearest to the mean of the cluster
--   size BIGINT             profiles
--   members ANY             list of their profile_id, nearest to the mean first; noise by text
--   silhouette DOUBLE       mean of the members', -1 to 1; NULL for noise, and where there is one cluster only
--   method VARCHAR          what was used, as in `cluster_keywords`
-- example:
--   WITH cvs AS (FROM (VALUES
--       (1, 'Machine learning engineer, neural networks for vision'), (2, 'Neural networks researcher, machine learning'),
--       (3, 'PhD student: neural networks and machine learning'), (4, 'Sales of office furniture to hotels'),
--       (5, 'I lead office furniture sales'), (6, 'Office furniture sales manager'), (7, 'Volcanic rock')
--   ) AS t(profile_id, cv))
--   SELECT * EXCLUDE silhouette FROM muster.cluster_profiles(cvs, cv, min_cluster_size := 3);
CREATE MACRO muster.main.cluster_profiles(
    docs,
    text,
    method := 'auto',
    k := NULL,
    min_cluster_size := 5,
    min_samples := 2,
    model := 'sentence-transformers/all-MiniLM-L6-v2',
    device := 'auto',
    store := NULL,
    seed := 42,
    label_terms := 3,
    stop_words := 'english'
) AS TABLE
WITH _muster_document AS (
    SELECT
        profile_id AS _muster_id,
        CAST(muster.main._muster_argument('cluster_profiles', 'text', 'docs', typeof(_muster_d), text) AS VARCHAR) AS _muster_text
    FROM query_table(docs) AS _muster_d
),
_muster_point AS MATERIALIZED (
    SELECT row_number() OVER (ORDER BY _muster_text ASC, _muster_id ASC NULLS LAST) AS _muster_position, _muster_id, _muster_text
    FROM _muster_document
    WHERE NOT muster.main._muster_blank(_muster_text)
),
_muster_options AS (
    SELECT muster_options(map: false) AS _muster_asked
),
_muster_found AS (
    FROM muster.main._muster_clusters('cluster_profiles', _muster_point, _muster_options)
),
_muster_cluster_row AS (
    SELECT
        _muster_found._muster_cluster,
        first(_muster_found._muster_label ORDER BY _muster_found._muster_place ASC) AS _muster_label,
        list(_muster_point._muster_id ORDER BY _muster_found._muster_place ASC) AS _muster_members,
        list_avg(list(_muster_found._muster_silhouette ORDER BY _muster_found._muster_place ASC)) AS _muster_silhouette,
        first(_muster_found._muster_method) AS _muster_method
    FROM _muster_found
    JOIN _muster_point ON _muster_point._muster_position = _muster_found._muster_position
    GROUP BY _muster_found._muster_cluster
)
SELECT
    _muster_cluster AS cluster,
    _muster_label AS label,
    CASE WHEN _muster_cluster IS NOT NULL THEN _muster_members[1] END AS representative,
    len(_muster_members) AS size,
    _muster_members AS members,
    _muster_silhouette AS silhouette,
    _muster_method AS method
FROM _muster_cluster_row
ORDER BY _muster_cluster ASC NULLS LAST;
