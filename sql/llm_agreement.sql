-- llm_agreement: How far annotators agree with each other, beyond chance.
-- section: Language models
--
-- Cohen's kappa of each pair over the profiles that both have labelled: (a - e) / (1 - e), where a is the share of equal labels and e
-- the share expected from how often each says yes. Agreement is no accuracy: models that err alike agree too. Works on ratings
-- of any annotators. One row a pair, ordered by name.
--
-- arguments:
--   ratings   relation with profile_id, annotator, label; NULL = missing
-- columns:
--   annotator VARCHAR   the first of the pair
--   other VARCHAR       the second
--   n BIGINT            profiles with labels of both
--   agreement DOUBLE    share of them with equal labels
--   kappa DOUBLE        NULL where both always say the same one thing
-- example:
--   SELECT annotator, other, n, round(kappa, 2) AS kappa FROM muster.llm_agreement(ratings) ORDER BY kappa DESC LIMIT 3;
CREATE MACRO muster.main.llm_agreement(ratings) AS TABLE
WITH _muster_rating AS (
    SELECT
        muster.main._muster_given_id('llm_agreement', _muster_id) AS _muster_id,
        muster.main._muster_annotator('llm_agreement', _muster_annotator) AS _muster_annotator,
        muster.main._muster_boolean('llm_agreement', 'label', _muster_label) AS _muster_label
    FROM muster.main._muster_ratings('llm_agreement', ratings)
),
_muster_label AS MATERIALIZED (
    SELECT
        _muster_id,
        _muster_annotator,
        CASE
            WHEN count(*) > 1
                THEN error(
                    'llm_agreement: ratings must have one row a profile and annotator, profile_id '
                    || CAST(_muster_id AS VARCHAR) || ' has several of ' || _muster_annotator
                )
            ELSE CAST(any_value(_muster_label) AS INTEGER)
        END AS _muster_yes
    FROM _muster_rating
    GROUP BY _muster_id, _muster_annotator
),
_muster_pair AS (
    SELECT
        _muster_first._muster_annotator AS _muster_annotator,
        _muster_second._muster_annotator AS _muster_other,
        CAST(count(*) AS DOUBLE) AS _muster_n,
        CAST(count(*) FILTER (_muster_first._muster_yes = _muster_second._muster_yes) AS DOUBLE) AS _muster_same,
        CAST(sum(_muster_first._muster_yes) AS DOUBLE) AS _muster_yes_first,
        CAST(sum(_muster_second._muster_yes) AS DOUBLE) AS _muster_yes_second
    FROM _muster_label AS _muster_first
    JOIN _muster_label AS _muster_second
        ON _muster_first._muster_id = _muster_second._muster_id
        AND _muster_first._muster_annotator < _muster_second._muster_annotator
    WHERE _muster_first._muster_yes IS NOT NULL AND _muster_second._muster_yes IS NOT NULL
    GROUP BY ALL
),
_muster_chance AS (
    SELECT
        *,
        _muster_yes_first * _muster_yes_second
            + (_muster_n - _muster_yes_first) * (_muster_n - _muster_yes_second) AS _muster_expected
    FROM _muster_pair
)
SELECT
    _muster_annotator AS annotator,
    _muster_other AS other,
    CAST(_muster_n AS BIGINT) AS n,
    _muster_same / _muster_n AS agreement,
    CASE
        WHEN _muster_expected < _muster_n * _muster_n
            THEN (_muster_n * _muster_same - _muster_expected) / (_muster_n * _muster_n - _muster_expected)
    END AS kappa
FROM _muster_chance
ORDER BY _muster_annotator, _muster_other;
