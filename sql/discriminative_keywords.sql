-- discriminative_keywords: Words and phrases that tell each class of texts from the others.
-- section: Keywords
--
-- Phrases and their tf-idf weights are those of `tfidf_keywords`. The score of a phrase for a class is the mean of two shares: of
-- its frequency in the class among its frequencies in all classes, and of its mean tf-idf weight in the class to that
-- weight plus the mean of the other classes. Frequencies are shares of a class's texts (counts := 'rate'); with 'raw' they are
-- numbers of texts, as in the study, which punishes small classes. A class has a row for each phrase that occurs in it.
--
-- The score knows nothing of chance. `log_odds` are those of the class against all others with an informative Dirichlet
-- prior (Monroe et al. 2008) that is spread like the whole corpus; `log_odds_z` divides them by their standard deviation.
-- `p_value` is Fisher's exact test, one-sided: would the class have the phrase so often by chance? `q_value` is adjusted
-- (Benjamini and Hochberg) over all phrases of the class, before top_n. Texts with a NULL label, and NULL texts, are left out.
--
-- arguments:
--   docs           relation with what the next arguments name; at most 100 million words
--   text           expression over docs: the text
--   label          expression over docs: its class, BOOLEAN or any other type; 2 to 1000 classes
--   ngram_min      fewest words of a phrase
--   ngram_max      most words of a phrase
--   max_features   most phrases that count; NULL = all
--   min_df         a phrase must occur in so many texts, as in `tfidf_keywords`
--   max_df         a phrase may occur in so many texts, as in `tfidf_keywords`
--   tokenizer      'unicode', or 'scikit-learn': its words to the letter, which end at combining marks
--   stop_words     'english', 'study', 'none', or a list of words, as in `tfidf_keywords`
--   leave_out      list of names, of employers for instance, that are taken out where they stand; NULL = none
--   merge          true: a phrase that stands in a longer one each time it occurs gives its place to that
--   counts         'rate' or 'raw': what the frequency share compares
--   prior          weight of the prior of the log-odds, in occurrences of phrases
--   top_n          most phrases of a class; NULL = all
-- columns:
--   label VARCHAR             the class
--   keyword VARCHAR           the phrase
--   n_documents BIGINT        texts of the class that have it
--   frequency_share DOUBLE    0 to 1
--   tfidf_share DOUBLE        0 to 1
--   score DOUBLE              mean of the two shares
--   log_odds DOUBLE           natural logarithm; above 0 = commoner in the class
--   log_odds_z DOUBLE         log_odds over its standard deviation
--   p_value DOUBLE            one-sided, of this phrase alone
--   q_value DOUBLE            adjusted for all phrases of the class
--   rank BIGINT               by score; ties by n_documents, then by code point
-- example:
--   WITH docs AS (
--       SELECT * FROM (VALUES
--           ('deep learning researcher', true), ('deep learning with PyTorch', true), ('learning to rank', true),
--           ('sales of learning software', false), ('sales manager', false), ('key account sales', false)
--       ) AS t(cv, is_expert)
--   )
--   SELECT label, keyword, n_documents, round(score, 3) AS score, round(p_value, 3) AS p_value, rank
--   FROM muster.discriminative_keywords(docs, cv, is_expert, ngram_max := 2);
CREATE MACRO muster.main.discriminative_keywords(
    docs,
    text,
    label,
    ngram_min := 1,
    ngram_max := 4,
    max_features := 5000,
    min_df := 2,
    max_df := 0.85,
    tokenizer := 'unicode',
    stop_words := 'english',
    leave_out := NULL,
    merge := true,
    counts := 'rate',
    prior := 500,
    top_n := NULL
) AS TABLE
WITH _muster_document AS (
    SELECT
        muster.main._muster_class(label) AS _muster_class,
        CAST(muster.main._muster_argument('discriminative_keywords', 'text', 'docs', typeof(_muster_d), text) AS VARCHAR) AS _muster_text
    FROM query_table(docs) AS _muster_d
),
_muster_labelled AS MATERIALIZED (
    FROM _muster_document
    WHERE _muster_class IS NOT NULL AND _muster_text IS NOT NULL
),
_muster_list AS (
    SELECT coalesce(list({
        label: _muster_class,
        -- the kernel gets all texts as one array, whose offsets are numbers of 32 bits
        text: CASE
            WHEN _muster_bytes > 2000000000
                THEN error('discriminative_keywords: text must be at most 2000000000 bytes in all, got ' || _muster_bytes)
            ELSE _muster_text
        END
    }), []) AS _muster_documents
    FROM _muster_labelled, (SELECT sum(strlen(_muster_text)) AS _muster_bytes FROM _muster_labelled)
),
_muster_options AS (
    SELECT muster_options() AS _muster_asked
)
SELECT unnest(_muster_row)
FROM (
    SELECT unnest(muster_discriminative_keywords(_muster_documents, _muster_asked)) AS _muster_row
    FROM _muster_list, _muster_options
);
