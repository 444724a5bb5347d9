-- clustering: keywords of the gold CVs that mean about the same, and gold CVs that are alike.
--
--   common_keywords    keywords of enough CVs: keyword, cvs (how many have it), experts (how many of these are experts)
--   keyword_clusters   their clusters: representative, size, members, silhouette
--   keyword_map        each common keyword with its cluster and its place on a plane
--   profile_clusters   clusters of gold CVs, labelled by the words that tell them from the other CVs
BEGIN;
SET VARIABLE step = 'clustering';
SET VARIABLE ready = (
    SELECT error(getvariable('step') || ': table settings is missing, run sql/pipeline/settings.sql first')
    WHERE 'settings' NOT IN (SELECT table_name FROM information_schema.tables)
);
SET VARIABLE begun = begin_step();
SET VARIABLE cvs = (SELECT count(*) FROM gold_cvs);
SET VARIABLE note = CASE
    WHEN getvariable('cvs') = 0 THEN 'clustering: no gold person has a CV, so there is nothing to cluster'
END;
SET VARIABLE state = (FROM step_state());

CREATE OR REPLACE TEMP VIEW common_keywords_now AS
SELECT keyword, count(*) AS cvs, count(*) FILTER (is_expert) AS experts
FROM cv_keywords
JOIN gold_cvs USING (profile_id)
-- years and numbers tell nothing
WHERE NOT regexp_matches(keyword, '[0-9]')
GROUP BY keyword
HAVING count(*) >= setting('cluster_min_cvs')
ORDER BY cvs DESC, keyword;
CREATE OR REPLACE TABLE common_keywords AS FROM kept_or_now('common_keywords');

CREATE OR REPLACE TEMP VIEW keyword_clusters_now AS
FROM muster.cluster_keywords(
    common_keywords, keyword,
    weight := cvs,
    method := setting('cluster_method'),
    min_cluster_size := setting('min_cluster_size'),
    min_samples := setting('min_samples'),
    model := setting('model'),
    store := setting('store'),
    seed := setting('seed')
)
WHERE getvariable('cvs') > 0;
CREATE OR REPLACE TABLE keyword_clusters AS FROM kept_or_now('keyword_clusters');

CREATE OR REPLACE TEMP VIEW keyword_map_now AS
FROM muster.cluster_map(
    common_keywords, keyword,
    method := setting('cluster_method'),
    min_cluster_size := setting('min_cluster_size'),
    min_samples := setting('min_samples'),
    model := setting('model'),
    store := setting('store'),
    seed := setting('seed')
)
WHERE getvariable('cvs') > 0;
CREATE OR REPLACE TABLE keyword_map AS FROM kept_or_now('keyword_map');

CREATE OR REPLACE TEMP VIEW profile_clusters_now AS
FROM muster.cluster_profiles(
    gold_cvs, text,
    method := setting('cluster_method'),
    min_cluster_size := setting('min_cluster_size'),
    min_samples := setting('min_samples'),
    model := setting('model'),
    store := setting('store'),
    seed := setting('seed')
)
WHERE getvariable('cvs') > 0;
CREATE OR REPLACE TABLE profile_clusters AS FROM kept_or_now('profile_clusters');

MERGE INTO muster_steps USING (FROM finished_step()) AS done USING (step)
WHEN MATCHED THEN UPDATE WHEN NOT MATCHED THEN INSERT;
COMMIT;
