-- filter_affiliations: Affiliations taken apart, cleaned, sorted into categories, and counted together.
-- section: Affiliations
--
-- A text such as "Google, Inc. / Stanford University" names two organisations. Letters written as LaTeX commands are
-- read, white space is collapsed. Separators are semicolons, bars, dashes between white space, slashes between white
-- space or names ("Princeton/MIT"), and "and" where both sides show that they are organisations ("Acme LLC and Virginia
-- Tech"). A line break is white space, unless the lines are a list: an empty line or bullets between, four lines or
-- more without a comma, or a line that is whole ("Acme Inc", "Stanford University"). At a comma a text is
-- split too, except before a legal form ("Google, Inc."); partners ("Skadden, Arps, Slate, Meagher & Flom LLP") and
-- campuses ("University of California, Berkeley") stay whole. People ("J. Smith, Jr") and generic words ("Corporation",
-- "several research groups") name no organisation. Departments ("Human Resources") and places are dropped beside
-- others: large cities, countries and states ("London, UK", "Acme – London"), and whatever no term is known for between
-- an organisation and a country or state ("Siemens AG, Erlangen, Germany"). Remarks in brackets are taken off, and
-- legal forms behind a name ("Inc", "GmbH", "II") or before it ("ООО", "株式会社", "บริษัท"), with or without a space where
-- the script writes none. The weight of a text is shared out equally among the organisations it names, academic ones
-- included. Spellings that differ in case ("ß" and "SS" as well), accents (Latin, Greek, Cyrillic), punctuation, "&"
-- for "and", and legal form are one organisation, shown as most often written.
--
-- Categories come from terms matched as whole words, in some thirty languages: "Instacart" holds no "inst", "State
-- Farm" no university. The longest matching term decides, so an exception is a longer term. Where one spelling tells
-- the category ("Google LLC") and another does not ("Google"), the telling one counts. A name that no term is known for
-- is 'unknown': most of those are companies. A term of your own has a kind: 'word' (one or more whole words), 'prefix'
-- or 'suffix' (of a word), 'inside' (anywhere in a word), 'acronym' (a whole word, capitals as written) or 'name' (the
-- whole name). Ordered by n, largest first, and affiliation.
--
-- arguments:
--   affiliations   relation with one affiliation a row
--   name           expression over affiliations: the text; left out are NULL, texts without a letter, of people or
--                  generic words alone, and those that say there is none: "n/a", "none", "retired", "unemployed"
--   weight         expression over affiliations: how many people the row stands for, at least 0
--   keep           list of the categories to return: 'academic', 'government', 'non-profit', 'company', 'unknown'
--   terms          list of {category, kind, term} beside the built-in ones, in place of those of the same words; NULL = none
-- columns:
--   affiliation VARCHAR   the cleaned name
--   category VARCHAR      academic, government, non-profit, company or unknown
--   term VARCHAR          the term or legal form that decided; NULL for unknown
--   n DOUBLE              the weights, shared out
--   n_names BIGINT        different texts that name it
--   names VARCHAR[]       those texts, to join with; those that name more than 1000 organisations only count
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
        CAST(
            muster.main._muster_argument('filter_affiliations', 'name', 'affiliations', typeof(_muster_a), name) AS VARCHAR
        ) AS _muster_name,
        muster.main._muster_number('filter_affiliations', 'weight', 'be a number of at least 0', weight) AS _muster_weight
    FROM query_table(affiliations) AS _muster_a
),
_muster_option AS (
    SELECT
        muster_options() AS _muster_asked,
        CASE
            WHEN keep IS NULL THEN error('filter_affiliations: keep must be a list of categories, got NULL')
            ELSE muster.main._muster_list('filter_affiliations', 'keep', 'be a list of categories', keep)
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
_muster_numbered AS (
    -- a number goes with each organisation in place of the text, which may name thousands
    SELECT row_number() OVER (ORDER BY _muster_name) AS _muster_number, _muster_name, _muster_weight
    FROM _muster_sum
),
_muster_parts AS (
    SELECT _muster_number, _muster_weight, muster_affiliation(_muster_name, _muster_asked) AS _muster_list
    FROM _muster_numbered
    CROSS JOIN _muster_option
),
_muster_part AS (
    SELECT
        _muster_number,
        len(_muster_list) AS _muster_among,
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
        sum(_muster_weight ORDER BY _muster_number) AS _muster_weight
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
        _muster_key,
        first(_muster_spelling ORDER BY _muster_written DESC, _muster_spelling) AS _muster_affiliation,
        first(
            {category: _muster_category, term: _muster_term}
            ORDER BY _muster_category = 'unknown', _muster_weight DESC, _muster_category, _muster_term
        ) AS _muster_what,
        sum(_muster_weight ORDER BY _muster_spelling, _muster_category, _muster_term) AS _muster_weight
    FROM _muster_spelled
    GROUP BY _muster_key
),
_muster_named AS (
    -- a text names an organisation once: its keys differ
    SELECT
        _muster_row.key AS _muster_key,
        count(*) AS _muster_n_names,
        -- each text is copied for each of its organisations
        coalesce(
            list(_muster_name ORDER BY _muster_number) FILTER (_muster_among <= 1000), CAST([] AS VARCHAR[])
        ) AS _muster_names
    FROM _muster_part
    JOIN _muster_numbered USING (_muster_number)
    GROUP BY ALL
)
SELECT
    _muster_affiliation AS affiliation,
    _muster_what.category AS category,
    _muster_what.term AS term,
    _muster_weight AS n,
    _muster_n_names AS n_names,
    _muster_names AS names
FROM _muster_organisation
JOIN _muster_named USING (_muster_key)
CROSS JOIN _muster_option
WHERE list_contains(_muster_keep, _muster_what.category)
ORDER BY _muster_weight DESC, _muster_affiliation;
