-- llm_plan: What `llm_annotate` would ask, cost and take; nothing is sent.
-- section: Language models
--
-- Takes the arguments of `llm_annotate`, and needs no key. Tokens are guesses: four characters each, and 120 for an answer
-- (reasoning models write more). Minutes hold what the limits allow, at two seconds a request. One row a model.
--
-- Where `enable_external_access` is false it is an error, since it reads files of the store.
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
--   annotator VARCHAR        as `llm_annotate` would name it
--   provider VARCHAR         of the model
--   model VARCHAR            the model asked
--   documents BIGINT         rows of docs
--   requests BIGINT          different requests for them; texts that are NULL, empty or too long ask none
--   stored BIGINT            requests whose answer is in the store
--   to_send BIGINT           the others
--   input_tokens BIGINT      of the requests to send
--   output_tokens BIGINT     of their answers
--   cost_usd DOUBLE          of the requests to send; NULL where the price is not known
--   minutes DOUBLE           time under the limits, without batches
-- example:
--   SELECT annotator, requests, stored, to_send, input_tokens, round(cost_usd, 2) AS cost_usd, round(minutes, 1) AS minutes
--   FROM muster.llm_plan('data/cvs.csv', text, ['google:gemini-2.5-flash', 'anthropic:claude-haiku-4-5'], requests_per_minute := 60);
CREATE MACRO muster.main.llm_plan(
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
WITH _muster_doc AS (
    SELECT
        CAST(muster.main._muster_argument('llm_plan', 'text', 'docs', typeof(_muster_d), text) AS VARCHAR) AS _muster_text
    FROM query_table(docs) AS _muster_d
),
_muster_distinct AS (
    SELECT [{text: _muster_text}] AS _muster_texts, count(*) AS _muster_rows
    FROM _muster_doc
    GROUP BY _muster_text
    UNION ALL
    -- no text at all: so that arguments are checked where docs is empty
    SELECT coalesce(list({text: _muster_text}), []), 0
    FROM _muster_doc
    WHERE false
),
_muster_options AS (
    SELECT muster_options() AS _muster_asked
),
_muster_request AS (
    SELECT _muster_rows, unnest(_muster_plan)
    FROM (
        SELECT _muster_rows, unnest(muster_llm_plan(_muster_texts, _muster_asked, '')) AS _muster_plan
        FROM _muster_distinct, _muster_options
    )
),
_muster_model AS (
    SELECT
        _muster_at,
        any_value(_muster_annotator) AS _muster_annotator,
        any_value(_muster_provider) AS _muster_provider,
        any_value(_muster_model) AS _muster_model,
        CAST(sum(_muster_rows) AS BIGINT) AS _muster_documents,
        count(_muster_hash) AS _muster_requests,
        count(_muster_hash) FILTER (_muster_stored) AS _muster_found,
        count(_muster_hash) FILTER (NOT _muster_stored) AS _muster_missing,
        coalesce(sum(_muster_input) FILTER (_muster_hash IS NOT NULL AND NOT _muster_stored), 0) AS _muster_input,
        coalesce(sum(_muster_output) FILTER (_muster_hash IS NOT NULL AND NOT _muster_stored), 0) AS _muster_output,
        any_value(_muster_cost) IS NOT NULL AS _muster_priced,
        coalesce(sum(_muster_cost) FILTER (_muster_hash IS NOT NULL AND NOT _muster_stored), 0) AS _muster_cost,
        any_value(_muster_rpm) AS _muster_rpm,
        any_value(_muster_tpm) AS _muster_tpm,
        any_value(_muster_concurrency) AS _muster_concurrency
    FROM _muster_request
    GROUP BY _muster_at
)
SELECT
    _muster_annotator AS annotator,
    _muster_provider AS provider,
    _muster_model AS model,
    _muster_documents AS documents,
    _muster_requests AS requests,
    _muster_found AS stored,
    _muster_missing AS to_send,
    CAST(_muster_input AS BIGINT) AS input_tokens,
    CAST(_muster_output AS BIGINT) AS output_tokens,
    CASE WHEN _muster_priced THEN _muster_cost END AS cost_usd,
    greatest(
        _muster_missing / _muster_rpm,
        (_muster_input + _muster_output) / _muster_tpm,
        _muster_missing * 2 / 60 / _muster_concurrency
    ) AS minutes
FROM _muster_model
ORDER BY _muster_at;
