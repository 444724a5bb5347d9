-- _muster_people: One row a profile with the masks of its labels, and rows for annotators and unknown people.
-- section: Helpers
--
-- Profiles and ratings are stacked and grouped by profile_id once, so that a single hash aggregate does the join,
-- finds duplicates on either side and never sees more than a few bytes a rating.
--
-- columns:
--   _muster_kind VARCHAR       'person', 'unknown' (ratings of a person who is not in profiles) or 'annotator'
--   _muster_id ANY             profile_id
--   _muster_name VARCHAR       the person's company, or the annotator's name
--   _muster_truth BOOLEAN      NULL where nobody rated the person
--   _muster_seen BIGINT        bit j: annotator j gave a label; for an annotator its own bit
--   _muster_yes BIGINT         bit j: annotator j said yes
--   _muster_count BIGINT       people the row stands for, 0 = none; for an unknown person the number of ratings
--   _muster_gold_weight DOUBLE  of a gold person as given, else 1
--   _muster_headcount DOUBLE   as the profile states it
CREATE MACRO muster.main._muster_people(caller, ratings, profiles, company, truth, headcount, weight, gold_weight) AS TABLE
WITH _muster_profile AS MATERIALIZED (
    WITH _muster_rows AS (
        FROM query_table(profiles)
    )
    SELECT _muster_given.*
    FROM (SELECT profile_id FROM muster.main._muster_absent()) AS _muster_a, LATERAL (
        SELECT
            muster.main._muster_id(caller, 'profiles', typeof(_muster_p), profile_id) AS _muster_id,
            CAST(muster.main._muster_value(
                muster.main._muster_argument(caller, 'company', 'profiles', typeof(_muster_p), company)
            ) AS VARCHAR) AS _muster_name,
            muster.main._muster_boolean(caller, 'truth', truth) AS _muster_truth,
            muster.main._muster_number(
                caller, 'headcount', 'be a whole number from 0 to 9007199254740992', headcount
            ) AS _muster_headcount,
            muster.main._muster_weight(caller, profile_id, weight) AS _muster_weight,
            CASE
                WHEN muster.main._muster_boolean(caller, 'truth', truth) IS NULL THEN 1.0
                ELSE muster.main._muster_gold_weight(caller, profile_id, gold_weight)
            END AS _muster_gold_weight
        FROM _muster_rows AS _muster_p
    ) AS _muster_given
),
_muster_rating AS MATERIALIZED (
    SELECT
        _muster_id,
        muster.main._muster_annotator(caller, _muster_annotator) AS _muster_name,
        muster.main._muster_boolean(caller, 'label', _muster_label) AS _muster_label
    FROM muster.main._muster_ratings(caller, ratings)
),
_muster_types AS (
    SELECT
        (SELECT typeof(_muster_id) FROM _muster_rating LIMIT 1) AS _muster_ratings_type,
        (SELECT typeof(_muster_id) FROM _muster_profile LIMIT 1) AS _muster_profiles_type
),
_muster_annotator AS MATERIALIZED (
    SELECT
        _muster_name,
        CASE
            WHEN _muster_annotators > 60
                THEN error(
                    caller || ': at most '
                    -- what the masks hold, the model takes, or a table of all patterns
                    || CASE
                        WHEN caller IN ('annotator_metrics', 'annotator_correlations') THEN '60'
                        WHEN caller IN ('fit_probit_bootstrap', 'probit_model', 'probit_posterior', 'prior_sensitivity', 'rating_plan') THEN '32'
                        ELSE '12'
                    END
                    || ' annotators are possible, ratings has ' || _muster_annotators || '; leave some out by a WHERE on annotator'
                )
            ELSE 1::BIGINT << _muster_position
        END AS _muster_bit
    FROM (
        SELECT
            _muster_name,
            CAST(row_number() OVER (ORDER BY _muster_name) - 1 AS INTEGER) AS _muster_position,
            count(*) OVER () AS _muster_annotators
        FROM (SELECT DISTINCT _muster_name FROM _muster_rating)
    )
),
_muster_stacked AS (
    SELECT
        _muster_id,
        0 AS _muster_profiles,
        NULL AS _muster_name,
        NULL AS _muster_truth,
        NULL AS _muster_headcount,
        NULL AS _muster_weight,
        NULL AS _muster_gold_weight,
        _muster_bit AS _muster_bits,
        CASE WHEN _muster_label IS NULL THEN 0 ELSE _muster_bit END AS _muster_seen,
        CASE WHEN _muster_label THEN _muster_bit ELSE 0 END AS _muster_yes
    FROM _muster_rating
    JOIN _muster_annotator USING (_muster_name)
    UNION ALL
    SELECT
        _muster_id, 1, _muster_name, _muster_truth, _muster_headcount, _muster_weight, _muster_gold_weight, 0, 0, 0
    FROM _muster_profile
),
_muster_grouped AS (
    SELECT
        _muster_id,
        sum(_muster_profiles) AS _muster_profiles,
        count(*) AS _muster_rows,
        any_value(_muster_name) AS _muster_name,
        any_value(_muster_truth) AS _muster_truth,
        any_value(_muster_headcount) AS _muster_headcount,
        any_value(_muster_weight) AS _muster_weight,
        any_value(_muster_gold_weight) AS _muster_gold_weight,
        bit_or(_muster_bits) AS _muster_bits,
        bit_or(_muster_seen) AS _muster_seen,
        bit_or(_muster_yes) AS _muster_yes
    FROM _muster_stacked
    GROUP BY _muster_id
)
SELECT
    CASE
        WHEN _muster_lost IS NOT NULL THEN muster.main._muster_lost_error(caller, _muster_lost)
        WHEN _muster_profiles > 0 AND _muster_id IS NULL
            THEN error(caller || ': profile_id must not be NULL or blank in profiles')
        WHEN _muster_profiles > 1
            THEN error(
                caller || ': profiles must have one row a person, profile_id '
                || CAST(_muster_id AS VARCHAR) || ' has ' || CAST(_muster_profiles AS VARCHAR)
            )
        WHEN _muster_id IS NOT NULL AND _muster_rows - _muster_profiles <> bit_count(_muster_bits)
            THEN error(
                caller || ': ratings must have one row a person and annotator, profile_id '
                || CAST(_muster_id AS VARCHAR) || ' has several of one annotator'
            )
        WHEN _muster_profiles = 1 THEN 'person'
        ELSE 'unknown'
    END AS _muster_kind,
    _muster_id,
    _muster_name,
    _muster_truth,
    _muster_seen,
    _muster_yes,
    CASE WHEN _muster_profiles = 1 THEN _muster_weight ELSE _muster_rows END AS _muster_count,
    _muster_gold_weight,
    _muster_headcount
FROM (
    SELECT *, muster.main._muster_lost(_muster_ratings_type, _muster_profiles_type, _muster_id) AS _muster_lost
    FROM _muster_grouped, _muster_types
)
UNION ALL
SELECT 'annotator', NULL, _muster_name, NULL, _muster_bit, 0, 0, NULL, NULL
FROM _muster_annotator;
