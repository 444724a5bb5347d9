-- all: the whole study, step by step. From the repository's root, with the extension loaded:
--
--     duckdb -unsigned study.db -cmd "LOAD 'build/release/muster.duckdb_extension'" < sql/pipeline/all.sql
--
-- A second run computes what has changed, and nothing else. The first error ends it; what is done stays, and the next
-- run goes on there. Steps that need nothing but what is given come first, so that a wrong setting is soon said.
.bail on
SET VARIABLE all_started = make_timestamp(epoch_us(now()));
.print settings
.read sql/pipeline/settings.sql
.print inputs
.read sql/pipeline/inputs.sql
.print annotate
.read sql/pipeline/annotate.sql
.print annotator_metrics
.read sql/pipeline/annotator_metrics.sql
.print cv_analysis
.read sql/pipeline/cv_analysis.sql
.print clustering
.read sql/pipeline/clustering.sql
.print affiliation
.read sql/pipeline/affiliation.sql
.print probit_bootstrap
.read sql/pipeline/probit_bootstrap.sql
.print log_debias
.read sql/pipeline/log_debias.sql
.print diagnostics
.read sql/pipeline/diagnostics.sql
.print report
.read sql/pipeline/report.sql

SELECT
    step,
    CASE WHEN finished_at >= getvariable('all_started') THEN 'computed' ELSE 'kept' END AS this_run,
    round(seconds, 1) AS seconds,
    coalesce(regexp_replace(note, '^\w+: ', ''), '') AS note
FROM steps
JOIN muster_steps USING (step)
ORDER BY steps.rowid;
