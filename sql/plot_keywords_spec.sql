-- plot_keywords_spec: The Vega-Lite specification of `plot_keywords`.
-- section: Plots
--
-- The same rows in the same order, inline, as a specification of Vega-Lite 5 to go on from. What is left out is said in
-- the subtitle.
--
-- arguments:
--   keywords   relation with keyword and score, and label or profile_id, such as `discriminative_keywords`,
--              `tfidf_keywords` and `keybert_keywords` return
--   top        so many keywords of each label are shown, 1 to 500
--   title      of the picture; NULL = the plot's own, an empty text = none
--   subtitle   the same
--   width      pixels, 240 to 10000
--   height     pixels; NULL = as high as the rows need
-- columns:
--   spec VARCHAR   JSON
-- example:
--   WITH docs AS (
--       SELECT * FROM (VALUES
--           ('deep learning researcher', true), ('deep learning with PyTorch', true), ('learning to rank', true),
--           ('sales of learning software', false), ('sales manager', false), ('key account sales', false)
--       ) AS t(cv, is_expert)
--   ),
--   keywords AS (FROM muster.discriminative_keywords(docs, cv, is_expert, ngram_max := 2))
--   SELECT spec->'$."$schema"' AS schema FROM muster.plot_keywords_spec(keywords);
CREATE MACRO muster.main.plot_keywords_spec(
    keywords,
    top := 15,
    title := NULL,
    subtitle := NULL,
    width := 720,
    height := NULL
) AS TABLE
SELECT _muster_picture AS spec
FROM muster.main._muster_plot_keywords('plot_keywords_spec', keywords, top, title, subtitle, width, height);
