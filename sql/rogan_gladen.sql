-- rogan_gladen: One annotator's share of experts, corrected by its sensitivity and specificity.
-- section: Debiasing
--
-- Sensitivity and specificity come from the gold people, the share called expert from the people who are not rated, all of
-- them or company by company; the interval is that of `rogan_gladen_interval`. It knows one annotator at a time: many
-- experts in a small company or few in a large one are beyond it, `fit_probit_bootstrap` takes all annotators together.
-- One row an annotator, or an annotator and company, ordered by both; with n = 0 where it has no label.
--
-- arguments:
--   ratings     relation with profile_id, annotator, label: one row a person and annotator; NULL or no row = missing
--   profiles    relation with profile_id and the columns the next arguments name: one row a person
--   truth       expression over profiles: is the person an expert; NULL = no gold label
--   annotator   the annotator's name; NULL = every one by itself
--   company     expression over profiles: the company; NULL = all people together
--   level       of the interval, between 0 and 1
--   weight      expression over profiles: how many people with the same labels the row stands for, a whole number; 0 = nobody
-- columns:
--   annotator VARCHAR      the annotator
--   company VARCHAR        the company, NULL for all people together
--   n BIGINT               people who are not rated and have its label
--   positives BIGINT       those it calls experts
--   share DOUBLE           positives / n, as the annotator has it
--   sensitivity DOUBLE     share of gold experts it calls experts
--   specificity DOUBLE     share of the other gold people it calls others
--   raw DOUBLE             (share + specificity - 1) / (sensitivity + specificity - 1); may lie outside 0 to 1
--   estimate DOUBLE        raw, clipped to 0 to 1; NULL where the annotator is no better than chance
--   lower DOUBLE           lower limit
--   upper DOUBLE           upper limit
-- example:
--   SELECT annotator, n, positives, round(share, 3) AS share, round(estimate, 3) AS estimate, round(lower, 3) AS lower, round(upper, 3) AS upper
--   FROM muster.rogan_gladen(ratings, profiles, is_expert) LIMIT 3;
CREATE MACRO muster.main.rogan_gladen(
    ratings,
    profiles,
    truth,
    annotator := NULL,
    company := NULL,
    level := 0.8,
    weight := 1
) AS TABLE
WITH _muster_person AS MATERIALIZED (
    FROM muster.main._muster_people('rogan_gladen', ratings, profiles, company, truth, NULL, weight, 1)
),
_muster_option AS (
    SELECT
        CASE
            WHEN coalesce(TRY_CAST(CAST(level AS VARCHAR) AS DOUBLE) > 0 AND TRY_CAST(CAST(level AS VARCHAR) AS DOUBLE) < 1, false)
                THEN CAST(level AS DOUBLE)
            ELSE error('rogan_gladen: level must lie between 0 and 1, got ' || coalesce(CAST(level AS VARCHAR), 'NULL'))
        END AS _muster_level,
        CAST(annotator AS VARCHAR) AS _muster_wanted
),
_muster_all AS (
    SELECT _muster_name AS _muster_annotator, _muster_seen AS _muster_bit
    FROM _muster_person
    WHERE _muster_kind = 'annotator'
),
_muster_checked AS (
    SELECT CASE
        WHEN _muster_wanted IS NOT NULL AND NOT list_contains(_muster_names, _muster_wanted)
            THEN error('rogan_gladen: annotator must be one of those in ratings, got ''' || _muster_wanted || '''')
        ELSE _muster_wanted
    END AS _muster_wanted,
    _muster_level
    FROM _muster_option,
        (SELECT coalesce(list(_muster_annotator), []) AS _muster_names FROM _muster_all) AS _muster_known
),
_muster_chosen AS (
    SELECT _muster_annotator, _muster_bit, _muster_level
    FROM _muster_all
    JOIN _muster_checked ON coalesce(_muster_annotator = _muster_wanted, true)
),
_muster_pattern AS (
    SELECT
        _muster_name,
        _muster_truth,
        _muster_seen,
        _muster_yes,
        muster.main._muster_summed('rogan_gladen', sum(_muster_count), sum(sum(_muster_count)) OVER ()) AS _muster_people
    FROM _muster_person
    WHERE _muster_kind = 'person' AND _muster_count > 0
    GROUP BY ALL
),
-- every annotator with every kind of people, so that a company without its labels has a row too
_muster_label AS (
    SELECT
        _muster_annotator,
        _muster_name,
        _muster_truth,
        _muster_level,
        _muster_yes & _muster_bit <> 0 AS _muster_positive,
        CASE WHEN _muster_seen & _muster_bit <> 0 THEN _muster_people ELSE 0 END AS _muster_people,
        count(_muster_name) OVER () > 0 AS _muster_by_company
    FROM _muster_pattern, _muster_chosen
),
_muster_rate AS (
    SELECT
        _muster_annotator,
        coalesce(sum(_muster_people) FILTER (_muster_truth AND _muster_positive), 0) AS _muster_se_k,
        coalesce(sum(_muster_people) FILTER (_muster_truth), 0) AS _muster_se_n,
        coalesce(sum(_muster_people) FILTER (NOT _muster_truth AND NOT _muster_positive), 0) AS _muster_sp_k,
        coalesce(sum(_muster_people) FILTER (NOT _muster_truth), 0) AS _muster_sp_n
    FROM _muster_label
    GROUP BY _muster_annotator
),
_muster_count AS (
    SELECT
        _muster_annotator,
        _muster_name,
        _muster_level,
        CAST(coalesce(sum(_muster_people) FILTER (_muster_truth IS NULL), 0) AS BIGINT) AS _muster_n,
        CAST(
            coalesce(sum(_muster_people) FILTER (_muster_truth IS NULL AND _muster_positive), 0) AS BIGINT
        ) AS _muster_positives
    FROM _muster_label
    WHERE _muster_name IS NOT NULL OR NOT _muster_by_company
    GROUP BY _muster_annotator, _muster_name, _muster_level
),
_muster_corrected AS (
    SELECT
        *,
        muster.main.rogan_gladen_interval(
            _muster_positives,
            _muster_n,
            _muster_se_k,
            _muster_se_n,
            _muster_sp_k,
            _muster_sp_n,
            level := _muster_level
        ) AS _muster_interval
    FROM _muster_count
    JOIN _muster_rate USING (_muster_annotator)
)
SELECT
    _muster_annotator AS annotator,
    _muster_name AS company,
    _muster_n AS n,
    _muster_positives AS positives,
    CASE WHEN _muster_n > 0 THEN _muster_positives / _muster_n END AS share,
    CASE WHEN _muster_se_n > 0 THEN _muster_se_k / _muster_se_n END AS sensitivity,
    CASE WHEN _muster_sp_n > 0 THEN _muster_sp_k / _muster_sp_n END AS specificity,
    _muster_interval.raw AS raw,
    _muster_interval.estimate AS estimate,
    _muster_interval.lower AS lower,
    _muster_interval.upper AS upper
FROM _muster_corrected
ORDER BY _muster_annotator, _muster_name;
