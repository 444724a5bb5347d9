-- llm_import: Takes answers that `llm_store` gave elsewhere into the store, so that a study can be replayed.
-- section: Language models
--
-- Every row is checked before any of them is there: its hash must be that of its request, and its label what the answer stands
-- for in the request's schema (labels are read as everywhere: true and false, 1 and 0, yes and no, of any type). One row that is
-- wrong ends the import with an error, and nothing has been imported. Answers that are there already stay as they are. With
-- `replay := true`, `llm_annotate` then answers from them alone.
--
-- Where `enable_external_access` is false it is an error, since it writes files of the store.
--
-- arguments:
--   answers   relation with the columns of `llm_store`, such as a Parquet file of them
--   store     place of the answers: 'a' has them in the folder a.answers; NULL = MUSTER_STORE, else
--             muster/store.sqlite in the user's data folder
-- columns:
--   answers BIGINT    rows read
--   imported BIGINT   of them, new to the store
-- example:
--   CREATE OR REPLACE TEMP TABLE answers AS FROM muster.llm_store();
--   FROM muster.llm_import(answers);
CREATE MACRO muster.main.llm_import(answers, store := NULL) AS TABLE
WITH _muster_given_answer AS (
    SELECT * FROM query_table(answers)
    UNION ALL BY NAME
    -- what answers of earlier versions lack
    SELECT CAST(NULL AS DOUBLE) AS p_yes
    WHERE false
),
_muster_answer AS (
    SELECT muster.main._muster_nested(_muster_given) AS _muster_record
    FROM (
        SELECT {
            request_hash: request_hash,
            model: model,
            label: muster.main._muster_boolean('llm_import', 'label', label),
            answer: answer,
            p_yes: p_yes,
            reason: reason,
            finish: finish,
            attempts: attempts,
            batch: batch,
            input_tokens: input_tokens,
            cached_tokens: cached_tokens,
            output_tokens: output_tokens,
            reasoning_tokens: reasoning_tokens,
            cost_usd: cost_usd,
            request_id: request_id,
            answered_ms: epoch_ms(answered_at),
            request: request,
            response: response
        } AS _muster_given
        FROM _muster_given_answer
    )
),
_muster_run AS MATERIALIZED (
    SELECT CAST(uuid() AS VARCHAR) AS _muster_run_id
),
_muster_options AS (
    SELECT muster_options() AS _muster_asked
),
-- all rows are checked before the first of them is there
_muster_count AS (
    SELECT count(*) AS _muster_answers, count(*) FILTER (imported) AS _muster_imported
    FROM (
        SELECT unnest(_muster_row)
        FROM (
            SELECT unnest(muster_llm_import(_muster_record, _muster_asked, _muster_run_id)) AS _muster_row
            FROM _muster_answer, _muster_options, _muster_run
        )
    )
)
SELECT unnest(_muster_row)
FROM (
    SELECT unnest(muster_llm_import_end(_muster_answers, _muster_imported, _muster_asked, _muster_run_id)) AS _muster_row
    FROM _muster_count, _muster_options, _muster_run
);
