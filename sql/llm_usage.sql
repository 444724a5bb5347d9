-- llm_usage: What language models were asked so far, and what that cost.
-- section: Language models
--
-- Failures count with what they cost: a refusal or an answer that was cut off is paid too. So do answers that are not used since
-- there was an earlier one, which `llm_store` has alone. One row a requested and answering model, ordered by them; model is NULL
-- where nobody answered.
--
-- Where `enable_external_access` is false it is an error, since it reads files of the store.
--
-- arguments:
--   store   place of the answers: 'a' has them in the folder a.answers; NULL = MUSTER_STORE, else
--           muster/store.sqlite in the user's data folder
-- columns:
--   provider VARCHAR          google, anthropic, openai or openai-compatible
--   base_url VARCHAR          where the requests went
--   requested_model VARCHAR   the model asked
--   model VARCHAR             the model that answered
--   substituted BOOLEAN       another model answered than was asked, other than a dated version of it
--   answers BIGINT            answers in the store
--   failures BIGINT           failures in the log
--   input_tokens BIGINT       of prompts and texts
--   cached_tokens BIGINT      of these, read from the provider's cache
--   output_tokens BIGINT      of answers, reasoning included
--   reasoning_tokens BIGINT   of these, reasoning
--   cost_usd DOUBLE           NULL where no price is known
--   first_at TIMESTAMP        the first of them, in UTC
--   last_at TIMESTAMP         the last
-- example:
--   SELECT requested_model, model, answers, failures, round(cost_usd, 4) AS cost_usd FROM muster.llm_usage();
CREATE MACRO muster.main.llm_usage(store := NULL) AS TABLE
WITH _muster_options AS (
    SELECT muster_options() AS _muster_asked
)
SELECT * REPLACE (epoch_ms(first_at) AS first_at, epoch_ms(last_at) AS last_at)
FROM (
    SELECT unnest(_muster_row)
    FROM (SELECT unnest(muster_llm_usage(_muster_asked)) AS _muster_row FROM _muster_options)
);
