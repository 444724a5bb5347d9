-- keybert_keywords: Keywords of each text: its phrases nearest in meaning to the whole (KeyBERT).
-- section: Keywords
--
-- A text is lower-cased and cut into words of two or more letters, marks, digits and connectors of any script, after markup
-- (HTML, addresses of pages) is cut and what looks the same is made the same (full-width letters, accents of two characters); with `tokenizer` 'scikit-learn', whose words
-- are those of KeyBERT, marks end words. Stop words are taken out, and phrases of `ngram_min` to `ngram_max` words form from what
-- is left, so they bridge stop words. A stop word is cut as texts are: "don't" takes out "don", and "e-mail" "mail". Phrases and text
-- are embedded by `model`; the score is the cosine of the two vectors, rounded to four places. The keywords are those of KeyBERT 0.9:
--
-- Method 'plain' takes the highest scores. 'mmr' takes one after the other, each time the phrase with the highest
-- (1 - diversity) * score - diversity * (highest cosine with a phrase taken before), so that they do not repeat each other. 'maxsum'
-- takes, of every choice of top_n among the nr_candidates highest scores, the one whose phrases are least alike; more than
-- five million choices are an error that names a nr_candidates that works. 'maxsum_greedy' starts from all nr_candidates and leaves
-- out, one by one, the phrase that is most like the others.
--
-- A model reads the beginning of a long text only (256 tokens with the default), or with `chunks` 'mean' all of it, as in `embed`; phrases
-- come from all of it. Where texts have been embedded already, by the same model, `vectors` names their vectors, and only phrases
-- are embedded here. A vector has as many numbers as the model's and any length, which matters with `seed_keywords` alone: there
-- give it the length that `embed` gives. A text whose vector is NULL is embedded. A text
-- that is NULL or has no phrase gives no row, one with fewer phrases than `top_n` gives all of them. Texts stream through, about
-- 2,000 at a time. A model that is not on this computer is downloaded at first use: see docs/embeddings.md.
--
-- Where `enable_external_access` is false it is an error, since a model is files.
--
-- arguments:
--   docs            relation with profile_id and what the next argument names
--   text            expression over docs: the text
--   model           name or folder of an embedding model, as in `embed`
--   method          'mmr', 'plain', 'maxsum' or 'maxsum_greedy'
--   diversity       0 to 1, for 'mmr': 0 takes the highest scores, 1 looks at diversity alone
--   nr_candidates   for 'maxsum' and 'maxsum_greedy': among how many phrases they choose, from top_n to 1000
--   ngram_min       fewest words of a phrase
--   ngram_max       most words of a phrase
--   top_n           most keywords of a text
--   tokenizer       'unicode', or 'scikit-learn': its words to the letter, which end at combining marks
--   stop_words      'english' (scikit-learn's 318), 'study' (all of `stop_words`), 'none', or a list of words, cut as texts are
--   leave_out       list of names, of employers for instance, that are taken out where they stand; NULL = none
--   merge           true: a phrase that stands in a longer one each time it occurs gives its place to that
--   candidates      list of the only phrases that may be keywords, cut into words like the texts; NULL = all phrases
--   seed_keywords   list of texts that pull every text's vector to the mean of theirs, with a weight of one quarter
--   chunks          'first' or 'mean', as in `embed`
--   vectors         expression over docs: the vector of the text, a list or array of numbers; NULL = embed it here
--   device          'auto', 'cpu' or 'cuda'
--   store           NULL, 'default' or a file: where vectors of texts are kept for later calls
--   store_phrases   true: those of phrases too, with the default model 1.7 kB a phrase, about 1 MB a CV
-- columns:
--   profile_id ANY    as in docs; the rows are ordered by it and by rank
--   rank BIGINT       1 = best
--   keyword VARCHAR   the phrase, lower-case, words joined by one space
--   score DOUBLE      cosine with the text, rounded to four places
-- example:
--   CREATE OR REPLACE TEMP TABLE headlines AS FROM (VALUES
--       (1, 'Machine learning engineer. I train neural networks for computer vision in PyTorch and publish at conferences.'),
--       (2, 'Sales manager for office furniture. I lead a team of account managers and visit customers in the region.')
--   ) AS t(profile_id, headline);
--   FROM muster.keybert_keywords(headlines, headline, ngram_max := 2, top_n := 3);
CREATE MACRO muster.main.keybert_keywords(
    docs,
    text,
    model := 'sentence-transformers/all-MiniLM-L6-v2',
    method := 'mmr',
    diversity := 0.5,
    nr_candidates := 20,
    ngram_min := 1,
    ngram_max := 4,
    top_n := 30,
    tokenizer := 'unicode',
    stop_words := 'english',
    leave_out := NULL,
    merge := true,
    candidates := NULL,
    seed_keywords := NULL,
    chunks := 'first',
    vectors := NULL,
    device := 'auto',
    store := NULL,
    store_phrases := false
) AS TABLE
WITH _muster_document AS (
    SELECT
        profile_id AS _muster_id,
        CAST(muster.main._muster_argument('keybert_keywords', 'text', 'docs', typeof(_muster_d), text) AS VARCHAR) AS _muster_text,
        -- without _muster_argument: DuckDB 1.5 knows no CASE over arrays
        CASE
            WHEN TRY_CAST(vectors AS FLOAT[]) IS NULL AND vectors IS NOT NULL
                THEN error('keybert_keywords: vectors must be a list or array of numbers, got ' || typeof(vectors))
            ELSE TRY_CAST(vectors AS FLOAT[])
        END AS _muster_vector
    FROM query_table(docs) AS _muster_d
),
_muster_options AS (
    SELECT muster_options() AS _muster_asked
),
_muster_setting AS MATERIALIZED (
    SELECT unnest(_muster_row)
    FROM (SELECT unnest(muster_keybert_settings(_muster_asked)) AS _muster_row FROM _muster_options)
),
_muster_found AS (
    SELECT _muster_id, unnest(_muster_row)
    FROM (
        SELECT _muster_id, unnest(muster_keybert_keywords(_muster_text, _muster_setting.key, [_muster_vector])) AS _muster_row
        FROM _muster_document, _muster_setting
        WHERE _muster_text IS NOT NULL
    )
    UNION ALL
    -- no row: so that options are checked also where there is no text
    SELECT NULL, NULL, NULL, NULL
    FROM _muster_setting
    WHERE _muster_setting.key IS NULL
)
SELECT _muster_id AS profile_id, rank, keyword, score
FROM _muster_found
ORDER BY _muster_id, rank, keyword;
