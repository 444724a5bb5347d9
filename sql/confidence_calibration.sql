-- confidence_calibration: Whether annotators that say how sure they are, are right as often as they say.
-- section: Annotators
--
-- `llm_annotate(…, confidence := true)` gives the probability p_yes that the answer is yes. On gold people it can be held against
-- the truth: the Brier score is the mean squared difference, 0 for an annotator that knows, .25 for one that always says one half; where 100
-- people have p_yes about .8, about 80 should be experts. Ten bins of equal width, each with its upper edge and without its
-- lower one (the first with both), as in scikit-learn's `calibration_curve`; a bin without people has no row. One row an annotator and bin,
-- and before them one of all of its people, ordered by annotator. Rows without p_yes count in `missing` and nowhere else.
--
-- With `gold_weight` n and missing stay numbers of people; p_yes, share and brier are weighted means over the people of the row.
--
-- arguments:
--   ratings       relation with profile_id, annotator, and whatever `p_yes` names
--   profiles      relation with profile_id and truth
--   truth         expression over profiles: is the person an expert; NULL = no gold label
--   p_yes         expression over ratings: probability from 0 to 1 that the person is an expert; NULL = not known
--   weight        expression over profiles: how many people with the same row the row stands for, a whole number; 0 = nobody
--   gold_weight   expression over profiles: the inverse of a gold person's chance to be chosen, a positive number
-- columns:
--   annotator VARCHAR   as in ratings
--   bin BIGINT          from 1 to 10; NULL for all people of the annotator
--   lower DOUBLE        lower edge of the bin
--   upper DOUBLE        upper edge
--   n BIGINT            gold people with p_yes
--   missing BIGINT      of all: gold people whose row has none; NULL for a bin
--   p_yes DOUBLE        mean of it
--   share DOUBLE        share of experts among them
--   brier DOUBLE        mean squared difference between p_yes and the truth, as 1 and 0
-- example:
--   CREATE OR REPLACE TEMP TABLE sure AS
--   SELECT profile_id, annotator, CASE WHEN label THEN 0.9 ELSE 0.2 END AS p_yes FROM ratings;
--   SELECT annotator, bin, n, p_yes, round(share, 2) AS share, round(brier, 3) AS brier
--   FROM muster.confidence_calibration(sure, profiles, is_expert, p_yes) LIMIT 3;
CREATE MACRO muster.main.confidence_calibration(ratings, profiles, truth, p_yes, weight := 1, gold_weight := 1) AS TABLE
WITH _muster_profile AS MATERIALIZED (
    WITH _muster_rows AS (
        FROM query_table(profiles)
    )
    SELECT _muster_given.*
    FROM (SELECT profile_id FROM muster.main._muster_absent()) AS _muster_a, LATERAL (
        SELECT
            muster.main._muster_id('confidence_calibration', 'profiles', typeof(_muster_p), profile_id) AS _muster_id,
            muster.main._muster_boolean('confidence_calibration', 'truth', truth) AS _muster_truth,
            muster.main._muster_weight('confidence_calibration', profile_id, weight) AS _muster_weight,
            CASE
                WHEN muster.main._muster_boolean('confidence_calibration', 'truth', truth) IS NOT NULL
                    THEN muster.main._muster_gold_weight('confidence_calibration', profile_id, gold_weight)
            END AS _muster_gold_weight
        FROM _muster_rows AS _muster_p
    ) AS _muster_given
),
_muster_rating AS MATERIALIZED (
    WITH _muster_rows AS (
        FROM query_table(ratings)
    )
    SELECT
        _muster_id,
        muster.main._muster_annotator('confidence_calibration', _muster_annotator) AS _muster_name,
        muster.main._muster_number(
            'confidence_calibration', 'p_yes', 'be a number from 0 to 1, or NULL', _muster_sure
        ) AS _muster_p
    FROM (SELECT profile_id, annotator FROM muster.main._muster_absent()) AS _muster_a, LATERAL (
        SELECT
            muster.main._muster_id('confidence_calibration', 'ratings', typeof(_muster_r), profile_id) AS _muster_id,
            muster.main._muster_column('confidence_calibration', 'ratings', 'annotator', typeof(_muster_r), annotator) AS _muster_annotator,
            muster.main._muster_value(
                muster.main._muster_argument('confidence_calibration', 'p_yes', 'ratings', typeof(_muster_r), p_yes)
            ) AS _muster_sure
        FROM _muster_rows AS _muster_r
    ) AS _muster_given
),
_muster_types AS (
    SELECT
        (SELECT typeof(_muster_id) FROM _muster_rating LIMIT 1) AS _muster_ratings_type,
        (SELECT typeof(_muster_id) FROM _muster_profile LIMIT 1) AS _muster_profiles_type
),
-- as in _muster_people, so that ids of two types compare alike in all functions
_muster_stacked AS MATERIALIZED (
    SELECT
        _muster_id, 0 AS _muster_profiles, NULL AS _muster_truth, NULL AS _muster_weight, NULL AS _muster_gold_weight,
        _muster_name, _muster_p
    FROM _muster_rating
    UNION ALL
    SELECT _muster_id, 1, _muster_truth, _muster_weight, _muster_gold_weight, NULL, NULL
    FROM _muster_profile
),
_muster_gold AS (
    SELECT
        _muster_id,
        _muster_truth,
        _muster_weight,
        -- beside the largest, so that no sum is beyond all numbers
        _muster_gold_weight / max(_muster_gold_weight) OVER () AS _muster_share
    FROM (
        SELECT
            _muster_id,
            CASE
                WHEN _muster_lost IS NOT NULL THEN muster.main._muster_lost_error('confidence_calibration', _muster_lost)
                WHEN _muster_profiles > 0 AND _muster_id IS NULL
                    THEN error('confidence_calibration: profile_id must not be NULL or blank in profiles')
                WHEN _muster_profiles > 1
                    THEN error(
                        'confidence_calibration: profiles must have one row a person, profile_id '
                        || CAST(_muster_id AS VARCHAR) || ' has ' || CAST(_muster_profiles AS VARCHAR)
                    )
                ELSE _muster_truth
            END AS _muster_truth,
            _muster_weight,
            _muster_gold_weight
        FROM (
            SELECT *, muster.main._muster_lost(_muster_ratings_type, _muster_profiles_type, _muster_id) AS _muster_lost
            FROM (
                SELECT
                    _muster_id,
                    sum(_muster_profiles) AS _muster_profiles,
                    any_value(_muster_truth) AS _muster_truth,
                    any_value(_muster_weight) AS _muster_weight,
                    any_value(_muster_gold_weight) AS _muster_gold_weight
                FROM _muster_stacked
                GROUP BY _muster_id
            ), _muster_types
        )
    )
    WHERE _muster_truth IS NOT NULL
),
_muster_given AS (
    SELECT
        _muster_name,
        CASE
            WHEN count(*) > 1
                THEN error(
                    'confidence_calibration: ratings must have one row a person and annotator, profile_id '
                    || CAST(_muster_id AS VARCHAR) || ' has several of ' || _muster_name
                )
            ELSE any_value(_muster_p)
        END AS _muster_p,
        any_value(_muster_gold._muster_truth) AS _muster_truth,
        any_value(_muster_gold._muster_weight) AS _muster_weight,
        any_value(_muster_gold._muster_share) AS _muster_share
    FROM _muster_stacked
    JOIN _muster_gold USING (_muster_id)
    WHERE _muster_stacked._muster_profiles = 0
    GROUP BY _muster_name, _muster_id
),
-- people alike, so that numbers are added up in one order
_muster_alike AS (
    SELECT
        _muster_name,
        CASE
            WHEN _muster_p BETWEEN 0 AND 1 OR _muster_p IS NULL THEN _muster_p
            ELSE error('confidence_calibration: p_yes must be a number from 0 to 1, or NULL, got ' || CAST(_muster_p AS VARCHAR))
        END AS _muster_p,
        CAST(_muster_truth AS INTEGER) AS _muster_expert,
        _muster_share,
        CAST(sum(_muster_weight) AS BIGINT) AS _muster_n
    FROM _muster_given
    GROUP BY ALL
),
_muster_bins AS (
    SELECT
        _muster_name,
        CASE WHEN _muster_p IS NOT NULL THEN greatest(CAST(ceil(10 * _muster_p) AS BIGINT), 1) END AS _muster_bin,
        _muster_p,
        _muster_expert,
        _muster_share,
        _muster_n,
        _muster_n * _muster_share AS _muster_mass
    FROM _muster_alike
),
_muster_sums AS (
    SELECT
        _muster_name,
        _muster_bin,
        grouping(_muster_bin) AS _muster_all,
        coalesce(CAST(sum(_muster_n) FILTER (_muster_p IS NOT NULL) AS BIGINT), 0) AS _muster_people,
        coalesce(CAST(sum(_muster_n) FILTER (_muster_p IS NULL) AS BIGINT), 0) AS _muster_missing,
        list_sum(list(_muster_mass ORDER BY _muster_p, _muster_expert, _muster_share) FILTER (_muster_p IS NOT NULL)) AS _muster_total,
        list_sum(list(_muster_mass * _muster_expert ORDER BY _muster_p, _muster_expert, _muster_share) FILTER (_muster_p IS NOT NULL))
            AS _muster_experts,
        list_sum(list(_muster_mass * _muster_p ORDER BY _muster_p, _muster_expert, _muster_share)) AS _muster_sum,
        list_sum(list(_muster_mass * (_muster_p - _muster_expert) ** 2 ORDER BY _muster_p, _muster_expert, _muster_share)) AS _muster_squares
    FROM _muster_bins
    GROUP BY GROUPING SETS ((_muster_name), (_muster_name, _muster_bin))
)
SELECT
    _muster_name AS annotator,
    _muster_bin AS bin,
    (_muster_bin - 1) / 10 AS lower,
    _muster_bin / 10 AS upper,
    _muster_people AS n,
    CASE WHEN _muster_all = 1 THEN _muster_missing END AS missing,
    CASE WHEN _muster_people > 0 THEN _muster_sum / _muster_total END AS p_yes,
    CASE WHEN _muster_people > 0 THEN _muster_experts / _muster_total END AS share,
    CASE WHEN _muster_people > 0 THEN _muster_squares / _muster_total END AS brier
FROM _muster_sums
WHERE _muster_all = 1 OR _muster_bin IS NOT NULL AND _muster_people > 0
ORDER BY _muster_name, _muster_bin NULLS FIRST;
