-- keyword_filter: Ratings by keywords: yes where a text has the right words and none of the wrong ones.
-- section: Keywords
--
-- A filter says yes where some term of `any_of` occurs, every entry of `all_of` occurs (an entry may be a list: then some
-- term of it), and no term of `none_of` occurs. An absent, NULL or empty list asks for nothing. NULL text gives NULL; a text
-- of nothing but white space and hyphens is never a yes.
--
-- Terms are whole words in any case; a space or hyphen in a term stands for any run of white space and hyphens, line
-- breaks too. A word ends where its script ends it: Chinese, Japanese, Thai and others write no spaces, so a term in them is
-- found anywhere, and where the script changes a word ends ('Python' in 'Python開発', but not in 'Pythonic'). C++, C#, .NET
-- and R&D are terms like others: only an end that is a letter or digit must not touch another one of its word. Case is
-- folded: final sigma is a sigma, and ß is ss (Straße, STRASSE, Strasse). What looks the same is the same: curly and straight
-- quotes, full-width and other compatibility forms (ＡＩ, ﬁ), composed and decomposed letters; what nobody sees is passed over.
--
-- A term that begins with `exact:` is compared letter by letter: no such forms, and spaces around it in every script. One that begins
-- with `regex:` is a regular expression (of the Rust crate regex: time in proportion to the text) that sees the text as it
-- is, in any case, and finds parts of words unless it has \b. Hand over a table as `(SELECT list(f) FROM my_filters AS f)`.
-- One row a document and filter, ordered by profile_id and annotator.
--
-- arguments:
--   docs      relation with profile_id
--   text      expression over docs: the text
--   filters   list of structs {annotator, any_of, all_of, none_of}: a name, lists of terms
-- columns:
--   profile_id ANY      as in docs
--   annotator VARCHAR   the filter
--   label BOOLEAN       what it says; NULL for NULL text
-- example:
--   WITH docs AS (
--       SELECT * FROM (VALUES (1, 'Machine-learning engineer, PyTorch'), (2, 'Sales of machine  learning software')) AS t(profile_id, cv)
--   )
--   FROM muster.keyword_filter(docs, cv, [
--       {annotator: 'learning', any_of: ['machine learning', 'deep learning']},
--       {annotator: 'engineer', any_of: ['machine learning'], none_of: ['sales', 'regex:\bmarketing']}
--   ]);
CREATE MACRO muster.main.keyword_filter(docs, text, filters) AS TABLE
WITH _muster_doc AS (
    SELECT
        profile_id AS _muster_id,
        CAST(muster.main._muster_argument('keyword_filter', 'text', 'docs', typeof(_muster_d), text) AS VARCHAR) AS _muster_text
    FROM query_table(docs) AS _muster_d
),
_muster_filters AS (
    SELECT _muster_description, hash(_muster_description) AS _muster_key
    FROM (
        SELECT coalesce(muster.main._muster_nested(_muster_given), 'null') AS _muster_description
        FROM (SELECT filters AS _muster_given)
    )
)
SELECT
    _muster_id AS profile_id,
    _muster_row.annotator,
    CASE WHEN _muster_known THEN _muster_row.label END AS label
FROM (
    SELECT
        _muster_id,
        _muster_text IS NOT NULL AS _muster_known,
        unnest(muster_keyword_filter(coalesce(_muster_text, ''), _muster_description, _muster_key)) AS _muster_row
    FROM _muster_doc, _muster_filters
)
ORDER BY _muster_id, _muster_row.annotator;
