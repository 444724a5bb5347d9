-- annotate: everybody who has a text, read by keyword filters and by language models.
--
-- Needs inputs.sql, and keys of the providers in the environment (`make study` has a local server in their place). An answer is written to
-- the store before its row comes out, and is never paid for twice: after a failure run the script again. Makes
--   documents        profile_id, text: of gold people and of others
--   answers          what the language models said, with reason, error, tokens and cost
--   filter_ratings   what the keyword filters said
--   ratings          a view of both and of earlier_ratings: profile_id, annotator, label
BEGIN;

SET VARIABLE missing = (
    SELECT error('annotate: table ' || name || ' is missing, run sql/pipeline/' || script || '.sql first')
    FROM (VALUES
        ('settings', 'settings'),
        ('muster_steps', 'settings'),
        ('cvs', 'inputs'),
        ('texts', 'inputs'),
        ('earlier_ratings', 'inputs')
    ) AS needed(name, script)
    WHERE name NOT IN (SELECT table_name FROM information_schema.tables)
    LIMIT 1
);

SET VARIABLE scripts = coalesce(getvariable('scripts'), (SELECT scripts FROM settings));
SET VARIABLE models = coalesce(getvariable('models'), (SELECT models FROM settings));
SET VARIABLE filters = coalesce(getvariable('filters'), (SELECT filters FROM settings));
SET VARIABLE max_cost_usd = coalesce(getvariable('max_cost_usd'), (SELECT max_cost_usd FROM settings));
SET VARIABLE store = coalesce(getvariable('store'), (SELECT store FROM settings));

CREATE OR REPLACE TABLE documents AS
FROM (FROM cvs UNION ALL FROM texts)
WHERE trim(text) <> ''
ORDER BY profile_id;

SET VARIABLE fingerprint = (
    SELECT md5(concat_ws(
        ' ',
        contents('documents'),
        CAST(to_json({models: getvariable('models'), filters: getvariable('filters')}) AS VARCHAR),
        (SELECT CAST(list(v ORDER BY v) AS VARCHAR) FROM muster.version() AS v),
        (SELECT content FROM read_text(getvariable('scripts') || '/annotate.sql'))
    ))
);
SET VARIABLE fresh = is_fresh('annotate', getvariable('fingerprint'), ['answers', 'filter_ratings']);

CREATE OR REPLACE TEMP VIEW answers_now AS
FROM muster.llm_annotate(
    documents, text, getvariable('models'),
    max_cost_usd := getvariable('max_cost_usd'),
    store := nullif(getvariable('store'), 'default')
);
CREATE OR REPLACE TABLE answers AS FROM kept_or_now('answers');

CREATE OR REPLACE TEMP VIEW filter_ratings_now AS
FROM muster.keyword_filter(
    documents, text,
    (SELECT list(f) FROM muster.study_filters() AS f WHERE list_contains(getvariable('filters'), f.annotator))
);
CREATE OR REPLACE TABLE filter_ratings AS FROM kept_or_now('filter_ratings');

CREATE OR REPLACE VIEW ratings AS
SELECT profile_id, annotator, label FROM answers
UNION ALL BY NAME
SELECT profile_id, annotator, label FROM filter_ratings
UNION ALL BY NAME
SELECT profile_id, annotator, label FROM earlier_ratings;

-- what failed is asked again by the next run
SET VARIABLE fingerprint = (
    SELECT CASE WHEN count(error) = 0 THEN getvariable('fingerprint') ELSE count(error) || ' answers failed' END FROM answers
);

DELETE FROM muster_steps WHERE step = 'annotate' AND NOT getvariable('fresh');
INSERT INTO muster_steps
SELECT 'annotate', getvariable('fingerprint'), NULL, make_timestamp(epoch_us(now()))
WHERE NOT getvariable('fresh');
COMMIT;

UPDATE muster_steps
SET seconds = epoch(now()) - epoch(finished_at), finished_at = make_timestamp(epoch_us(now()))
WHERE step = 'annotate' AND seconds IS NULL;
