-- log_debias: experts of each company without a truth: the number on which the annotators' counts agree.
--
--   counts                 experts that each annotator counts in each company among the n_labels people it has
--                          labelled, and scaled up from these to the headcount
--   log_debias_estimates   estimate, lower and upper of each company: agreement, not accuracy (docs/debiasing.md)
BEGIN;
SET VARIABLE step = 'log_debias';
SET VARIABLE ready = (
    SELECT error(getvariable('step') || ': table settings is missing, run sql/pipeline/settings.sql first')
    WHERE 'settings' NOT IN (SELECT table_name FROM information_schema.tables)
);
SET VARIABLE begun = begin_step();
SET VARIABLE state = (FROM step_state());

CREATE OR REPLACE TEMP VIEW counts_now AS
SELECT counted.*, headcount, value * coalesce(headcount / n_labels, 1) AS scaled
FROM muster.log_debias_counts(ratings, profiles, company) AS counted
LEFT JOIN (SELECT company, max(headcount) AS headcount FROM profiles GROUP BY company) USING (company)
ORDER BY company, annotator;
CREATE OR REPLACE TABLE counts AS FROM kept_or_now('counts');

CREATE OR REPLACE TEMP VIEW log_debias_estimates_now AS
FROM muster.log_debias_estimate(counts, company, annotator, scaled, headcount := headcount, level := setting('level'));
CREATE OR REPLACE TABLE log_debias_estimates AS FROM kept_or_now('log_debias_estimates');

MERGE INTO muster_steps USING (FROM finished_step()) AS done USING (step)
WHEN MATCHED THEN UPDATE WHEN NOT MATCHED THEN INSERT;
COMMIT;
