-- one row a person with a text: gold CVs, which calibrate the annotators, and people observed in companies
WITH documents AS (
    FROM {{ source('study', 'cvs') }}
    UNION ALL BY NAME
    FROM {{ source('study', 'texts') }}
)
SELECT profile_id, company, headcount, is_expert, text
FROM documents
LEFT JOIN {{ source('study', 'profiles') }} USING (profile_id)
LEFT JOIN {{ source('study', 'companies') }} USING (company)
ORDER BY profile_id
