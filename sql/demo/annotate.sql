-- Annotation: labels of three language models for the gold CVs of the sample study, and how good each model is.
--
-- Run from the repository's root with the extension loaded. `make demo-llm` does, with a local server in place of the
-- providers, so it needs no key and its answers mean nothing. For real ones set GEMINI_API_KEY, ANTHROPIC_API_KEY and
-- OPENAI_API_KEY, and run it in `duckdb -unsigned`; look at the plan below first, it says what that costs.

SET VARIABLE models = ['google:gemini-3.1-flash-lite', 'anthropic:claude-haiku-4-5', 'openai:gpt-5-mini'];

-- is_expert is the label of people who rated by hand; no model sees it
CREATE OR REPLACE TEMP VIEW cvs AS
SELECT profile_id, text, is_expert
FROM 'data/cvs.csv'
JOIN 'data/profiles.csv' USING (profile_id)
ORDER BY profile_id;

.print What it would take: nothing is sent for this
SELECT model, requests, stored, input_tokens, round(cost_usd, 2) AS cost_usd, round(minutes, 1) AS minutes
FROM muster.llm_plan(cvs, text, getvariable('models'));

CREATE OR REPLACE TEMP TABLE answers AS
FROM muster.llm_annotate(cvs, text, getvariable('models'));

.print Some answers; every one is stored, and the same statement run again pays for none of them
SELECT profile_id, requested_model, label, reason
FROM answers
WHERE error IS NULL
ORDER BY profile_id, requested_model
LIMIT 6;

-- filters are annotators too, and err differently
CREATE OR REPLACE TEMP TABLE annotations AS
SELECT profile_id, annotator, label FROM answers
UNION ALL BY NAME
FROM muster.keyword_filter(cvs, text, (SELECT list(f) FROM muster.machine_learning_filters() AS f));

.print What each annotator is worth on the gold CVs
SELECT
    annotator,
    round(sensitivity, 3) AS sensitivity,
    round(specificity, 3) AS specificity,
    round(accuracy, 3) AS accuracy,
    round(bias, 3) AS bias,
    missing
FROM muster.annotator_metrics(annotations, cvs, is_expert);

.print Do the models agree beyond chance?
SELECT annotator, other, n, round(agreement, 3) AS agreement, round(kappa, 3) AS kappa
FROM muster.llm_agreement(answers);

.print What was spent, and who answered
SELECT requested_model, model, answers, failures, input_tokens, output_tokens, round(cost_usd, 2) AS cost_usd
FROM muster.llm_usage();
