-- keyword_scores: How well lists of keywords tell classes of gold texts apart.
-- section: Keywords
--
-- A list calls a text its own class when some keyword of the list occurs in it, by the rules of `keyword_filter`: what is
-- judged here is what a filter made of the list does. A phrase that bridged a stop word or a comma does not stand in the text
-- as it is and finds nothing; every single word is found again, in any script. Rates have Jeffreys intervals. Texts with
-- a NULL label, and NULL texts, are left out.
-- Lists cut from the same texts look better here than on others: hold texts back to judge them. Ordered by list and label.
--
-- arguments:
--   docs    relation with what the next arguments name
--   text    expression over docs: the text
--   label   expression over docs: its class
--   lists   relation with list, label, keyword, such as `keyword_lists` makes
--   level   of the intervals, between 0 and 1
-- columns:
--   list VARCHAR               the list
--   label VARCHAR              the class it is of
--   n_keywords BIGINT          keywords in it
--   tp BIGINT                  texts of the class that it finds
--   fp BIGINT                  texts of other classes that it finds
--   tn BIGINT                  texts of other classes that it leaves
--   fn BIGINT                  texts of the class that it leaves
--   sensitivity DOUBLE         tp / (tp + fn)
--   sensitivity_lower DOUBLE   lower limit
--   sensitivity_upper DOUBLE   upper limit
--   specificity DOUBLE         tn / (tn + fp)
--   specificity_lower DOUBLE   lower limit
--   specificity_upper DOUBLE   upper limit
--   precision DOUBLE           tp / (tp + fp)
--   precision_lower DOUBLE     lower limit
--   precision_upper DOUBLE     upper limit
--   accuracy DOUBLE            (tp + tn) / all
--   accuracy_lower DOUBLE      lower limit
--   accuracy_upper DOUBLE      upper limit
-- example:
--   WITH docs AS (
--       SELECT * FROM (VALUES
--           ('Deep-learning researcher', true), ('deep learning with PyTorch', true), ('learning to rank', true),
--           ('sales of learning software', false), ('sales manager', false), ('key account sales', false)
--       ) AS t(cv, is_expert)
--   ),
--   lists AS (SELECT * FROM (VALUES ('mine', 'true', 'deep learning'), ('mine', 'true', 'rank')) AS t(list, label, keyword))
--   SELECT list, label, n_keywords, tp, fp, tn, fn, sensitivity, specificity
--   FROM muster.keyword_scores(docs, cv, is_expert, lists);
CREATE MACRO muster.main.keyword_scores(docs, text, label, lists, level := 0.8) AS TABLE
WITH _muster_document AS (
    SELECT
        muster.main._muster_class(label) AS _muster_class,
        CAST(muster.main._muster_argument('keyword_scores', 'text', 'docs', typeof(_muster_d), text) AS VARCHAR) AS _muster_text
    FROM query_table(docs) AS _muster_d
),
_muster_term AS (
    -- qualified: the parameter label would take the place of a column of that name
    SELECT
        CAST(_muster_given.list AS VARCHAR) AS _muster_name,
        muster.main._muster_class(_muster_given.label) AS _muster_own,
        CASE
            WHEN _muster_given.keyword IS NULL THEN error('keyword_scores: keyword must not be NULL in lists')
            WHEN NOT regexp_matches(CAST(_muster_given.keyword AS VARCHAR), '[^\s\p{Pd}]')
                THEN error(
                    'keyword_scores: keyword must be more than white space and hyphens in lists, got '''
                    || CAST(_muster_given.keyword AS VARCHAR) || ''''
                )
            ELSE CAST(_muster_given.keyword AS VARCHAR)
        END AS _muster_keyword
    FROM query_table(lists) AS _muster_given
),
_muster_listed AS MATERIALIZED (
    SELECT
        CAST(row_number() OVER (ORDER BY _muster_name, _muster_own) AS VARCHAR) AS _muster_number,
        _muster_name,
        _muster_own,
        list(DISTINCT _muster_keyword ORDER BY _muster_keyword) AS _muster_keywords
    FROM _muster_term
    GROUP BY _muster_name, _muster_own
),
_muster_filters AS (
    SELECT _muster_description, hash(_muster_description) AS _muster_key
    FROM (
        SELECT muster.main._muster_nested(_muster_given) AS _muster_description
        FROM (SELECT list({annotator: _muster_number, any_of: _muster_keywords}) AS _muster_given FROM _muster_listed)
    )
    WHERE _muster_description IS NOT NULL
),
_muster_found AS (
    SELECT _muster_class, unnest(muster_keyword_filter(_muster_text, _muster_description, _muster_key), recursive := true)
    FROM _muster_document, _muster_filters
    WHERE _muster_class IS NOT NULL AND _muster_text IS NOT NULL
),
_muster_judged AS (
    SELECT
        _muster_number,
        count(*) FILTER (_muster_label AND _muster_class = _muster_own) AS _muster_tp,
        count(*) FILTER (_muster_label AND _muster_class <> _muster_own) AS _muster_fp,
        count(*) FILTER (NOT _muster_label AND _muster_class <> _muster_own) AS _muster_tn,
        count(*) FILTER (NOT _muster_label AND _muster_class = _muster_own) AS _muster_fn
    FROM (SELECT _muster_class, _muster_found.annotator AS _muster_number, _muster_found.label AS _muster_label FROM _muster_found)
    JOIN _muster_listed USING (_muster_number)
    GROUP BY _muster_number
),
_muster_counts AS (
    SELECT coalesce(
        list(
            {
                list: _muster_name,
                label: _muster_own,
                n_keywords: len(_muster_keywords),
                tp: coalesce(_muster_tp, 0),
                fp: coalesce(_muster_fp, 0),
                tn: coalesce(_muster_tn, 0),
                missed: coalesce(_muster_fn, 0)
            }
            ORDER BY _muster_name, _muster_own
        ),
        []
    ) AS _muster_rows
    FROM _muster_listed
    LEFT JOIN _muster_judged USING (_muster_number)
),
_muster_options AS (
    SELECT muster_options() AS _muster_asked
)
SELECT unnest(_muster_row)
FROM (
    SELECT unnest(muster_keyword_scores(_muster_rows, _muster_asked)) AS _muster_row
    FROM _muster_counts, _muster_options
);
