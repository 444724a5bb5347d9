-- llm_store: The answers in the store, with their requests, as they can be published and imported.
-- section: Language models
--
-- Ordered as they were written; `COPY (FROM muster.llm_store()) TO 'answers.parquet'` publishes them. The request holds the prompt
-- and the text of the profile, which is personal data: leave `request` and `response` out of what you publish unless you may. For
-- `llm_import` they are needed.
--
-- Where `enable_external_access` is false it is an error, since it reads files of the store.
--
-- arguments:
--   store   place of the answers: 'a' has them in the folder a.answers; NULL = MUSTER_STORE, else
--           muster/store.sqlite in the user's data folder
-- columns:
--   request_hash VARCHAR      SHA-256 of request
--   provider VARCHAR          google, anthropic, openai or openai-compatible
--   base_url VARCHAR          where the request went
--   requested_model VARCHAR   the model asked
--   model VARCHAR             the model that answered
--   label BOOLEAN             NULL for an abstention
--   answer VARCHAR            the word of the schema
--   p_yes DOUBLE              probability that the answer is yes, where it was asked for and is known
--   reason VARCHAR            the model's own
--   finish VARCHAR            why the model stopped, in the provider's word
--   attempts BIGINT           requests sent for the answer
--   batch BOOLEAN             answered in a batch
--   input_tokens BIGINT       of prompt and text
--   cached_tokens BIGINT      of these, read from the provider's cache
--   output_tokens BIGINT      of the answer, reasoning included
--   reasoning_tokens BIGINT   of these, reasoning
--   cost_usd DOUBLE           NULL where the price was not known
--   request_id VARCHAR        the server's
--   answered_at TIMESTAMP     in UTC
--   request VARCHAR           the canonical request, version 1
--   response VARCHAR          the body of the response
-- example:
--   SELECT requested_model, model, label, answer, reason FROM muster.llm_store() ORDER BY ALL;
CREATE MACRO muster.main.llm_store(store := NULL) AS TABLE
WITH _muster_options AS (
    SELECT muster_options() AS _muster_asked
),
_muster_pages AS (
    SELECT _muster_asked, unnest(_muster_row)
    FROM (
        SELECT _muster_asked, unnest(muster_llm_store_pages(_muster_asked)) AS _muster_row
        FROM _muster_options
    )
)
SELECT * REPLACE (epoch_ms(answered_at) AS answered_at)
FROM (
    SELECT unnest(_muster_row)
    FROM (
        SELECT unnest(muster_llm_store(_muster_asked, _muster_page)) AS _muster_row
        FROM _muster_pages
    )
);
