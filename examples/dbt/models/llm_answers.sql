-- Answers of the language models. A run asks about people who are new, whose text has changed, or whose answer failed;
-- the answers given before stay. (Answers are in muster's store too: a full refresh pays for none of them again.)
{{ config(materialized='incremental', unique_key=['profile_id', 'annotator'], on_schema_change='fail') }}

WITH people AS (
    SELECT profile_id, text, md5(text) AS text_md5
    FROM {{ ref('people') }}
    {% if is_incremental() %}
    WHERE {{ var('models') | length }} > (
        SELECT count(*)
        FROM {{ this }} AS answers
        WHERE answers.profile_id = people.profile_id
            AND answers.text_md5 = md5(people.text)
            AND answers.annotator IN {{ tuple_of(var('models')) }}
            AND answers.error IS NULL
    )
    {% endif %}
)
SELECT answers.*, text_md5
FROM muster.llm_annotate(people, text, {{ list_of(var('models')) }}, max_cost_usd := {{ var('max_cost_usd') }}) AS answers
JOIN people USING (profile_id)
