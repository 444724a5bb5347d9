-- all: the whole study, step by step, in the command-line client with the extension loaded:
--
--     duckdb -unsigned study.db -cmd "LOAD 'build/release/muster.duckdb_extension'" < sql/pipeline/all.sql
--
-- From elsewhere than the repository's root set the folder of the scripts, and that of the files, first:
--
--     SET VARIABLE scripts = '/home/me/muster/sql/pipeline'; SET VARIABLE data = '/home/me/study';
--
-- A second run computes what has changed, and nothing else. The first error ends it; what is done stays, and the next
-- run goes on there. Steps that need nothing but what is given come first, so that a wrong setting is soon said.
.bail on
SET VARIABLE all_started = make_timestamp(epoch_us(now()));
SET VARIABLE all_scripts = coalesce(getvariable('scripts'), 'sql/pipeline');
SET VARIABLE all_problem = (
    SELECT error(format(
        'all: scripts must be the folder of the scripts of the study, got {}: it has no settings.sql',
        getvariable('all_scripts')
    ))
    WHERE NOT EXISTS (FROM glob(getvariable('all_scripts') || '/settings.sql'))
);

-- The client reads a file by a literal name only, so the names of the scripts go through a file in the folder where it
-- runs.
COPY (
    SELECT encode(array_to_string(list_transform(
        [
            'settings', 'inputs', 'annotate', 'annotator_metrics', 'cv_analysis', 'clustering', 'affiliation',
            'probit_bootstrap', 'log_debias', 'diagnostics', 'report'
        ],
        lambda step: format(
            '.print {}{}.read "{}/{}.sql"{}',
            step, chr(10), replace(replace(getvariable('all_scripts'), '\', '\\'), '"', '\"'), step, chr(10)
        )
    ), ''))
) TO 'muster_all.tmp' (FORMAT blob);
.read muster_all.tmp

SELECT
    step,
    CASE WHEN finished_at >= getvariable('all_started') THEN 'computed' ELSE 'kept' END AS this_run,
    round(seconds, 1) AS seconds,
    coalesce(regexp_replace(note, '^\w+: ', ''), '') AS note
FROM steps
JOIN muster_steps USING (step)
ORDER BY steps.rowid;
