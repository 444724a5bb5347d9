-- keyword_lists: A strict and a broad list of keywords of each class, cut from its discriminative keywords.
-- section: Keywords
--
-- A keyword is in a list when its score is at least the list's threshold, its q_value at most `max_q` and at least
-- `min_documents` texts of the class have it. Every keyword of the strict list is in the broad one too. To make filters of lists:
-- `(SELECT list({annotator: list, any_of: keywords}) FROM (SELECT list, list(keyword) AS keywords FROM lists WHERE label = 'true'
-- GROUP BY list))`. Ordered by list, label, score and keyword; `strict` comes last, as text does.
--
-- arguments:
--   keywords        relation such as `discriminative_keywords` makes: label, keyword, score, q_value, n_documents
--   strict          least score of the strict list, 0 to 1
--   broad           least score of the broad list, 0 to strict
--   max_q           largest q_value, 0 to 1; 1 = any
--   min_documents   fewest texts of the class that have the keyword
-- columns:
--   list VARCHAR      'strict' or 'broad'
--   label VARCHAR     the class
--   keyword VARCHAR   a keyword of it
--   score DOUBLE      its score
-- example:
--   WITH docs AS (
--       SELECT * FROM (VALUES
--           ('deep learning researcher', true), ('deep learning with PyTorch', true), ('learning to rank', true),
--           ('sales of learning software', false), ('sales manager', false), ('key account sales', false)
--       ) AS t(cv, is_expert)
--   ),
--   keywords AS (FROM muster.discriminative_keywords(docs, cv, is_expert, ngram_max := 2))
--   FROM muster.keyword_lists(keywords, max_q := 1, min_documents := 2);
CREATE MACRO muster.main.keyword_lists(keywords, strict := 0.95, broad := 0.85, max_q := 0.05, min_documents := 3) AS TABLE
WITH _muster_given AS (
    WITH _muster_rows AS (
        FROM query_table(keywords)
    )
    SELECT _muster_columns.*
    FROM muster.main._muster_absent() AS _muster_a, LATERAL (
        SELECT
            muster.main._muster_column('keyword_lists', 'keywords', 'label', typeof(_muster_k), label) AS _muster_class,
            muster.main._muster_column('keyword_lists', 'keywords', 'keyword', typeof(_muster_k), keyword) AS _muster_term,
            muster.main._muster_column('keyword_lists', 'keywords', 'score', typeof(_muster_k), score) AS _muster_score,
            muster.main._muster_column('keyword_lists', 'keywords', 'q_value', typeof(_muster_k), q_value) AS _muster_q,
            muster.main._muster_column('keyword_lists', 'keywords', 'n_documents', typeof(_muster_k), n_documents) AS _muster_texts
        FROM _muster_rows AS _muster_k
    ) AS _muster_columns
),
_muster_keyword AS (
    SELECT
        CAST(_muster_class AS VARCHAR) AS _muster_class,
        CAST(_muster_term AS VARCHAR) AS _muster_term,
        muster.main._muster_number('keyword_lists', 'score', 'be a number', _muster_score) AS _muster_score,
        muster.main._muster_number('keyword_lists', 'q_value', 'be a number', _muster_q) AS _muster_q,
        muster.main._muster_number('keyword_lists', 'n_documents', 'be a number', _muster_texts) AS _muster_texts
    FROM _muster_given
),
_muster_limit AS (
    SELECT
        muster.main._muster_share('keyword_lists', 'strict', strict) AS _muster_strict,
        CASE
            WHEN muster.main._muster_share('keyword_lists', 'broad', broad) > muster.main._muster_share('keyword_lists', 'strict', strict)
                THEN error(
                    'keyword_lists: broad must be at most strict, ' || CAST(strict AS VARCHAR) || ', got ' || CAST(broad AS VARCHAR)
                )
            ELSE muster.main._muster_share('keyword_lists', 'broad', broad)
        END AS _muster_broad,
        muster.main._muster_share('keyword_lists', 'max_q', max_q) AS _muster_most,
        muster.main._muster_whole('keyword_lists', 'min_documents', min_documents) AS _muster_least
),
_muster_cut AS (
    SELECT unnest(['broad', 'strict']) AS _muster_name, unnest([_muster_broad, _muster_strict]) AS _muster_threshold, _muster_most, _muster_least
    FROM _muster_limit
)
SELECT _muster_name AS list, _muster_class AS label, _muster_term AS keyword, _muster_score AS score
FROM _muster_keyword
JOIN _muster_cut
    ON _muster_score BETWEEN _muster_threshold AND 1 AND _muster_q <= _muster_most
        AND _muster_texts BETWEEN _muster_least AND 9e15
ORDER BY _muster_name, _muster_class, _muster_score DESC, _muster_term;
