-- plot_keywords: Keywords as bars, the first of each label.
-- section: Plots
--
-- Keywords of classes (with a label) have their score; keywords of texts (with a profile_id) the number of texts that have
-- them. Up to eight labels, one below the other. Keywords beyond `top` are counted in a note.
--
-- arguments:
--   keywords   relation with keyword and score, and label or profile_id, such as `discriminative_keywords`,
--              `tfidf_keywords` and `keybert_keywords` return
--   top        so many keywords of each label are shown, 1 to 500
-- example:
--   WITH docs AS (
--       SELECT * FROM (VALUES
--           ('deep learning researcher', true), ('deep learning with PyTorch', true), ('learning to rank', true),
--           ('sales of learning software', false), ('sales manager', false), ('key account sales', false)
--       ) AS t(cv, is_expert)
--   ),
--   keywords AS (FROM muster.discriminative_keywords(docs, cv, is_expert, ngram_max := 2))
--   SELECT decode(svg)[:38] AS svg FROM muster.plot_keywords(keywords);
CREATE MACRO muster.main.plot_keywords(keywords, top := 15) AS TABLE
WITH _muster_keywords AS (
    -- what a relation may lack
    SELECT NULL AS label, NULL AS profile_id
    WHERE false
    UNION ALL BY NAME
    SELECT * FROM query_table(keywords)
)
SELECT
    _muster_keywords.label,
    _muster_keywords.keyword,
    max(muster.main._muster_number('plot_keywords', 'score', 'be a number', _muster_keywords.score)) AS score,
    -- without profiles there is nothing to count
    nullif(count(_muster_keywords.profile_id), 0) AS texts
FROM _muster_keywords
GROUP BY _muster_keywords.label, _muster_keywords.keyword;
