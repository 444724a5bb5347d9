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
_muster_profile AS MATERIALIZED (
    WITH _muster_rows AS (
        FROM query_table(profiles)
    )
    SELECT _muster_given.*
    FROM (SELECT profile_id FROM muster.main._muster_absent()) AS _muster_a, LATERAL (
        SELECT
            muster.main._muster_id('filter_ratings', 'profiles', typeof(_muster_p), profile_id) AS _muster_id,
            CAST(muster.main._muster_value(
                muster.main._muster_argument('filter_ratings', 'company', 'profiles', typeof(_muster_p), company)
            ) AS VARCHAR) AS _muster_name,
            CASE
                WHEN company IS NOT NULL AND headcount IS NOT NULL AND NOT muster.main._muster_is_headcount(headcount)
                    THEN error(
                        'filter_ratings: headcount must be a whole number from 0 to 9007199254740992, got '
                        || CAST(headcount AS VARCHAR) || ' for company ''' || CAST(company AS VARCHAR) || ''''
                    )
                ELSE muster.main._muster_number(
                    'filter_ratings', 'headcount', 'be a whole number from 0 to 9007199254740992', headcount
                )
            END AS _muster_headcount,
            muster.main._muster_boolean('filter_ratings', 'truth', truth) AS _muster_truth
        FROM _muster_rows AS _muster_p
    ) AS _muster_given
),
_muster_rating AS MATERIALIZED (
    FROM muster.main._muster_ratings('filter_ratings', ratings)
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
_muster_types AS (
    SELECT
        (SELECT typeof(_muster_id) FROM _muster_rating LIMIT 1) AS _muster_ratings_type,
        (SELECT typeof(_muster_id) FROM _muster_profile LIMIT 1) AS _muster_profiles_type
),
_muster_labelled AS MATERIALIZED (
    SELECT _muster_id, count(*) AS _muster_rows, row_number() OVER () AS _muster_item
    FROM _muster_rating
    WHERE _muster_id IS NOT NULL
    GROUP BY _muster_id
),
-- as in _muster_people, so that ids of two types compare alike in all functions
_muster_grouped AS (
    SELECT
        _muster_id,
        max(_muster_item) AS _muster_item,
        count(_muster_truth) AS _muster_gold,
        max(_muster_stays) AS _muster_stays
    FROM (
        SELECT _muster_id, _muster_item, NULL AS _muster_truth, 0 AS _muster_stays
        FROM _muster_labelled
        UNION ALL
        SELECT
            _muster_id,
            NULL,
            _muster_truth,
            CASE WHEN _muster_truth IS NULL AND _muster_name IN (SELECT _muster_name FROM _muster_company)
                THEN 1 ELSE 0 END
        FROM _muster_profile
    )
    GROUP BY _muster_id
),
_muster_person AS MATERIALIZED (
    SELECT
        CASE
            WHEN _muster_lost IS NOT NULL THEN muster.main._muster_lost_error('filter_ratings', _muster_lost)
            ELSE _muster_item
        END AS _muster_item,
        _muster_gold,
        _muster_stays
    FROM (
        SELECT *, muster.main._muster_lost(_muster_ratings_type, _muster_profiles_type, _muster_id) AS _muster_lost
        FROM _muster_grouped, _muster_types
    )
),
_muster_drawn AS (
    SELECT _muster_item
    FROM _muster_labelled
    JOIN _muster_person USING (_muster_item)
    CROSS JOIN _muster_limit
    WHERE _muster_stays = 1
    QUALIFY sum(_muster_rows) OVER (
        ORDER BY md5(_muster_seed || ':' || CAST(_muster_id AS VARCHAR)), _muster_id
        ROWS UNBOUNDED PRECEDING
    ) <= coalesce(_muster_items, 9223372036854775807)
),
_muster_kept AS (
    SELECT _muster_id
    FROM _muster_labelled
    WHERE _muster_item IN (FROM _muster_drawn)
        OR _muster_item IN (SELECT _muster_item FROM _muster_person WHERE _muster_gold > 0)
)
SELECT _muster_id AS profile_id, _muster_annotator AS annotator, _muster_label AS label
FROM _muster_rating
WHERE _muster_id IN (FROM _muster_kept)
ORDER BY _muster_id, _muster_annotator;
