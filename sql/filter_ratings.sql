-- filter_ratings: Ratings of the largest companies with enough profiles, cut to a size by a seed.
-- section: Synthetic data
--
-- A company stays when it states a headcount, has at least `min_profiles` profiles and is among the `max_companies` with the
-- largest headcounts (ties by name). Of their people, as many are drawn as fit into `max_items` rating rows; a person
-- keeps all labels or loses all. The draw orders people by md5 of seed and profile_id, so it is the same in every version of
-- DuckDB and a smaller `max_items` draws a subset. Gold people are always kept and count in no limit. Ratings of
-- people who are not in profiles are left out. Ordered by profile_id and annotator.
--
-- arguments:
--   ratings         relation with profile_id, annotator, label
--   profiles        relation with profile_id and the columns the next arguments name
--   company         expression over profiles: the company; NULL = none
--   headcount       expression over profiles: employees of the company; the largest value counts
--   truth           expression over profiles: is the person an expert; NULL = no gold label
--   min_profiles    fewest profiles of a company, with or without labels
--   max_companies   most companies; NULL = all
--   max_items       most rating rows of people who are not rated; NULL = all
--   seed            whole number of at least 0
-- columns:
--   profile_id ANY       as in ratings
--   annotator VARCHAR    as in ratings
--   label ANY            as in ratings
-- example:
--   SELECT count(*) AS labels, count(DISTINCT profile_id) AS people
--   FROM muster.filter_ratings(ratings, profiles, company, headcount, truth := is_expert,
--       min_profiles := 20, max_companies := 3, max_items := 500);
CREATE MACRO muster.main.filter_ratings(
    ratings,
    profiles,
    company,
    headcount,
    truth := NULL,
    min_profiles := 10,
    max_companies := NULL,
    max_items := NULL,
    seed := 42
) AS TABLE
WITH _muster_limit AS (
    SELECT
        muster.main._muster_whole('filter_ratings', 'min_profiles', min_profiles) AS _muster_least,
        CASE WHEN max_companies IS NOT NULL
            THEN muster.main._muster_whole('filter_ratings', 'max_companies', max_companies) END AS _muster_companies,
        CASE WHEN max_items IS NOT NULL
            THEN muster.main._muster_whole('filter_ratings', 'max_items', max_items) END AS _muster_items,
        CAST(muster.main._muster_whole('filter_ratings', 'seed', seed) AS VARCHAR) AS _muster_seed
),
_muster_profile AS (
    SELECT
        profile_id AS _muster_id,
        CAST(company AS VARCHAR) AS _muster_name,
        CAST(headcount AS DOUBLE) AS _muster_headcount,
        muster.main._muster_boolean('filter_ratings', 'truth', truth) AS _muster_truth
    FROM query_table(profiles)
),
_muster_rating AS (
    SELECT profile_id AS _muster_id, annotator AS _muster_annotator, label AS _muster_label
    FROM query_table(ratings)
),
_muster_company AS (
    SELECT _muster_name
    FROM (
        SELECT _muster_name, count(*) AS _muster_profiles, max(_muster_headcount) AS _muster_headcount
        FROM _muster_profile
        WHERE _muster_name IS NOT NULL
        GROUP BY _muster_name
    )
    CROSS JOIN _muster_limit
    WHERE _muster_headcount IS NOT NULL AND _muster_profiles >= _muster_least
    QUALIFY row_number() OVER (ORDER BY _muster_headcount DESC, _muster_name)
        <= coalesce(any_value(_muster_companies) OVER (), 9223372036854775807)
),
_muster_drawn AS (
    SELECT _muster_id
    FROM (
        SELECT _muster_id, count(*) AS _muster_rows
        FROM _muster_rating
        WHERE _muster_id IN (
            SELECT _muster_id
            FROM _muster_profile
            WHERE _muster_truth IS NULL AND _muster_name IN (SELECT _muster_name FROM _muster_company)
        )
        GROUP BY _muster_id
    )
    CROSS JOIN _muster_limit
    QUALIFY sum(_muster_rows) OVER (
        ORDER BY md5(_muster_seed || ':' || CAST(_muster_id AS VARCHAR)), _muster_id
        ROWS UNBOUNDED PRECEDING
    ) <= coalesce(_muster_items, 9223372036854775807)
)
SELECT _muster_id AS profile_id, _muster_annotator AS annotator, _muster_label AS label
FROM _muster_rating
WHERE _muster_id IN (SELECT _muster_id FROM _muster_drawn)
    OR _muster_id IN (SELECT _muster_id FROM _muster_profile WHERE _muster_truth IS NOT NULL)
ORDER BY _muster_id, _muster_annotator;
