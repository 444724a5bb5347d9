-- annotator_metrics: what each annotator is worth on the gold people, and which err together.
--
-- Needs inputs.sql and annotate.sql. Makes
--   annotator_metrics        sensitivity, specificity, accuracy and bias, of each and of the model of all of them
--   annotator_correlations   phi and tetrachoric correlation of each pair, within experts and within the others
--   annotator_agreement      Cohen's kappa of each pair, over everybody both have labelled
--   annotator_model          the fitted model in numbers, with the annotators it dropped, and why
BEGIN;

SET VARIABLE missing = (
    SELECT error('annotator_metrics: table ' || name || ' is missing, run sql/pipeline/' || script || '.sql first')
    FROM (VALUES
        ('settings', 'settings'),
        ('muster_steps', 'settings'),
        ('profiles', 'inputs'),
        ('ratings', 'annotate')
    ) AS needed(name, script)
    WHERE name NOT IN (SELECT table_name FROM information_schema.tables)
    LIMIT 1
);

SET VARIABLE scripts = coalesce(getvariable('scripts'), (SELECT scripts FROM settings));
SET VARIABLE level = coalesce(getvariable('level'), (SELECT level FROM settings));

CREATE OR REPLACE TEMP VIEW truths AS
SELECT profile_id, is_expert FROM profiles;

SET VARIABLE fingerprint = (
    SELECT md5(concat_ws(
        ' ',
        contents('truths'),
        contents('ratings'),
        CAST(to_json({level: getvariable('level')}) AS VARCHAR),
        (SELECT CAST(list(v ORDER BY v) AS VARCHAR) FROM muster.version() AS v),
        (SELECT content FROM read_text(getvariable('scripts') || '/annotator_metrics.sql'))
    ))
);
SET VARIABLE fresh = is_fresh(
    'annotator_metrics', getvariable('fingerprint'),
    ['annotator_metrics', 'annotator_correlations', 'annotator_agreement', 'annotator_model']
);

CREATE OR REPLACE TEMP VIEW annotator_metrics_now AS
FROM muster.annotator_metrics(ratings, truths, is_expert, level := getvariable('level'));
CREATE OR REPLACE TABLE annotator_metrics AS FROM kept_or_now('annotator_metrics');

CREATE OR REPLACE TEMP VIEW annotator_correlations_now AS
FROM muster.annotator_correlations(ratings, truths, is_expert);
CREATE OR REPLACE TABLE annotator_correlations AS FROM kept_or_now('annotator_correlations');

CREATE OR REPLACE TEMP VIEW annotator_agreement_now AS
FROM muster.llm_agreement(ratings);
CREATE OR REPLACE TABLE annotator_agreement AS FROM kept_or_now('annotator_agreement');

CREATE OR REPLACE TEMP VIEW annotator_model_now AS
FROM muster.probit_model(ratings, truths, is_expert);
CREATE OR REPLACE TABLE annotator_model AS FROM kept_or_now('annotator_model');

DELETE FROM muster_steps WHERE step = 'annotator_metrics' AND NOT getvariable('fresh');
INSERT INTO muster_steps
SELECT 'annotator_metrics', getvariable('fingerprint'), NULL, make_timestamp(epoch_us(now()))
WHERE NOT getvariable('fresh');
COMMIT;

UPDATE muster_steps
SET seconds = epoch(now()) - epoch(finished_at), finished_at = make_timestamp(epoch_us(now()))
WHERE step = 'annotator_metrics' AND seconds IS NULL;
