-- affiliation: organisations that people say they work for, taken apart, cleaned and counted.
--
--   organisations          affiliation, category, the term that decided it, n (people, shared out), names (texts)
--   company_affiliations   companies of the study with the people who name them, beside those they are known to employ
BEGIN;
SET VARIABLE step = 'affiliation';
SET VARIABLE ready = (
    SELECT error(getvariable('step') || ': table settings is missing, run sql/pipeline/settings.sql first')
    WHERE 'settings' NOT IN (SELECT table_name FROM information_schema.tables)
);
SET VARIABLE begun = begin_step();

CREATE OR REPLACE TEMP VIEW employers AS
SELECT profile_id, company FROM profiles;

SET VARIABLE note = (
    SELECT 'affiliation: affiliations.csv has no affiliations'
    WHERE NOT EXISTS (FROM affiliations)
);
SET VARIABLE state = (FROM step_state());

SET VARIABLE categories = ['company', 'unknown', 'academic', 'government', 'non-profit'];

CREATE OR REPLACE TEMP VIEW organisations_now AS
FROM muster.filter_affiliations(
    affiliations, affiliation,
    keep := getvariable('categories')
);
CREATE OR REPLACE TABLE organisations AS FROM kept_or_now('organisations');

-- a company goes through the same cleaning as the texts, so that both are spelled alike
CREATE OR REPLACE TEMP VIEW company_affiliations_now AS
WITH company AS (
    SELECT DISTINCT company FROM employers WHERE company IS NOT NULL
),
cleaned AS (
    SELECT affiliation, unnest(names) AS company
    FROM muster.filter_affiliations(company, company, keep := getvariable('categories'))
),
named AS (
    SELECT DISTINCT profile_id, lower(organisations.affiliation) AS affiliation
    FROM affiliations
    JOIN (SELECT affiliation, unnest(names) AS name FROM organisations) AS organisations
        ON organisations.name = affiliations.affiliation
)
SELECT
    cleaned.company,
    count(named.profile_id) AS n_named,
    count(*) FILTER (employers.company = cleaned.company) AS n_known,
    count(*) FILTER (employers.company <> cleaned.company) AS n_elsewhere
FROM cleaned
LEFT JOIN named ON named.affiliation = lower(cleaned.affiliation)
LEFT JOIN employers USING (profile_id)
GROUP BY cleaned.company
ORDER BY n_named DESC, cleaned.company;
CREATE OR REPLACE TABLE company_affiliations AS FROM kept_or_now('company_affiliations');

MERGE INTO muster_steps USING (FROM finished_step()) AS done USING (step)
WHEN MATCHED THEN UPDATE WHEN NOT MATCHED THEN INSERT;
COMMIT;
