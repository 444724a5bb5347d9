-- synthetic_profiles: The people of `synthetic_ratings` with the same arguments, to be put beside the real profiles.
-- section: Synthetic data
--
-- Ordered by company and person.
--
-- arguments:
--   totals         relation with one row a company and annotator
--   ratings        relation with profile_id, annotator, label of real people: where correlations come from
--   company        expression over totals: the company; NULL = the row is left out
--   annotator      expression over totals: the filter, named as in ratings
--   value          expression over totals: people of the company it says yes to; NULL = not known
--   headcount      expression over totals: employees of the company; the largest value counts
--   max_profiles   most people made for a company, 1 to 100000
--   seed           whole number of at least 0
-- columns:
--   profile_id VARCHAR    the company, ' #' and a number from 1
--   company VARCHAR       the company
--   headcount BIGINT      its employees
--   is_expert BOOLEAN     NULL: nobody can rate a made person
-- example:
--   CREATE OR REPLACE TEMP TABLE totals AS
--   SELECT company, annotator, sum(label::INT) AS value, any_value(headcount) AS headcount
--   FROM ratings JOIN profiles USING (profile_id)
--   WHERE company IS NOT NULL AND annotator IN ('broad', 'strict') GROUP BY ALL;
--   SELECT company, count(*) AS people, any_value(headcount) AS headcount
--   FROM muster.synthetic_profiles(totals, ratings, company, annotator, value, headcount)
--   GROUP BY company ORDER BY company;
CREATE MACRO muster.main.synthetic_profiles(
    totals,
    ratings,
    company,
    annotator,
    value,
    headcount,
    max_profiles := 1000,
    seed := 42
) AS TABLE
SELECT
    _muster_name || ' #' || CAST(_muster_number AS VARCHAR) AS profile_id,
    _muster_name AS company,
    _muster_headcount AS headcount,
    CAST(NULL AS BOOLEAN) AS is_expert
FROM muster.main._muster_synthetic(
    'synthetic_profiles', totals, ratings, company, annotator, value, headcount, muster_options()
)
WHERE _muster_kind = 'person'
ORDER BY _muster_name, _muster_number;
