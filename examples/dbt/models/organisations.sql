-- where people say they work, cleaned and counted; academic ones are left out, as in the study
WITH named AS (
    FROM {{ source('study', 'affiliations') }}
)
FROM muster.filter_affiliations(named, affiliation)
