-- synthetic_ratings: Made people with labels for companies of which only totals by filter are known.
-- section: Synthetic data
--
-- A Gaussian copula: each made person has correlated normals, with the tetrachoric correlations of the real people in
-- ratings (gold or not), and a filter says yes to as many people with its largest normals as its total asks for. A company
-- has as many people as its headcount, at most `max_profiles`, and totals are scaled to that number; fractions of a person are
-- rounded at random. A value above the headcount means everybody. Nothing in a made person is known about that person:
-- only the company's totals are real. Ordered by company, person and annotator.
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
--   profile_id VARCHAR   the company, ' #' and a number from 1
--   annotator VARCHAR    as in totals
--   label BOOLEAN        does the filter say yes
-- example:
--   CREATE OR REPLACE TEMP TABLE totals AS
--   SELECT company, annotator, sum(label::INT) AS value, any_value(headcount) AS headcount
--   FROM ratings JOIN profiles USING (profile_id)
--   WHERE company IS NOT NULL AND annotator IN ('broad', 'strict') GROUP BY ALL;
--   SELECT annotator, count(*) AS people, sum(label::INT) AS yes
--   FROM muster.synthetic_ratings(totals, ratings, company, annotator, value, headcount)
--   GROUP BY annotator ORDER BY annotator;
CREATE MACRO muster.main.synthetic_ratings(
    totals,
    ratings,
    company,
    annotator,
    value,
    headcount,
    max_profiles := 1000,
    seed := 42
) AS TABLE
WITH _muster_made AS MATERIALIZED (
    FROM muster.main._muster_synthetic(
        'synthetic_ratings', totals, ratings, company, annotator, value, headcount, muster_options()
    )
)
SELECT
    _muster_person._muster_name || ' #' || CAST(_muster_person._muster_number AS VARCHAR) AS profile_id,
    _muster_filter._muster_name AS annotator,
    _muster_person._muster_yes & _muster_filter._muster_seen <> 0 AS label
FROM _muster_made AS _muster_person
JOIN _muster_made AS _muster_filter
    ON _muster_person._muster_kind = 'person'
    AND _muster_filter._muster_kind = 'annotator'
    AND _muster_person._muster_seen & _muster_filter._muster_seen <> 0
ORDER BY _muster_person._muster_name, _muster_person._muster_number, _muster_filter._muster_name;
