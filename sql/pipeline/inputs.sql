-- inputs: the files of the study as tables, checked.
--
-- Files are those of the folder `data`; docs/study.md says what is in each. One that you have nothing for has its first
-- line only.
--
--   companies         company, sector, headcount
--   profiles          profile_id, company, headcount, is_expert: gold people, who calibrate the annotators, and others
--   earlier_ratings   profile_id, annotator, label: earlier labels of anybody
--   cvs               profile_id, text: of gold people
--   texts             profile_id, text: of others
--   affiliations      profile_id, affiliation: texts as people write them
--   input_problems    violations that are allowed: severity, relation, rule, n, examples
BEGIN;
SET VARIABLE step = 'inputs';
SET VARIABLE ready = (
    SELECT error(getvariable('step') || ': table settings is missing, run sql/pipeline/settings.sql first')
    WHERE 'settings' NOT IN (SELECT table_name FROM information_schema.tables)
);
SET VARIABLE begun = begin_step();
-- a variable of its own, so that the lineage shows which file is read
SET VARIABLE data = setting('data');

SET VARIABLE problem = (
    WITH needed AS (
        SELECT *
        FROM (VALUES
            ('profiles', 'profile_id,company,is_expert'), ('companies', 'company,sector,headcount'),
            ('ratings', 'profile_id,annotator,label'), ('cvs', 'profile_id,text'), ('texts', 'profile_id,text'),
            ('affiliations', 'profile_id,affiliation')
        ) AS _(name, columns)
    )
    SELECT error(format(
        'inputs: file {}/{}.csv is missing; where you have nothing for it, make it of the line {}',
        getvariable('data'), name, columns
    ))
    FROM needed
    WHERE name NOT IN (SELECT regexp_extract(file, '([^/\\]+)\.csv$', 1) FROM glob(getvariable('data') || '/*.csv'))
    LIMIT 1
);

-- files as they are: everything is text until it is checked
CREATE OR REPLACE TEMP TABLE companies_given AS
SELECT company, sector, headcount
FROM read_csv(
    getvariable('data') || '/companies.csv', header = true, all_varchar = true, delim = ',', quote = '"', escape = '"'
);

CREATE OR REPLACE TEMP TABLE profiles_given AS
SELECT profile_id, company, is_expert, headcount
FROM read_csv(
    getvariable('data') || '/profiles.csv', header = true, all_varchar = true, delim = ',', quote = '"', escape = '"'
)
LEFT JOIN companies_given USING (company);

CREATE OR REPLACE TEMP TABLE ratings_read AS
SELECT profile_id, annotator, label
FROM read_csv(
    getvariable('data') || '/ratings.csv', header = true, all_varchar = true, delim = ',', quote = '"', escape = '"'
);

CREATE OR REPLACE TEMP TABLE ratings_given AS
FROM ratings_read
WHERE annotator IS NULL OR list_has_any(setting('earlier_annotators'), ['*', annotator]);

-- ratings of others are no error, but all ratings are not left out unsaid
SET VARIABLE problem = (
    SELECT error(format(
        'inputs: earlier_annotators must name annotators of ratings.csv ({}), or be {} for all or [] for none, got {}',
        string_agg(DISTINCT annotator, ', ' ORDER BY annotator), '[''*'']',
        array_to_string(setting('earlier_annotators'), ', ')
    ))
    FROM ratings_read
    WHERE annotator IS NOT NULL
    HAVING count(*) > 0 AND len(setting('earlier_annotators')) > 0
        AND count(*) FILTER (list_has_any(setting('earlier_annotators'), ['*', annotator])) = 0
);

CREATE OR REPLACE TEMP TABLE texts_given AS
SELECT profile_id, text, 'cvs' AS file
FROM read_csv(
    getvariable('data') || '/cvs.csv', header = true, all_varchar = true, delim = ',', quote = '"', escape = '"'
)
UNION ALL
SELECT profile_id, text, 'texts' AS file
FROM read_csv(
    getvariable('data') || '/texts.csv', header = true, all_varchar = true, delim = ',', quote = '"', escape = '"'
);

CREATE OR REPLACE TABLE input_problems AS
-- labels may still be to come, from the step that annotates
FROM muster.check_inputs(profiles_given, ratings_given, company, is_expert, headcount)
WHERE rule NOT IN ('there are labels', 'at least 10 gold experts and 10 gold others have labels')
UNION ALL BY NAME
SELECT
    'error' AS severity,
    'companies' AS relation,
    'company is unique' AS rule,
    count(*) AS n,
    min(company, 5) AS examples
FROM (SELECT company FROM companies_given GROUP BY company HAVING count(*) > 1)
HAVING count(*) > 0
UNION ALL BY NAME
SELECT
    'error' AS severity,
    'cvs and texts' AS relation,
    'one text a person' AS rule,
    count(*) AS n,
    min(profile_id, 5) AS examples
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
HAVING count(*) > 0
UNION ALL BY NAME
SELECT
    'warning' AS severity,
    'ratings' AS relation,
    'every annotator is used (the setting earlier_annotators)' AS rule,
    count(*) AS n,
    min(annotator, 5) AS examples
FROM (SELECT DISTINCT annotator FROM ratings_read)
WHERE annotator NOT IN (SELECT annotator FROM ratings_given WHERE annotator IS NOT NULL)
    AND len(setting('earlier_annotators')) > 0
HAVING count(*) > 0
UNION ALL BY NAME
SELECT
    'warning' AS severity,
    'settings' AS relation,
    'every name of earlier_annotators is in ratings.csv' AS rule,
    count(*) AS n,
    min(annotator, 5) AS examples
FROM (SELECT DISTINCT unnest(setting('earlier_annotators')) AS annotator)
WHERE annotator <> '*' AND annotator NOT IN (SELECT annotator FROM ratings_read WHERE annotator IS NOT NULL)
    AND EXISTS (FROM ratings_read)
HAVING count(*) > 0;

SET VARIABLE problem = (
    SELECT error(format(
        'inputs: {}, {}: violated {} times, such as {}', relation, rule, n, array_to_string(examples, '; ')
    ))
    FROM (FROM input_problems WHERE severity = 'error' ORDER BY relation, rule LIMIT 1)
);

CREATE OR REPLACE TEMP MACRO is_true(value) AS muster.main._muster_reading(value) = 'yes';

CREATE OR REPLACE TABLE companies AS
SELECT company, sector, CAST(CAST(headcount AS DOUBLE) AS BIGINT) AS headcount
FROM companies_given;

CREATE OR REPLACE TABLE profiles AS
SELECT
    profile_id,
    company,
    CAST(CAST(headcount AS DOUBLE) AS BIGINT) AS headcount,
    is_true(is_expert) AS is_expert
FROM profiles_given;

CREATE OR REPLACE TABLE earlier_ratings AS
SELECT
    profile_id,
    'earlier ' || annotator AS annotator,
    is_true(label) AS label
FROM ratings_given;

CREATE OR REPLACE TABLE cvs AS
SELECT profile_id, text FROM texts_given WHERE file = 'cvs' AND profile_id IN (SELECT profile_id FROM profiles);

CREATE OR REPLACE TABLE texts AS
SELECT profile_id, text FROM texts_given WHERE file = 'texts' AND profile_id IN (SELECT profile_id FROM profiles);

CREATE OR REPLACE TABLE affiliations AS
SELECT profile_id, affiliation
FROM read_csv(
    getvariable('data') || '/affiliations.csv',
    header = true, all_varchar = true, delim = ',', quote = '"', escape = '"'
);

SET VARIABLE state = (FROM step_state());
MERGE INTO muster_steps USING (FROM finished_step()) AS done USING (step)
WHEN MATCHED THEN UPDATE WHEN NOT MATCHED THEN INSERT;
COMMIT;
