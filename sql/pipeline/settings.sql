-- settings: values that the steps of the study are run with, the steps themselves, and the frame that each stands in.
-- Run it first, and again after a change.
--
-- Another value is set before this script is run: SET VARIABLE draws = 200;
-- What is set is kept in the table `settings`, so a step that is run alone later uses the same. A variable that is set
-- in the session of a step comes before that table. Run elsewhere than in the repository's root, give `data` and
-- `scripts` other paths.

-- Value that a session's variable gives a setting of a type, as JSON: the literal [] has no type of its own.
CREATE OR REPLACE MACRO given(name, type) AS
    CASE
        WHEN type LIKE '%[]' AND typeof(getvariable(name)) NOT LIKE '%[]' THEN json_array(getvariable(name))
        ELSE to_json(getvariable(name))
    END;

-- Type of a setting whose usual value has the given one: numbers and texts are what the variable is.
CREATE OR REPLACE MACRO given_type(name, type) AS
    CASE WHEN type LIKE '%[]' OR getvariable(name) IS NULL THEN type ELSE typeof(getvariable(name)) END;

-- Settings, one row each: name, usual value, scope, meaning; the type is that of the usual value. The scope says what a
-- change means:
--   result   a step that uses the setting is computed again
--   limit    nothing: what may be spent on a step
--   place    nothing: where files lie
-- A list may be empty, and a text in place of a list is a list of one.
CREATE OR REPLACE TEMP MACRO setting_row(name, usual, scope, meaning) AS {
    name: name,
    value: CASE WHEN getvariable(name) IS NULL THEN to_json(usual) ELSE given(name, typeof(usual)) END,
    type: given_type(name, typeof(usual)),
    scope: scope,
    meaning: meaning
};

CREATE OR REPLACE TABLE settings AS
SELECT unnest([
    setting_row('data', 'data', 'place', 'folder of the input files; docs/data_sources.md says what is in them'),
    setting_row('model', 'sentence-transformers/all-MiniLM-L6-v2', 'result',
        'embedding model of keywords and clusters'),
    setting_row('store', 'default', 'place', 'file of vectors and answers, or `default` for muster''s own store'),

    setting_row('ngram_max', 2, 'result', 'most words of a keyword (the study had 4; up to 2 are three times as fast)'),
    setting_row('stop_words', 'study', 'result',
        'words that are in no keyword: `english`, `study` (these, and words that say where somebody works) or `none`'),
    setting_row('top_n', 30, 'result', 'keywords of a CV'),
    setting_row('strict', 0.95, 'result', 'least score of the keywords of the strict list'),
    setting_row('broad', 0.85, 'result', 'least score of the keywords of the broad list'),
    setting_row('learning_share', 0.5, 'result', 'share of gold CVs that lists are cut from; the others judge them'),

    setting_row('cluster_method', 'auto', 'result',
        '`hdbscan`, `kmeans` or `auto`: the first, and the second where that calls more than half noise'),
    setting_row('cluster_min_cvs', 5, 'result', 'fewest CVs that have a keyword which is clustered'),
    setting_row('min_cluster_size', 5, 'result', 'fewest members of a cluster'),
    setting_row('min_samples', 2, 'result', 'neighbours that make a dense place'),

    setting_row('models', ['google:gemini-3.1-flash-lite', 'anthropic:claude-haiku-4-5', 'openai:gpt-5-mini'], 'result',
        'language models that read every text, each as `provider:model`; `[]` for none'),
    setting_row('max_cost_usd', 5, 'limit', 'cost of all answers at most, in US dollars'),
    setting_row('filters', ['strict', 'broad'], 'result',
        'filters of muster.machine_learning_filters() or muster.study_filters() that annotate too; `[]` for none'),
    setting_row('earlier_annotators', ['gemini', 'gpt', 'sonnet', 'both'], 'result',
        'annotators of ratings.csv that are used too, `["*"]` for all of them; at most 12 annotators in all'),

    setting_row('method', 'hierarchical', 'result', 'method of muster.fit_probit_bootstrap'),
    setting_row('draws', 1000, 'result', 'replicates of muster.fit_probit_bootstrap'),
    setting_row('gold_sampling', 'by_class', 'result', 'how the rated people of companies were chosen: by_class or at_random'),
    setting_row('level', 0.8, 'result', 'level of all intervals'),
    setting_row('seed', 42, 'result', 'seed of all random numbers'),
    setting_row('diagnostics_draws', 100, 'result', 'replicates of the diagnostics, which are the slowest step'),

    setting_row('report', 'build', 'place', 'folder of the page and pictures that report.sql writes; it must exist'),
    setting_row('scripts', 'sql/pipeline', 'place',
        'folder of these scripts: a step whose script has changed is computed again, and the page shows their lineage')
], recursive := true);

-- Steps, in their order: tables and views that each makes, tables of earlier steps that it reads, those of which it
-- reads a part only, and the relations of its script that hold this part. A step is computed again when rows of what it
-- reads, or of such a part, have changed. inputs reads files, which are not compared: every run computes it.
CREATE OR REPLACE TABLE steps AS
SELECT *, len(reads || parts) > 0 AS kept
FROM (VALUES
    ('settings', ['settings', 'steps', 'muster_steps'], [], [], []),
    (
        'inputs', ['companies', 'profiles', 'earlier_ratings', 'cvs', 'texts', 'affiliations', 'input_problems'],
        [], [], []
    ),
    (
        'annotate', ['documents', 'answers', 'filter_ratings', 'ratings'],
        [], ['cvs', 'texts', 'earlier_ratings'], ['documents']
    ),
    (
        'annotator_metrics', ['annotator_metrics', 'annotator_correlations', 'annotator_agreement', 'annotator_model'],
        ['ratings'], ['profiles'], ['truths']
    ),
    (
        'cv_analysis', ['gold_cvs', 'cv_keywords', 'class_keywords', 'keyword_lists', 'keyword_list_scores'],
        [], ['cvs', 'profiles'], ['gold_cvs', 'employer_names']
    ),
    (
        'clustering', ['common_keywords', 'keyword_clusters', 'keyword_map', 'profile_clusters'],
        ['gold_cvs', 'cv_keywords'], ['cvs', 'profiles'], []
    ),
    ('affiliation', ['organisations', 'company_affiliations'], ['affiliations'], ['profiles'], ['employers']),
    (
        'probit_bootstrap', ['estimates', 'totals', 'totals_by_sector', 'likely_experts'],
        ['profiles', 'companies', 'ratings'], [], []
    ),
    ('log_debias', ['counts', 'log_debias_estimates'], ['profiles', 'ratings'], [], []),
    (
        'diagnostics', ['drift', 'drift_by_company', 'predictive_check', 'prior_sensitivity'],
        ['profiles', 'ratings'], [], []
    ),
    (
        'report', ['pictures', 'page'],
        [
            'profiles', 'input_problems', 'class_keywords', 'keyword_lists', 'keyword_list_scores', 'common_keywords',
            'keyword_clusters', 'keyword_map', 'profile_clusters', 'organisations', 'company_affiliations', 'answers',
            'ratings', 'annotator_metrics', 'annotator_correlations', 'annotator_model', 'estimates', 'totals',
            'totals_by_sector', 'log_debias_estimates', 'drift', 'predictive_check', 'prior_sensitivity'
        ],
        [], ['pipeline_edges', 'report_settings']
    )
) AS _(step, makes, reads, reads_part_of, parts);

-- Runs: when each step was computed last, a fingerprint of all that its tables depend on, and what it had nothing for.
CREATE TABLE IF NOT EXISTS muster_steps (step VARCHAR, fingerprint VARCHAR, seconds DOUBLE, finished_at TIMESTAMP);
ALTER TABLE muster_steps ADD COLUMN IF NOT EXISTS note VARCHAR;

-- The frame of a step. A script says its name, stops where settings.sql has not been run (when there is no macro that
-- could say so), and goes on with the macros below:
--
--     SET VARIABLE begun = begin_step();                     tables that it needs are there; settings
--     SET VARIABLE state = (FROM step_state());              fingerprint, and whether its tables are up to date
--     CREATE OR REPLACE TEMP VIEW x_now AS …;                query that computes the table x
--     CREATE OR REPLACE TABLE x AS FROM kept_or_now('x');    rows that are kept, or those of the query
--     MERGE INTO muster_steps USING (FROM finished_step())…  the run, where it was computed
--
-- These lines stand in every script: SQL has no procedures, and no statement makes a table whose name is a value. A
-- test compares them, and the table `steps` with what the scripts read and make.

-- Type as from_json wants it: a list of texts is ["VARCHAR"].
CREATE OR REPLACE MACRO json_type_of(type) AS
    CASE WHEN type LIKE '%[]' THEN to_json([type[:-3]]) ELSE to_json(type) END;

-- Value of a setting: the session's variable, else what the table `settings` had when the step began.
CREATE OR REPLACE MACRO setting(name) AS from_json(
    CASE
        WHEN getvariable(name) IS NULL THEN getvariable('begun').settings -> name -> 'value'
        ELSE given(name, getvariable('begun').settings -> name ->> 'type')
    END,
    json_type_of(given_type(name, getvariable('begun').settings -> name ->> 'type'))
);

-- Name and value of a setting where the script uses it, else NULL.
CREATE OR REPLACE MACRO setting_of(script, name) AS
    CASE WHEN contains(script, 'setting(''' || name || ''')') THEN concat(name, '=', to_json(setting(name))) END;

-- Checksum of the rows of a relation, whatever their order.
CREATE OR REPLACE MACRO contents(relation) AS (
    SELECT md5(concat_ws(' ', count(*), sum(hash(_row)))) FROM query_table(relation) AS _row
);

-- Names in the variable `force`, a text or a list of texts.
CREATE OR REPLACE MACRO forced_steps() AS
    regexp_extract_all(coalesce(CAST(getvariable('force') AS VARCHAR), ''), '[^\[\], '']+');

-- Error that stops the step, or NULL: a table that is missing, with the script which makes it, or a name in `force`
-- that is no step's.
CREATE OR REPLACE MACRO step_error() AS (
    WITH made AS (
        SELECT rowid AS place, step, unnest(makes) AS name, generate_subscripts(makes, 1) AS part FROM steps
    ),
    missing AS (
        SELECT format('{}: table {} is missing, run sql/pipeline/{}.sql first', steps.step, name, made.step) AS error
        FROM made
        JOIN steps ON list_contains(['muster_steps'] || reads || reads_part_of, name)
        WHERE steps.step = getvariable('step') AND name NOT IN (SELECT table_name FROM information_schema.tables)
        ORDER BY place, part
        LIMIT 1
    ),
    unknown AS (
        SELECT 'force must name steps of the study, got ' || string_agg(name, ', ' ORDER BY name) AS error
        FROM (SELECT unnest(forced_steps()) AS name)
        WHERE name NOT IN (SELECT step FROM steps WHERE kept)
    )
    SELECT coalesce((SELECT error FROM missing), (SELECT error FROM unknown))
);

-- Query of what the step's tables depend on: rows, settings and the text of its script. A step that is not kept has the
-- rows that it makes in place of those it reads.
CREATE OR REPLACE MACRO dependence_query() AS (
    SELECT format(
        'SELECT concat_ws('' '', {}, content) AS dependence FROM read_text(setting(''scripts'') || ''/{}.sql'')',
        array_to_string(
            list_transform(
                CASE WHEN kept THEN reads || parts ELSE makes END,
                lambda relation: format('contents(''{}'')', relation)
            ) || (
                SELECT list(format('setting_of(content, ''{}'')', name) ORDER BY rowid)
                FROM settings
                WHERE scope = 'result'
            ),
            ', '
        ),
        step
    )
    FROM steps
    WHERE step = getvariable('step')
);

-- Settings as JSON and that query; stops with the error of the step.
CREATE OR REPLACE MACRO begin_step() AS CASE
    WHEN step_error() IS NOT NULL THEN error(step_error())
    ELSE {
        settings: (
            SELECT json_group_object(name, {value: value, type: type}) FROM settings
        ),
        query: dependence_query()
    }
END;

-- Fingerprint of the step that has begun, and whether its tables are there and up to date (`fresh`), as one struct.
CREATE OR REPLACE MACRO step_state() AS TABLE
WITH now AS (
    SELECT md5(concat_ws(' ', dependence, (SELECT list(v ORDER BY v) FROM muster.version() AS v))) AS fingerprint
    FROM query(coalesce(getvariable('begun').query, 'SELECT NULL AS dependence'))
)
SELECT {
    fingerprint: fingerprint,
    fresh: kept
        AND NOT list_contains(forced_steps(), step)
        AND (step, fingerprint) IN (SELECT (step, fingerprint) FROM muster_steps)
        AND NOT EXISTS (
            FROM (SELECT unnest(makes) AS name)
            WHERE (current_database(), name) NOT IN (SELECT (table_catalog, table_name) FROM information_schema.tables)
        )
}
FROM now, steps
WHERE step = getvariable('step');

-- Rows of a step's table: those that are kept where the step is fresh, else those of the view of the same name with
-- _now behind it, which computes them. Only one of the two is read.
CREATE OR REPLACE MACRO kept_or_now(name) AS TABLE
FROM query_table(CASE WHEN getvariable('state').fresh THEN name ELSE name || '_now' END);

-- Row of muster_steps for the step that has begun; none where it was kept. A step that has nothing to do sets the
-- variable `note` to its name and why. now() is when the transaction began; only an
-- identifier that is made of the time tells when the statement runs.
CREATE OR REPLACE MACRO finished_step() AS TABLE
SELECT
    getvariable('step') AS step,
    getvariable('state').fingerprint AS fingerprint,
    greatest(epoch(clock) - epoch(now()), 0) AS seconds,
    make_timestamp(epoch_us(clock)) AS finished_at,
    CASE WHEN starts_with(getvariable('note'), getvariable('step') || ': ') THEN getvariable('note') END AS note
FROM (SELECT uuid_extract_timestamp(uuidv7()) AS clock)
WHERE NOT getvariable('state').fresh;
