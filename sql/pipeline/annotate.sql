-- annotate: labels of everybody who has a text, by keyword filters and language models.
--
-- Keys of the providers are in the environment (`make study` has a local server in their place). An answer is written
-- to the store before its row comes out, and is never paid for twice: after a failure run the script again. Where
-- `models` and `filters` are empty, or nobody has a text, the labels are those of ratings.csv.
--
--   documents        profile_id, text: of gold people and of others
--   answers          labels of the language models, with reason, error, tokens and cost
--   filter_ratings   labels of the keyword filters
--   ratings          a view of both and of earlier_ratings: profile_id, annotator, label
BEGIN;
SET VARIABLE step = 'annotate';
SET VARIABLE ready = (
    SELECT error(getvariable('step') || ': table settings is missing, run sql/pipeline/settings.sql first')
    WHERE 'settings' NOT IN (SELECT table_name FROM information_schema.tables)
);
SET VARIABLE begun = begin_step();

CREATE OR REPLACE TABLE documents AS
FROM (FROM cvs UNION ALL FROM texts)
WHERE trim(text) <> ''
ORDER BY profile_id;

-- those of muster, and those that the study published
CREATE OR REPLACE TEMP VIEW known_filters AS
FROM muster.machine_learning_filters()
UNION ALL
FROM muster.study_filters();

SET VARIABLE problem = (
    SELECT error(format(
        'annotate: filters must be names of muster.machine_learning_filters() or muster.study_filters() ({}), got {}',
        (SELECT string_agg(annotator, ', ' ORDER BY annotator) FROM known_filters), string_agg(name, ', ' ORDER BY name)
    ))
    FROM (SELECT unnest(setting('filters')) AS name)
    WHERE name NOT IN (SELECT annotator FROM known_filters)
    HAVING count(*) > 0
);

SET VARIABLE texts = (SELECT count(*) FROM documents);
SET VARIABLE asked = getvariable('texts') > 0 AND len(setting('models')) > 0;
SET VARIABLE filtered = getvariable('texts') > 0 AND len(setting('filters')) > 0;
SET VARIABLE note = CASE
    WHEN getvariable('texts') = 0 THEN 'annotate: nobody has a text, so all labels are those of ratings.csv'
    WHEN NOT getvariable('asked') AND NOT getvariable('filtered')
        THEN 'annotate: models and filters are empty, so all labels are those of ratings.csv'
    WHEN NOT getvariable('asked') THEN 'annotate: models is empty, so no language model was asked'
END;

SET VARIABLE state = (FROM step_state());

-- a query that has nothing to do still says what its columns are
CREATE OR REPLACE TEMP VIEW answers_now AS
FROM muster.llm_annotate(
    documents, text, setting('models'),
    max_cost_usd := setting('max_cost_usd'),
    store := nullif(setting('store'), 'default')
)
WHERE getvariable('asked');
CREATE OR REPLACE TABLE answers AS FROM kept_or_now('answers');

CREATE OR REPLACE TEMP VIEW filter_ratings_now AS
FROM muster.keyword_filter(
    documents, text,
    (SELECT list(f ORDER BY f.annotator) FROM known_filters AS f WHERE list_contains(setting('filters'), f.annotator))
)
WHERE getvariable('filtered');
CREATE OR REPLACE TABLE filter_ratings AS FROM kept_or_now('filter_ratings');

CREATE OR REPLACE VIEW ratings AS
SELECT profile_id, annotator, label FROM answers
UNION ALL BY NAME
SELECT profile_id, annotator, label FROM filter_ratings
UNION ALL BY NAME
SELECT profile_id, annotator, label FROM earlier_ratings;

-- answers that failed are asked again by the next run
SET VARIABLE state = (
    SELECT CASE
        WHEN count(error) = 0 THEN getvariable('state')
        ELSE struct_update(getvariable('state'), fingerprint := count(error) || ' answers failed')
    END
    FROM answers
);

MERGE INTO muster_steps USING (FROM finished_step()) AS done USING (step)
WHEN MATCHED THEN UPDATE WHEN NOT MATCHED THEN INSERT;
COMMIT;
