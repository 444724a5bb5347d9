-- _muster_labels: Ratings with labels of any kind, everything numbered from 0 in its own order.
-- section: Helpers
--
-- `profiles` may be the empty table `_muster_none`: then there is no gold label. Profiles without ratings are left out.
--
-- The classes are those of `_muster_spelled`, over labels and gold labels together.
--
-- columns:
--   _muster_id ANY              profile_id
--   _muster_item BIGINT         its number
--   _muster_name VARCHAR        annotator
--   _muster_annotator BIGINT    its number
--   _muster_class VARCHAR       class of the label, NULL = missing
--   _muster_label BIGINT        its number
--   _muster_gold BIGINT        the number of the gold label of the profile
CREATE MACRO muster.main._muster_labels(caller, ratings, profiles, truth) AS TABLE
WITH _muster_profile AS MATERIALIZED (
    WITH _muster_rows AS (
        FROM query_table(profiles)
    )
    SELECT _muster_given.*
    FROM (SELECT profile_id FROM muster.main._muster_absent()) AS _muster_a, LATERAL (
        SELECT
            muster.main._muster_id(caller, 'profiles', typeof(_muster_p), profile_id) AS _muster_id,
            muster.main._muster_class(truth) AS _muster_class
        FROM _muster_rows AS _muster_p
    ) AS _muster_given
),
_muster_given AS MATERIALIZED (
    SELECT
        muster.main._muster_given_id(caller, _muster_id) AS _muster_id,
        muster.main._muster_annotator(caller, _muster_annotator) AS _muster_name,
        muster.main._muster_class(_muster_label) AS _muster_class
    FROM muster.main._muster_ratings(caller, ratings)
),
_muster_all_classes AS (
    SELECT _muster_class FROM _muster_given
    UNION
    SELECT _muster_class FROM _muster_profile
),
_muster_spelling AS MATERIALIZED (
    FROM muster.main._muster_spelled(_muster_all_classes)
),
_muster_rating AS MATERIALIZED (
    SELECT _muster_given._muster_id, _muster_given._muster_name, _muster_spelling._muster_spelled AS _muster_class
    FROM _muster_given
    LEFT JOIN _muster_spelling ON _muster_spelling._muster_class = _muster_given._muster_class
),
_muster_classes AS MATERIALIZED (
    SELECT _muster_class, row_number() OVER (ORDER BY _muster_class) - 1 AS _muster_label
    FROM (SELECT DISTINCT _muster_class FROM _muster_rating WHERE _muster_class IS NOT NULL)
),
_muster_annotators AS (
    SELECT _muster_name, row_number() OVER (ORDER BY _muster_name) - 1 AS _muster_annotator
    FROM (SELECT DISTINCT _muster_name FROM _muster_rating)
),
_muster_numbered AS MATERIALIZED (
    SELECT _muster_id, row_number() OVER (ORDER BY _muster_id) - 1 AS _muster_item
    FROM (SELECT DISTINCT _muster_id FROM _muster_rating)
),
_muster_types AS (
    SELECT
        (SELECT typeof(_muster_id) FROM _muster_rating LIMIT 1) AS _muster_ratings_type,
        (SELECT typeof(_muster_id) FROM _muster_profile LIMIT 1) AS _muster_profiles_type
),
-- as in _muster_people, so that ids of two types compare alike in all functions
_muster_grouped AS (
    SELECT
        _muster_id,
        max(_muster_item) AS _muster_item,
        sum(_muster_profiles) AS _muster_profiles,
        any_value(_muster_truth) AS _muster_truth
    FROM (
        SELECT _muster_id, _muster_item, 0 AS _muster_profiles, NULL AS _muster_truth
        FROM _muster_numbered
        UNION ALL
        SELECT _muster_profile._muster_id, NULL, 1, _muster_spelling._muster_spelled
        FROM _muster_profile
        LEFT JOIN _muster_spelling ON _muster_spelling._muster_class = _muster_profile._muster_class
    )
    GROUP BY _muster_id
),
_muster_person AS (
    SELECT
        CASE
            WHEN _muster_lost IS NOT NULL THEN muster.main._muster_lost_error(caller, _muster_lost)
            WHEN _muster_profiles > 1
                THEN error(
                    caller || ': profiles must have one row a person, profile_id '
                    || coalesce(CAST(_muster_id AS VARCHAR), 'NULL') || ' has ' || CAST(_muster_profiles AS VARCHAR)
                )
            ELSE _muster_item
        END AS _muster_item,
        _muster_truth
    FROM (
        SELECT *, muster.main._muster_lost(_muster_ratings_type, _muster_profiles_type, _muster_id) AS _muster_lost
        FROM _muster_grouped, _muster_types
    )
),
_muster_items AS (
    SELECT
        _muster_numbered._muster_id,
        _muster_numbered._muster_item,
        CASE
            WHEN _muster_person._muster_truth IS NOT NULL AND _muster_classes._muster_label IS NULL
                THEN error(
                    caller || ': truth must be one of the labels in ratings, got '''
                    || _muster_person._muster_truth || ''''
                )
            ELSE _muster_classes._muster_label
        END AS _muster_gold
    FROM _muster_numbered
    JOIN _muster_person ON _muster_person._muster_item = _muster_numbered._muster_item
    LEFT JOIN _muster_classes ON _muster_classes._muster_class = _muster_person._muster_truth
)
SELECT
    _muster_rating._muster_id,
    _muster_items._muster_item,
    _muster_rating._muster_name,
    _muster_annotators._muster_annotator,
    _muster_rating._muster_class,
    _muster_classes._muster_label,
    _muster_items._muster_gold
FROM _muster_rating
JOIN _muster_items ON _muster_items._muster_id = _muster_rating._muster_id
JOIN _muster_annotators ON _muster_annotators._muster_name = _muster_rating._muster_name
LEFT JOIN _muster_classes ON _muster_classes._muster_class = _muster_rating._muster_class;
