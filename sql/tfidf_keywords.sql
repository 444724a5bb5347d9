-- tfidf_keywords: Keywords of each text: what it says often and few other texts say (tf-idf).
-- section: Keywords
--
-- Words and phrases form as in `keybert_keywords`. Of all texts together those phrases count that occur in at least `min_df` and at
-- most `max_df` texts, and of these the `max_features` with the most occurrences, ties by code point. The score of a phrase is
-- its count in the text times ln((1 + n) / (1 + d)) + 1, where n is the number of texts and d the number that have it,
-- divided by the Euclidean length of all scores of the text: scikit-learn's TfidfVectorizer. As there, a whole number for
-- `min_df` or `max_df` counts texts and a decimal one is a share of them: 1 is one text, 1.0 all. The same phrase may
-- score differently in another set of texts. A NULL text is no text: it gives no row and does not count.
--
-- arguments:
--   docs           relation with profile_id and what the next argument names; at most 2 GB of text
                  and 100 million words
--   text           expression over docs: the text
--   ngram_min      fewest words of a phrase
--   ngram_max      most words of a phrase
--   max_features   most phrases that count; NULL = all
--   min_df         a phrase must occur in so many texts
--   max_df         a phrase may occur in so many texts
--   tokenizer      'unicode', or 'scikit-learn': its words to the letter, which end at combining marks
--   stop_words     'english' (scikit-learn's 318), 'study' (all of `stop_words`), 'none', or a list of words, cut as texts are
--   leave_out      list of names, of employers for instance, that are taken out where they stand; NULL = none
--   merge          true: a phrase that stands in a longer one each time it occurs gives its place to that
--   top_n          most keywords of a text
-- columns:
--   profile_id ANY    as in docs; the rows are ordered by it and by rank
--   rank BIGINT       1 = best, ties by code point
--   keyword VARCHAR   the phrase, lower-case, words joined by one space
--   score DOUBLE      0 to 1
-- example:
--   CREATE OR REPLACE TEMP TABLE headlines AS FROM (VALUES
--       (1, 'Machine learning engineer: neural networks, computer vision, neural networks for speech'),
--       (2, 'Sales engineer: machine tools'),
--       (3, 'Sales manager: office furniture')
--   ) AS t(profile_id, headline);
--   SELECT profile_id, rank, keyword, round(score, 4) AS score
--   FROM muster.tfidf_keywords(headlines, headline, ngram_max := 2, min_df := 1, top_n := 3);
CREATE MACRO muster.main.tfidf_keywords(
    docs,
    text,
    ngram_min := 1,
    ngram_max := 4,
    max_features := 5000,
    min_df := 2,
    max_df := 0.85,
    tokenizer := 'unicode',
    stop_words := 'english',
    leave_out := NULL,
    merge := true,
    top_n := 30
) AS TABLE
WITH _muster_document AS MATERIALIZED (
    SELECT
        row_number() OVER () AS _muster_position,
        profile_id AS _muster_id,
        CAST(muster.main._muster_argument('tfidf_keywords', 'text', 'docs', typeof(_muster_d), text) AS VARCHAR) AS _muster_text
    FROM query_table(docs) AS _muster_d
),
_muster_list AS (
    SELECT coalesce(list({
        position: _muster_position,
        -- the kernel gets all texts as one array, whose offsets are numbers of 32 bits
        text: CASE
            WHEN _muster_bytes > 2000000000
                THEN error('tfidf_keywords: text must be at most 2000000000 bytes in all, got ' || _muster_bytes)
            ELSE _muster_text
        END
    }), []) AS _muster_documents
    FROM _muster_document, (SELECT sum(strlen(_muster_text)) AS _muster_bytes FROM _muster_document)
    WHERE _muster_text IS NOT NULL
),
_muster_options AS (
    SELECT muster_options() AS _muster_asked
),
_muster_found AS (
    SELECT unnest(_muster_row)
    FROM (
        SELECT unnest(muster_tfidf_keywords(_muster_documents, _muster_asked)) AS _muster_row
        FROM _muster_list, _muster_options
    )
)
SELECT
    _muster_document._muster_id AS profile_id,
    _muster_found.rank,
    _muster_found.keyword,
    _muster_found.score
FROM _muster_found
JOIN _muster_document ON _muster_document._muster_position = _muster_found.position
ORDER BY _muster_document._muster_id, _muster_found.rank, _muster_found.keyword;
