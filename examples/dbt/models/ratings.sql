-- all annotators, one row a person and annotator
SELECT profile_id, annotator, label
FROM {{ ref('llm_answers') }}
WHERE profile_id IN (SELECT profile_id FROM {{ ref('people') }})
UNION ALL BY NAME
FROM {{ ref('filter_ratings') }}
ORDER BY profile_id, annotator
