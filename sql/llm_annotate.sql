-- llm_annotate: Labels of profiles by language models, each with its reason; no paid answer is lost.
-- section: Language models
--
-- Every text goes to every model, which has to answer in JSON under a schema. docs/llm.md lists the providers, among them
-- 'openai-compatible' for servers of one's own (vLLM, llama.cpp, Ollama, gateways). An answer is written to the store before its
-- row is returned, and is never asked for again: a statement that was killed, interrupted or stopped by a limit is simply run
-- again and pays for the rest only. Profiles with the same text cost one request. What fails is a row with an error, never a
-- "no", and is tried again by the next run. Rows have the shape of ratings; one row a document and model, in the order of docs
-- and models.
--
-- Keys come from the provider's environment variable, or from the one that `api_key_env` names; docs/environment.md says which may
-- be named, and where a key may go.
-- EXPLAIN, PREPARE and CREATE VIEW send nothing. A LIMIT on the result does not stop requests: put it into docs.
--
-- Where `enable_external_access` is false it is an error, since it asks servers and keeps a file.
--
-- arguments:
--   docs                  relation with profile_id and whatever `text` names
--   text                  expression over docs: the whole text of a profile
--   models                list of 'provider:model', or of structs {annotator, provider, model, base_url, api_key_env,
--                         temperature, reasoning, max_tokens, confidence, requests_per_minute, tokens_per_minute, concurrency,
--                         batch}
--   prompt                what is asked of each text; NULL = whether the person has technical machine learning expertise
--   schema                struct {field, yes, no, abstain}: the property of the answer and its words; NULL = evaluation,
--                         ACCEPT, REJECT
--   confidence            ask for the probability of yes too: by log-probabilities of tokens where the provider has them, else as a
--                         number in the answer (docs/llm.md, Confidence)
--   replay                answer from the store alone, and fail when an answer is not there
--   batch                 use the providers' batch interfaces: half the price, a wait of up to a day
--   concurrency           requests in flight, for each model
--   requests_per_minute   for each model; NULL = as the server's answers allow
--   tokens_per_minute     for each model, of prompt and answer; NULL = as the server's answers allow
--   max_cost_usd          what all answers of the statement may cost, those in the store included, and at most one answer
--                         more (docs/llm.md, Cost); NULL = no limit
--   max_error_ratio       share of failed rows above which the query ends with an error; 1 = never
--   timeout_s             seconds for one request
--   max_attempts          times that a request is sent, where an error may pass
--   max_text_chars        a longer text is not sent; it is never cut
--   prices                list of structs {provider, model, input, cached, output} in US dollars a million tokens; they
--                         come before those of the file MUSTER_PRICES and of muster
--   store                 place of the answers: 'a' has them in the folder a.answers; NULL = MUSTER_STORE, else
--                         muster/store.sqlite in the user's data folder
--   allow_http            allow servers other than this machine without encryption
-- columns:
--   profile_id ANY           as in docs
--   annotator VARCHAR        the name given in models, else 'provider:model'
--   label BOOLEAN            what the model said; NULL where `error` says why
--   requested_model VARCHAR  the model asked
--   model VARCHAR            the model that answered, as the server names it
--   reason VARCHAR           the model's own
--   error VARCHAR            why there is no label; NULL exactly where there is one
--   finish VARCHAR           why the model stopped, in the provider's word
--   attempts BIGINT          requests sent for the answer
--   input_tokens BIGINT      of prompt and text
--   output_tokens BIGINT     of the answer, reasoning included
--   cost_usd DOUBLE          what the answer cost when it was given; NULL where the price is not known
--   cached BOOLEAN           it was in the store, or another row asked: nothing was paid for this row
--   request_hash VARCHAR     SHA-256 of the canonical request; NULL where there was nothing to ask
--   p_yes DOUBLE             probability that the answer is yes, where `confidence` asked for it and it is known
-- example:
--   WITH cvs AS (FROM 'data/cvs.csv' ORDER BY profile_id LIMIT 2)
--   SELECT profile_id, annotator, label, reason, error
--   FROM muster.llm_annotate(cvs, text, ['google:gemini-2.5-flash', 'anthropic:claude-haiku-4-5'], max_cost_usd := 5);
CREATE MACRO muster.main.llm_annotate(
    docs,
    text,
    models,
    prompt := NULL,
    schema := NULL,
    confidence := false,
    replay := false,
    batch := false,
    concurrency := 16,
    requests_per_minute := NULL,
    tokens_per_minute := NULL,
    max_cost_usd := NULL,
    max_error_ratio := 1.0,
    timeout_s := 120,
    max_attempts := 6,
    max_text_chars := 200000,
    prices := NULL,
    store := NULL,
    allow_http := false
) AS TABLE
WITH _muster_doc AS NOT MATERIALIZED (
    SELECT
        profile_id AS _muster_id,
        {text: CAST(muster.main._muster_argument('llm_annotate', 'text', 'docs', typeof(_muster_d), text) AS VARCHAR)} AS _muster_text
    FROM query_table(docs) AS _muster_d
),
-- a call has one text; with batches it has so many that they fill one, and the calls are in the order of docs
_muster_call AS (
    SELECT [_muster_id] AS _muster_ids, [_muster_text] AS _muster_texts
    FROM _muster_doc
    WHERE NOT coalesce(TRY_CAST(CAST(batch AS VARCHAR) AS BOOLEAN), false)
    UNION ALL
    SELECT _muster_ids, _muster_texts
    FROM (
        SELECT
            (_muster_place - 1) // 20000 AS _muster_part,
            list(_muster_id ORDER BY _muster_place) AS _muster_ids,
            list(_muster_text ORDER BY _muster_place) AS _muster_texts
        FROM (
            SELECT *, row_number() OVER () AS _muster_place
            FROM _muster_doc
            WHERE coalesce(TRY_CAST(CAST(batch AS VARCHAR) AS BOOLEAN), false)
        )
        GROUP BY _muster_part
        ORDER BY _muster_part
    )
    UNION ALL
    -- no text at all: so that arguments are checked where docs is empty
    SELECT coalesce(list(_muster_id), []), coalesce(list(_muster_text), [])
    FROM _muster_doc
    WHERE false
),
_muster_count AS (
    SELECT CAST(count(*) AS VARCHAR) AS _muster_docs
    FROM query_table(docs)
),
_muster_run AS MATERIALIZED (
    SELECT CAST(uuid() AS VARCHAR) AS _muster_run_id
),
_muster_options AS (
    SELECT muster_options(rows: _muster_docs) AS _muster_asked
    FROM _muster_count
)
SELECT _muster_ids[_muster_at] AS profile_id, * EXCLUDE (_muster_ids, _muster_at)
FROM (
    SELECT _muster_ids, unnest(_muster_row)
    FROM (
        SELECT _muster_ids, unnest(muster_llm_annotate(_muster_texts, _muster_asked, _muster_run_id)) AS _muster_row
        FROM _muster_call, _muster_options, _muster_run
    )
);
