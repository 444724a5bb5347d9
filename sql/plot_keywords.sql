-- plot_keywords: Keywords as bars, the first of each label.
-- section: Plots
--
-- Keywords of classes (with a label) have their score; keywords of texts (with a profile_id) the number of texts that have
-- them. Up to eight labels, one below the other. Keywords beyond `top` are counted in a note.
--
-- One row: `COPY (FROM muster.plot_keywords(keywords)) TO 'keywords.svg' (FORMAT blob)` writes the file.
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
--   svg BLOB   the picture
-- example:
--   WITH docs AS (
--       SELECT * FROM (VALUES
--           ('deep learning researcher', true), ('deep learning with PyTorch', true), ('learning to rank', true),
--           ('sales of learning software', false), ('sales manager', false), ('key account sales', false)
--       ) AS t(cv, is_expert)
--   ),
--   keywords AS (FROM muster.discriminative_keywords(docs, cv, is_expert, ngram_max := 2))
--   SELECT decode(svg)[:38] AS svg FROM muster.plot_keywords(keywords);
CREATE MACRO muster.main.plot_keywords(
    keywords,
    top := 15,
    title := NULL,
    subtitle := NULL,
    width := 720,
    height := NULL
) AS TABLE
SELECT encode(_muster_picture) AS svg
FROM muster.main._muster_plot_keywords('plot_keywords', keywords, top, title, subtitle, width, height);
