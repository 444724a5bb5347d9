-- clustering: the keywords of the gold CVs that mean about the same, and gold CVs that are alike.
--
-- Needs cv_analysis.sql. Makes
--   common_keywords    keywords of enough CVs: keyword, cvs (how many have it), experts (how many of these are experts)
--   keyword_clusters   their clusters: representative, size, members, silhouette
--   keyword_map        each of them with its cluster and its place on a plane
--   profile_clusters   clusters of gold CVs, labelled by the words that tell them from the other CVs
BEGIN;

SET VARIABLE missing = (
    SELECT error('clustering: table ' || name || ' is missing, run sql/pipeline/' || script || '.sql first')
    FROM (VALUES
        ('settings', 'settings'),
        ('muster_steps', 'settings'),
        ('cvs', 'inputs'),
        ('profiles', 'inputs'),
        ('cv_keywords', 'cv_analysis')
    ) AS needed(name, script)
    WHERE name NOT IN (SELECT table_name FROM information_schema.tables)
    LIMIT 1
);

SET VARIABLE scripts = coalesce(getvariable('scripts'), (SELECT scripts FROM settings));
SET VARIABLE model = coalesce(getvariable('model'), (SELECT model FROM settings));
SET VARIABLE store = coalesce(getvariable('store'), (SELECT store FROM settings));
SET VARIABLE seed = coalesce(getvariable('seed'), (SELECT seed FROM settings));
SET VARIABLE cluster_method = coalesce(getvariable('cluster_method'), (SELECT cluster_method FROM settings));
SET VARIABLE cluster_min_cvs = coalesce(getvariable('cluster_min_cvs'), (SELECT cluster_min_cvs FROM settings));
SET VARIABLE min_cluster_size = coalesce(getvariable('min_cluster_size'), (SELECT min_cluster_size FROM settings));
SET VARIABLE min_samples = coalesce(getvariable('min_samples'), (SELECT min_samples FROM settings));

CREATE OR REPLACE TEMP VIEW gold_cvs AS
SELECT profile_id, text, is_expert
FROM cvs
JOIN profiles USING (profile_id)
WHERE is_expert IS NOT NULL AND text IS NOT NULL
ORDER BY profile_id;

SET VARIABLE fingerprint = (
    SELECT md5(concat_ws(
        ' ',
        contents('gold_cvs'),
        contents('cv_keywords'),
        CAST(to_json({
            model: getvariable('model'),
            seed: getvariable('seed'),
            cluster_method: getvariable('cluster_method'),
            cluster_min_cvs: getvariable('cluster_min_cvs'),
            min_cluster_size: getvariable('min_cluster_size'),
            min_samples: getvariable('min_samples')
        }) AS VARCHAR),
        (SELECT CAST(list(v ORDER BY v) AS VARCHAR) FROM muster.version() AS v),
        (SELECT content FROM read_text(getvariable('scripts') || '/clustering.sql'))
    ))
);
SET VARIABLE fresh = is_fresh(
    'clustering', getvariable('fingerprint'),
    ['common_keywords', 'keyword_clusters', 'keyword_map', 'profile_clusters']
);

CREATE OR REPLACE TEMP VIEW common_keywords_now AS
SELECT keyword, count(*) AS cvs, count(*) FILTER (is_expert) AS experts
FROM cv_keywords
JOIN gold_cvs USING (profile_id)
-- years and numbers tell nothing
WHERE NOT regexp_matches(keyword, '[0-9]')
GROUP BY keyword
HAVING count(*) >= getvariable('cluster_min_cvs')
ORDER BY cvs DESC, keyword;
CREATE OR REPLACE TABLE common_keywords AS FROM kept_or_now('common_keywords');

CREATE OR REPLACE TEMP VIEW keyword_clusters_now AS
FROM muster.cluster_keywords(
    common_keywords, keyword,
    weight := cvs,
    method := getvariable('cluster_method'),
    min_cluster_size := getvariable('min_cluster_size'),
    min_samples := getvariable('min_samples'),
    model := getvariable('model'),
    store := getvariable('store'),
    seed := getvariable('seed')
);
CREATE OR REPLACE TABLE keyword_clusters AS FROM kept_or_now('keyword_clusters');

CREATE OR REPLACE TEMP VIEW keyword_map_now AS
FROM muster.cluster_map(
    common_keywords, keyword,
    method := getvariable('cluster_method'),
    min_cluster_size := getvariable('min_cluster_size'),
    min_samples := getvariable('min_samples'),
    model := getvariable('model'),
    store := getvariable('store'),
    seed := getvariable('seed')
);
CREATE OR REPLACE TABLE keyword_map AS FROM kept_or_now('keyword_map');

CREATE OR REPLACE TEMP VIEW profile_clusters_now AS
FROM muster.cluster_profiles(
    gold_cvs, text,
    method := getvariable('cluster_method'),
    min_cluster_size := getvariable('min_cluster_size'),
    min_samples := getvariable('min_samples'),
    model := getvariable('model'),
    store := getvariable('store'),
    seed := getvariable('seed')
);
CREATE OR REPLACE TABLE profile_clusters AS FROM kept_or_now('profile_clusters');

DELETE FROM muster_steps WHERE step = 'clustering' AND NOT getvariable('fresh');
INSERT INTO muster_steps
SELECT 'clustering', getvariable('fingerprint'), NULL, make_timestamp(epoch_us(now()))
WHERE NOT getvariable('fresh');
COMMIT;

UPDATE muster_steps
SET seconds = epoch(now()) - epoch(finished_at), finished_at = make_timestamp(epoch_us(now()))
WHERE step = 'clustering' AND seconds IS NULL;
