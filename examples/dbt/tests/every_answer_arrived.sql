-- a warning: what failed is missing, not "no", and the next run asks again
{{ config(severity='warn') }}
SELECT profile_id, annotator, error
FROM {{ ref('llm_answers') }}
WHERE error IS NOT NULL
