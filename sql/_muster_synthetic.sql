-- _muster_synthetic: The made people of `synthetic_ratings` and `synthetic_profiles`, and the annotators' bits.
-- section: Helpers
--
-- columns:
--   _muster_kind VARCHAR       'person', or 'annotator' with its name and bit
--   _muster_name VARCHAR       company, or annotator
--   _muster_number BIGINT      of the person in the company, from 1
--   _muster_headcount BIGINT   of the company
--   _muster_seen BIGINT        bit j: there is a total of annotator j; for an annotator its own bit
--   _muster_yes BIGINT         bit j: annotator j says yes
CREATE MACRO muster.main._muster_synthetic(caller, totals, ratings, company, annotator, value, headcount, options) AS TABLE
WITH _muster_total AS MATERIALIZED (
    SELECT
        CAST(muster.main._muster_argument(caller, 'company', 'totals', typeof(_muster_t), company) AS VARCHAR) AS _muster_name,
        CASE
            WHEN company IS NOT NULL AND annotator IS NULL
                THEN error(caller || ': annotator must not be NULL in totals')
            ELSE CAST(annotator AS VARCHAR)
        END AS _muster_annotator,
        muster.main._muster_number(caller, 'value', 'be a number of at least 0 or NULL', value) AS _muster_value,
        muster.main._muster_number(
            caller, 'headcount', 'be a whole number from 0 to 9007199254740992', headcount
        ) AS _muster_headcount
    FROM query_table(totals) AS _muster_t
),
_muster_rating AS (
    -- qualified, or the argument of that name would stand here
    SELECT
        _muster_r.profile_id AS _muster_id,
        CAST(_muster_r.annotator AS VARCHAR) AS _muster_annotator,
        muster.main._muster_boolean(caller, 'label', _muster_r.label) AS _muster_label
    FROM query_table(ratings) AS _muster_r
),
_muster_bits AS MATERIALIZED (
    SELECT
        _muster_annotator,
        CASE
            WHEN _muster_position > 60
                THEN error(caller || ': at most 60 annotators are possible in totals')
            ELSE 1::BIGINT << _muster_position
        END AS _muster_bit,
        _muster_position
    FROM (
        SELECT
            _muster_annotator,
            CAST(row_number() OVER (ORDER BY _muster_annotator) - 1 AS INTEGER) AS _muster_position
        FROM (SELECT DISTINCT _muster_annotator FROM _muster_total WHERE _muster_name IS NOT NULL)
    )
),
_muster_person AS (
    SELECT
        CASE
            WHEN count(*) <> bit_count(bit_or(_muster_bit))
                THEN error(
                    caller || ': ratings must have one row a person and annotator, profile_id '
                    || CAST(_muster_id AS VARCHAR) || ' has several of one annotator'
                )
            ELSE bit_or(CASE WHEN _muster_label IS NULL THEN 0 ELSE _muster_bit END)
        END AS _muster_seen,
        bit_or(CASE WHEN _muster_label THEN _muster_bit ELSE 0 END) AS _muster_yes
    FROM _muster_rating
    JOIN _muster_bits USING (_muster_annotator)
    WHERE _muster_id IS NOT NULL
    GROUP BY _muster_id
),
_muster_pattern AS (
    SELECT coalesce(list({seen: _muster_seen, yes: _muster_yes, count: _muster_count}), []) AS _muster_patterns
    FROM (SELECT _muster_seen, _muster_yes, count(*) AS _muster_count FROM _muster_person GROUP BY ALL)
),
_muster_totals AS (
    SELECT
        coalesce(list({
            company: _muster_name,
            annotator: _muster_annotator,
            position: CAST(_muster_position AS BIGINT),
            value: _muster_value,
            headcount: _muster_headcount
        }), []) AS _muster_rows
    FROM _muster_total
    JOIN _muster_bits USING (_muster_annotator)
    WHERE _muster_name IS NOT NULL
),
_muster_options AS (
    SELECT options AS _muster_asked
)
SELECT
    'person' AS _muster_kind,
    _muster_row.company AS _muster_name,
    _muster_row.number AS _muster_number,
    _muster_row.headcount AS _muster_headcount,
    _muster_row.seen AS _muster_seen,
    _muster_row.yes AS _muster_yes
FROM (
    SELECT unnest(muster_synthetic(_muster_rows, _muster_patterns, _muster_asked)) AS _muster_row
    FROM _muster_totals, _muster_pattern, _muster_options
)
UNION ALL
SELECT 'annotator', _muster_annotator, 0, 0, _muster_bit, 0
FROM _muster_bits;
