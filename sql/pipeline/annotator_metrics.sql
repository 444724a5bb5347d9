-- annotator_metrics: quality of each annotator on the gold people, and which of them err together.
--
--   annotator_metrics        sensitivity, specificity, accuracy and bias, of each and of the model of all of them
--   annotator_correlations   phi and tetrachoric correlation of each pair, within experts and within the others
--   annotator_agreement      Cohen's kappa of each pair, over everybody both have labelled
--   annotator_model          the fitted model in numbers, with the annotators it dropped, and why
BEGIN;
SET VARIABLE step = 'annotator_metrics';
SET VARIABLE ready = (
    SELECT error(getvariable('step') || ': table settings is missing, run sql/pipeline/settings.sql first')
    WHERE 'settings' NOT IN (SELECT table_name FROM information_schema.tables)
);
SET VARIABLE begun = begin_step();

CREATE OR REPLACE TEMP VIEW truths AS
SELECT profile_id, is_expert FROM profiles;

SET VARIABLE state = (FROM step_state());

CREATE OR REPLACE TEMP VIEW annotator_metrics_now AS
FROM muster.annotator_metrics(ratings, truths, is_expert, level := setting('level'));
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

MERGE INTO muster_steps USING (FROM finished_step()) AS done USING (step)
WHEN MATCHED THEN UPDATE WHEN NOT MATCHED THEN INSERT;
COMMIT;
