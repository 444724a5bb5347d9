-- affiliation: where people say they work, taken apart, cleaned and counted.
--
-- Needs inputs.sql. Makes
--   organisations         what the texts name: affiliation, category, the term that decided, n (people, shared out), names
--   company_affiliations  companies of the study with the people who name them, beside the people they are known to employ
BEGIN;

SET VARIABLE missing = (
    SELECT error('affiliation: table ' || name || ' is missing, run sql/pipeline/' || script || '.sql first')
    FROM (VALUES
        ('settings', 'settings'),
        ('muster_steps', 'settings'),
        ('affiliations', 'inputs'),
        ('profiles', 'inputs')
    ) AS needed(name, script)
    WHERE name NOT IN (SELECT table_name FROM information_schema.tables)
    LIMIT 1
);

SET VARIABLE scripts = coalesce(getvariable('scripts'), (SELECT scripts FROM settings));

CREATE OR REPLACE TEMP VIEW employers AS
SELECT profile_id, company FROM profiles;

SET VARIABLE fingerprint = (
    SELECT md5(concat_ws(
        ' ',
        contents('affiliations'),
        contents('employers'),
        (SELECT CAST(list(v ORDER BY v) AS VARCHAR) FROM muster.version() AS v),
        (SELECT content FROM read_text(getvariable('scripts') || '/affiliation.sql'))
    ))
);
SET VARIABLE fresh = is_fresh('affiliation', getvariable('fingerprint'), ['organisations', 'company_affiliations']);

CREATE OR REPLACE TEMP VIEW organisations_now AS
FROM muster.filter_affiliations(
    affiliations, affiliation,
    keep := ['company', 'unknown', 'academic', 'government', 'non-profit']
);
CREATE OR REPLACE TABLE organisations AS FROM kept_or_now('organisations');

-- a company goes through the same cleaning as the texts, so that both are spelled alike
CREATE OR REPLACE TEMP VIEW company_affiliations_now AS
WITH company AS (
    SELECT DISTINCT company FROM employers WHERE company IS NOT NULL
),
cleaned AS (
    SELECT affiliation, unnest(names) AS company
    FROM muster.filter_affiliations(company, company, keep := ['company', 'unknown', 'academic', 'government', 'non-profit'])
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

DELETE FROM muster_steps WHERE step = 'affiliation' AND NOT getvariable('fresh');
INSERT INTO muster_steps
SELECT 'affiliation', getvariable('fingerprint'), NULL, make_timestamp(epoch_us(now()))
WHERE NOT getvariable('fresh');
COMMIT;

UPDATE muster_steps
SET seconds = epoch(now()) - epoch(finished_at), finished_at = make_timestamp(epoch_us(now()))
WHERE step = 'affiliation' AND seconds IS NULL;
