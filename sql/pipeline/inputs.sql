-- inputs: the files of the study as tables, checked.
--
-- Needs settings.sql, and in the folder `data` the files profiles.csv (profile_id, company, is_expert), companies.csv (company, sector,
-- headcount), cvs.csv and texts.csv (profile_id, text), ratings.csv (profile_id, annotator, label) and
-- affiliations.csv (profile_id, affiliation). A file that you have nothing for may have its first line only.
-- Makes profiles, companies, cvs, texts, earlier_ratings, affiliations, and input_problems: what is odd but allowed.
BEGIN;

SET VARIABLE missing = (
    SELECT error('inputs: table ' || name || ' is missing, run sql/pipeline/' || script || '.sql first')
    FROM (VALUES ('settings', 'settings'), ('muster_steps', 'settings')) AS needed(name, script)
    WHERE name NOT IN (SELECT table_name FROM information_schema.tables)
    LIMIT 1
);

SET VARIABLE data = coalesce(getvariable('data'), (SELECT data FROM settings));
SET VARIABLE earlier_annotators = coalesce(getvariable('earlier_annotators'), (SELECT earlier_annotators FROM settings));

-- as they are in the files: everything is text until it is checked
CREATE OR REPLACE TEMP TABLE companies_given AS
SELECT company, sector, headcount
FROM read_csv(getvariable('data') || '/companies.csv', header = true, all_varchar = true, delim = ',', quote = '"', escape = '"');

CREATE OR REPLACE TEMP TABLE profiles_given AS
SELECT profile_id, company, is_expert, headcount
FROM read_csv(getvariable('data') || '/profiles.csv', header = true, all_varchar = true, delim = ',', quote = '"', escape = '"')
LEFT JOIN companies_given USING (company);

CREATE OR REPLACE TEMP TABLE ratings_given AS
SELECT profile_id, annotator, label
FROM read_csv(getvariable('data') || '/ratings.csv', header = true, all_varchar = true, delim = ',', quote = '"', escape = '"')
WHERE annotator IS NULL OR list_contains(CAST(getvariable('earlier_annotators') AS VARCHAR[]), annotator);

CREATE OR REPLACE TEMP TABLE texts_given AS
SELECT profile_id, text, 'cvs' AS file
FROM read_csv(getvariable('data') || '/cvs.csv', header = true, all_varchar = true, delim = ',', quote = '"', escape = '"')
UNION ALL
SELECT profile_id, text, 'texts' AS file
FROM read_csv(getvariable('data') || '/texts.csv', header = true, all_varchar = true, delim = ',', quote = '"', escape = '"');

CREATE OR REPLACE TABLE input_problems AS
FROM muster.check_inputs(profiles_given, ratings_given, company, is_expert, headcount)
UNION ALL BY NAME
SELECT 'error' AS severity, 'companies' AS relation, 'company is unique' AS rule, count(*) AS n, min(company, 5) AS examples
FROM (SELECT company FROM companies_given GROUP BY company HAVING count(*) > 1)
HAVING count(*) > 0
UNION ALL BY NAME
SELECT 'error' AS severity, 'cvs and texts' AS relation, 'one text a person' AS rule, count(*) AS n, min(profile_id, 5) AS examples
FROM (SELECT profile_id FROM texts_given GROUP BY profile_id HAVING count(*) > 1)
HAVING count(*) > 0
UNION ALL BY NAME
SELECT
    'warning' AS severity,
    'cvs and texts' AS relation,
    'every text is of a profile (else it is ignored)' AS rule,
    count(*) AS n,
    min(coalesce(profile_id, 'missing'), 5) AS examples
FROM texts_given
WHERE profile_id IS NULL OR profile_id NOT IN (SELECT profile_id FROM profiles_given WHERE profile_id IS NOT NULL)
HAVING count(*) > 0;

SET VARIABLE problem = (
    SELECT error('inputs: ' || relation || ', ' || rule || ': violated ' || n || ' times, such as ' || array_to_string(examples, '; '))
    FROM (FROM input_problems WHERE severity = 'error' ORDER BY relation, rule LIMIT 1)
);

CREATE OR REPLACE TABLE companies AS
SELECT company, sector, CAST(CAST(headcount AS DOUBLE) AS BIGINT) AS headcount
FROM companies_given;

-- one row a person: the gold ones, who calibrate the annotators, and those observed in companies
CREATE OR REPLACE TABLE profiles AS
SELECT
    profile_id,
    company,
    CAST(CAST(headcount AS DOUBLE) AS BIGINT) AS headcount,
    lower(trim(is_expert)) IN ('true', 'yes', '1', '1.0') AS is_expert
FROM profiles_given;

-- what annotators said before, about anybody
CREATE OR REPLACE TABLE earlier_ratings AS
SELECT
    profile_id,
    'earlier ' || annotator AS annotator,
    lower(trim(label)) IN ('true', 'yes', '1', '1.0') AS label
FROM ratings_given;

-- texts: of gold people, and of others
CREATE OR REPLACE TABLE cvs AS
SELECT profile_id, text FROM texts_given WHERE file = 'cvs' AND profile_id IN (SELECT profile_id FROM profiles);

CREATE OR REPLACE TABLE texts AS
SELECT profile_id, text FROM texts_given WHERE file = 'texts' AND profile_id IN (SELECT profile_id FROM profiles);

CREATE OR REPLACE TABLE affiliations AS
SELECT profile_id, affiliation
FROM read_csv(getvariable('data') || '/affiliations.csv', header = true, all_varchar = true, delim = ',', quote = '"', escape = '"');

DELETE FROM muster_steps WHERE step = 'inputs';
INSERT INTO muster_steps
SELECT
    'inputs',
    md5(concat_ws(
        ' ', contents('companies'), contents('profiles'), contents('earlier_ratings'), contents('cvs'), contents('texts'),
        contents('affiliations')
    )),
    NULL,
    make_timestamp(epoch_us(now()));
COMMIT;

UPDATE muster_steps
SET seconds = epoch(now()) - epoch(finished_at), finished_at = make_timestamp(epoch_us(now()))
WHERE step = 'inputs' AND seconds IS NULL;
