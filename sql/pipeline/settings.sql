-- settings: what the steps of the study are run with. Run it first, and again after a change.
--
-- Another value is set before this script is run: SET VARIABLE draws = 200;
-- What is set is kept in the table `settings`, so a step that is run alone later uses the same. A variable that is set in
-- the session of a step comes before that table. Run from the repository's root, or give `data` and `scripts` other paths.

-- folder of the input files; docs/data_sources.md says what is in them
SET VARIABLE data = coalesce(getvariable('data'), 'data');
-- embedding model of keywords and clusters
SET VARIABLE model = coalesce(getvariable('model'), 'sentence-transformers/all-MiniLM-L6-v2');
-- where vectors and answers are kept: a file, or 'default' for muster's own store
SET VARIABLE store = coalesce(getvariable('store'), 'default');

-- most words of a keyword (the study had 4; up to 2 are three times as fast)
SET VARIABLE ngram_max = coalesce(getvariable('ngram_max'), 2);
-- words that are in no keyword: 'english', 'study' (these, and words that say where somebody works) or 'none'
SET VARIABLE stop_words = coalesce(getvariable('stop_words'), 'study');
-- keywords of a CV
SET VARIABLE top_n = coalesce(getvariable('top_n'), 30);
-- least scores of the keywords of the strict and of the broad list
SET VARIABLE strict = coalesce(getvariable('strict'), 0.95);
SET VARIABLE broad = coalesce(getvariable('broad'), 0.85);
-- share of the gold CVs that lists are cut from; the others judge them
SET VARIABLE learning_share = coalesce(getvariable('learning_share'), 0.5);

-- 'hdbscan', 'kmeans' or 'auto': the first, and the second where that calls more than half noise
SET VARIABLE cluster_method = coalesce(getvariable('cluster_method'), 'auto');
-- a keyword is clustered when so many CVs have it
SET VARIABLE cluster_min_cvs = coalesce(getvariable('cluster_min_cvs'), 5);
-- fewest members of a cluster, and how many neighbours make a dense place
SET VARIABLE min_cluster_size = coalesce(getvariable('min_cluster_size'), 5);
SET VARIABLE min_samples = coalesce(getvariable('min_samples'), 2);

-- the language models that read every text, each as 'provider:model'
SET VARIABLE models = coalesce(
    getvariable('models'),
    ['google:gemini-3.1-flash-lite', 'anthropic:claude-haiku-4-5', 'openai:gpt-5-mini']
);
-- what all answers may cost, in US dollars
SET VARIABLE max_cost_usd = coalesce(getvariable('max_cost_usd'), 5);
-- which of muster.study_filters() are annotators too
SET VARIABLE filters = coalesce(getvariable('filters'), ['strict', 'broad']);
-- annotators of ratings.csv that are used beside them; at most 12 annotators in all
SET VARIABLE earlier_annotators = coalesce(getvariable('earlier_annotators'), ['gemini', 'gpt', 'sonnet', 'both']);

-- of muster.fit_probit_bootstrap: method, replicates, drift that is allowed for
SET VARIABLE method = coalesce(getvariable('method'), 'company');
SET VARIABLE draws = coalesce(getvariable('draws'), 1000);
SET VARIABLE drift_sd = coalesce(getvariable('drift_sd'), 0);
-- level of all intervals, and the seed of all random numbers
SET VARIABLE level = coalesce(getvariable('level'), 0.8);
SET VARIABLE seed = coalesce(getvariable('seed'), 42);
-- replicates of the diagnostics, which are the slowest step
SET VARIABLE diagnostics_draws = coalesce(getvariable('diagnostics_draws'), 100);

-- folder of the page and the pictures that report.sql writes; it must exist
SET VARIABLE report = coalesce(getvariable('report'), 'build');
-- folder of these scripts: a step whose script has changed is computed again, and the page shows their lineage
SET VARIABLE scripts = coalesce(getvariable('scripts'), 'sql/pipeline');

CREATE OR REPLACE TABLE settings AS
SELECT
    getvariable('data') AS data,
    getvariable('model') AS model,
    getvariable('store') AS store,
    getvariable('ngram_max') AS ngram_max,
    getvariable('stop_words') AS stop_words,
    getvariable('top_n') AS top_n,
    getvariable('strict') AS strict,
    getvariable('broad') AS broad,
    getvariable('learning_share') AS learning_share,
    getvariable('cluster_method') AS cluster_method,
    getvariable('cluster_min_cvs') AS cluster_min_cvs,
    getvariable('min_cluster_size') AS min_cluster_size,
    getvariable('min_samples') AS min_samples,
    getvariable('models') AS models,
    getvariable('max_cost_usd') AS max_cost_usd,
    getvariable('filters') AS filters,
    getvariable('earlier_annotators') AS earlier_annotators,
    getvariable('method') AS method,
    getvariable('draws') AS draws,
    getvariable('drift_sd') AS drift_sd,
    getvariable('level') AS level,
    getvariable('seed') AS seed,
    getvariable('diagnostics_draws') AS diagnostics_draws,
    getvariable('report') AS report,
    getvariable('scripts') AS scripts;

-- What every step does to be run again cheaply.
--
-- muster_steps holds, of each step, a fingerprint of all that its tables depend on: inputs, settings, versions, the text of its
-- script. A step whose fingerprint is the same keeps its tables. It computes otherwise, and where SET VARIABLE force = 'clustering' names it
-- (or a list of steps: ['clustering', 'annotate']).
CREATE TABLE IF NOT EXISTS muster_steps (step VARCHAR, fingerprint VARCHAR, seconds DOUBLE, finished_at TIMESTAMP);

-- a checksum of the rows of a relation, whatever their order
CREATE OR REPLACE MACRO contents(relation) AS (
    SELECT md5(concat_ws(' ', count(*), sum(hash(_row)))) FROM query_table(relation) AS _row
);

-- whether a step's tables are there and up to date
CREATE OR REPLACE MACRO is_fresh(name, wanted, made) AS (
    SELECT CASE
        WHEN len(unknown) > 0 THEN error('force must name steps of the study, got ' || array_to_string(unknown, ', '))
        ELSE NOT list_contains(forced, name)
            AND (SELECT count(*) > 0 FROM muster_steps WHERE step = name AND fingerprint = wanted)
            AND len(list_filter(made, lambda t: NOT list_contains(tables, t))) = 0
    END
    FROM (
        SELECT
            forced,
            list_filter(forced, lambda f: NOT list_contains([
                'cv_analysis', 'clustering', 'affiliation', 'annotate', 'annotator_metrics', 'probit_bootstrap', 'log_debias',
                'diagnostics', 'report'
            ], f)) AS unknown,
            (SELECT list(table_name) FROM information_schema.tables WHERE table_catalog = current_database()) AS tables
        FROM (SELECT regexp_extract_all(coalesce(CAST(getvariable('force') AS VARCHAR), ''), '[^\[\], '']+') AS forced)
    )
);

-- The rows of a step's table: those that are kept where the step is fresh, else those of the view of the same name with _now
-- behind it, which computes them. Only one of the two is read.
CREATE OR REPLACE MACRO kept_or_now(name) AS TABLE
FROM query_table(CASE WHEN getvariable('fresh') THEN name ELSE name || '_now' END);
