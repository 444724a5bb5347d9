-- filter_affiliations: Affiliations taken apart, cleaned, sorted into categories, and counted together.
-- section: Affiliations
--
-- A text such as "Google, Inc. / Stanford University" names two organisations. Separators are semicolons, bars, line breaks, and
-- slashes and dashes between white space; at a comma a text is split too, except before a legal form ("Google, Inc."), and
-- places ("London, UK") and departments ("Human Resources") are dropped. Remarks in brackets and legal forms at the end ("Inc",
-- "GmbH", "II") are taken off. The weight of a text is shared out equally among the organisations it names, academic ones included.
-- Spellings that differ in case, marks, punctuation and legal form are one organisation, shown as most often written.
--
-- Categories come from terms matched as whole words, in some thirty languages: "Instacart" holds no "inst", "State Farm" no
-- university. The longest matching term decides, so an exception is a longer term. Where one spelling tells the category
-- ("Google LLC") and another does not ("Google"), the telling one counts. A name that no term is known for is 'unknown':
-- most of those are companies. A term of your own has a kind: 'word' (one or more whole words), 'prefix' or 'suffix' (of a word),
-- 'inside' (anywhere in a word) or 'acronym' (a whole word, capitals as written). Ordered by n, largest first, and affiliation.
--
-- arguments:
--   affiliations   relation with one affiliation a row
--   name           expression over affiliations: the text; left out are NULL, texts without a letter, and those that say there is
--                  none: "n/a", "none", "retired", "unemployed"
--   weight         expression over affiliations: how many people the row stands for, at least 0
--   keep           list of the categories to return: 'academic', 'government', 'non-profit', 'company', 'unknown'
--   terms          list of {category, kind, term} beside the built-in ones, in place of those of the same words; NULL = none
-- columns:
--   affiliation VARCHAR   the cleaned name
--   category VARCHAR      academic, government, non-profit, company or unknown
--   term VARCHAR          the term or legal form that decided; NULL for unknown
--   n DOUBLE              the weights, shared out
--   n_names BIGINT        different texts that name it
--   names VARCHAR[]       those texts, to join with
-- example:
--   WITH affiliations AS (
--       SELECT unnest(['Google, Inc. / Stanford University', 'google', 'Université de Montréal', 'State Farm']) AS name
--   )
--   SELECT affiliation, category, term, n FROM muster.filter_affiliations(affiliations, name);
CREATE MACRO muster.main.filter_affiliations(
    affiliations,
    name,
    weight := 1,
    keep := ['government', 'non-profit', 'company', 'unknown'],
    terms := NULL
) AS TABLE
WITH _muster_text AS (
    SELECT
        CAST(name AS VARCHAR) AS _muster_name,
        muster.main._muster_number('filter_affiliations', 'weight', 'be a number of at least 0', weight) AS _muster_weight
    FROM query_table(affiliations)
),
_muster_option AS (
    SELECT
        muster_options(keep: to_json(keep), terms: to_json(terms)) AS _muster_asked,
        CASE
            WHEN keep IS NULL THEN error('filter_affiliations: keep must be a list of categories, got NULL')
            ELSE CAST(keep AS VARCHAR[])
        END AS _muster_keep
),
_muster_sum AS (
    -- the empty text stands for the options: they are checked where there is no row
    SELECT '' AS _muster_name, 0 AS _muster_weight
    UNION ALL
    SELECT
        _muster_name,
        sum(CASE
            WHEN _muster_weight >= 0 AND _muster_weight < 'infinity'::DOUBLE THEN _muster_weight
            WHEN _muster_weight IS NOT NULL
                THEN error('filter_affiliations: weight must be a number of at least 0, got ' || _muster_weight)
        END)
    FROM _muster_text
    WHERE _muster_name IS NOT NULL
    GROUP BY _muster_name
),
_muster_parts AS (
    SELECT _muster_name, _muster_weight, muster_affiliation(_muster_name, _muster_asked) AS _muster_list
    FROM _muster_sum
    CROSS JOIN _muster_option
),
_muster_part AS (
    SELECT
        _muster_name,
        coalesce(_muster_weight, 0) / len(_muster_list) AS _muster_weight,
        unnest(_muster_list) AS _muster_row
    FROM _muster_parts
),
_muster_spelling AS (
    SELECT
        _muster_row.key AS _muster_key,
        _muster_row.name AS _muster_spelling,
        _muster_row.category AS _muster_category,
        _muster_row.term AS _muster_term,
        sum(_muster_weight ORDER BY _muster_name) AS _muster_weight,
        list(_muster_name) AS _muster_names
    FROM _muster_part
    GROUP BY ALL
),
_muster_spelled AS (
    SELECT
        *,
        -- in a set order, since sums of fractions depend on it
        sum(_muster_weight) OVER (
            PARTITION BY _muster_key, _muster_spelling
            ORDER BY _muster_category, _muster_term
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ) AS _muster_written
    FROM _muster_spelling
),
_muster_organisation AS (
    SELECT
        first(_muster_spelling ORDER BY _muster_written DESC, _muster_spelling) AS _muster_affiliation,
        first(
            {category: _muster_category, term: _muster_term}
            ORDER BY _muster_category = 'unknown', _muster_weight DESC, _muster_category, _muster_term
        ) AS _muster_what,
        sum(_muster_weight ORDER BY _muster_spelling, _muster_category, _muster_term) AS _muster_weight,
        list_sort(list_distinct(flatten(list(_muster_names)))) AS _muster_names
    FROM _muster_spelled
    GROUP BY _muster_key
)
SELECT
    _muster_affiliation AS affiliation,
    _muster_what.category AS category,
    _muster_what.term AS term,
    _muster_weight AS n,
    len(_muster_names) AS n_names,
    _muster_names AS names
FROM _muster_organisation
CROSS JOIN _muster_option
WHERE list_contains(_muster_keep, _muster_what.category)
ORDER BY _muster_weight DESC, _muster_affiliation;
