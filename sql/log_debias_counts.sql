-- log_debias_counts: Experts each annotator counts in each company, for `log_debias_estimate`.
-- section: Debiasing
--
-- One row for each company and annotator with at least one label there, ordered by company and annotator. Some annotators
-- (language models that refuse, say) count zero where they see nothing: `zero_as_missing` makes their zeros NULL.
--
-- arguments:
--   ratings           relation with profile_id, annotator, label: one row a person and annotator; NULL or no row = missing
--   profiles          relation with profile_id and company: one row a person
--   company           expression over profiles: the company; NULL = none
--   zero_as_missing   list of annotators whose zero counts are missing counts
--   weight            expression over profiles: how many people with the same labels the row stands for, a whole number; 0 = nobody
-- columns:
--   company VARCHAR     the company
--   annotator VARCHAR   the annotator
--   value BIGINT        people it called experts; NULL for zero of an annotator in zero_as_missing
--   n_labels BIGINT     people it gave a label to
-- example:
--   FROM muster.log_debias_counts(ratings, profiles, company) LIMIT 3;
CREATE MACRO muster.main.log_debias_counts(ratings, profiles, company, zero_as_missing := [], weight := 1) AS TABLE
WITH _muster_person AS MATERIALIZED (
    FROM muster.main._muster_people('log_debias_counts', ratings, profiles, company, NULL, NULL, weight, 1)
),
_muster_annotators AS (
    SELECT _muster_name AS _muster_annotator, _muster_seen AS _muster_bit
    FROM _muster_person
    WHERE _muster_kind = 'annotator'
),
_muster_zero AS (
    SELECT CASE
        WHEN _muster_unknown IS NOT NULL AND len(_muster_names) > 0
            THEN error('log_debias_counts: zero_as_missing must name annotators of ratings, got ''' || _muster_unknown || '''')
        ELSE _muster_list
    END AS _muster_missing
    FROM (
        SELECT
            _muster_list,
            _muster_names,
            list_extract(list_filter(_muster_list, lambda name: NOT list_contains(_muster_names, name)), 1) AS _muster_unknown
        FROM (
            SELECT coalesce(
                muster.main._muster_list(
                    'log_debias_counts', 'zero_as_missing', 'be a list of annotators', zero_as_missing
                ),
                []
            ) AS _muster_list
        ) AS _muster_given,
            (SELECT coalesce(list(_muster_annotator), []) AS _muster_names FROM _muster_annotators) AS _muster_known
    )
),
_muster_pattern AS (
    SELECT
        _muster_name,
        _muster_seen,
        _muster_yes,
        muster.main._muster_summed('log_debias_counts', sum(_muster_count), sum(sum(_muster_count)) OVER ()) AS _muster_people
    FROM _muster_person
    WHERE _muster_kind = 'person' AND _muster_count > 0 AND _muster_name IS NOT NULL
    GROUP BY ALL
),
_muster_count AS (
    SELECT
        _muster_name,
        _muster_annotator,
        CAST(sum(CASE WHEN _muster_yes & _muster_bit <> 0 THEN _muster_people ELSE 0 END) AS BIGINT) AS _muster_positive,
        CAST(sum(_muster_people) AS BIGINT) AS _muster_labels
    FROM _muster_pattern
    JOIN _muster_annotators ON _muster_seen & _muster_bit <> 0
    GROUP BY ALL
)
SELECT
    _muster_name AS company,
    _muster_annotator AS annotator,
    CASE
        WHEN _muster_positive = 0 AND list_contains(_muster_missing, _muster_annotator) THEN NULL
        ELSE _muster_positive
    END AS value,
    _muster_labels AS n_labels
FROM _muster_count, _muster_zero
ORDER BY _muster_name, _muster_annotator;
