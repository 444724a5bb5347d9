-- embed: The vector of a text by a sentence embedding model.
-- section: Texts
--
-- Cast the list to an array for DuckDB's own functions and indexes: FLOAT[384] for the default model. The vectors are those of
-- the Python package sentence-transformers, to 1e-6. An empty text has a vector too; NULL gives NULL. Text beyond the model's
-- longest (256 tokens here) is left out, or with `chunks` 'mean' all of it counts: it is cut into consecutive windows of as many tokens
-- as the model reads, and the vector is the mean of theirs, each weighted by its number of tokens, normalised again where
-- the model normalises. Equal texts are computed once, and the last vectors are remembered; `store` keeps all
-- of them between sessions. A model is loaded at its first use: see docs/embeddings.md for where it is looked for.
--
-- Where `enable_external_access` is false it is an error, since a model is files.
--
-- arguments:
--   text     the text
--   model    a folder, or the name of a model: BERT and its family, MPNet, ModernBERT, Mistral, Model2Vec
--   device   'auto', 'cpu', or 'cuda' in a build for graphics cards
--   dtype    numbers to compute in: 'f32', 'f16' or 'bf16'
--   chunks   'first' or 'mean': what counts of a text beyond the model's longest, its beginning or all of it
--   store    file that keeps vectors, 'default' for the one of this user, NULL for none
-- example:
--   SELECT round(array_cosine_similarity(
--       muster.embed('machine learning')::FLOAT[384],
--       muster.embed('deep neural networks')::FLOAT[384]
--   )::DOUBLE, 3) AS similarity;
CREATE MACRO muster.main.embed(
    text,
    model := 'sentence-transformers/all-MiniLM-L6-v2',
    device := 'auto',
    dtype := 'f32',
    chunks := 'first',
    store := NULL
) AS
    muster_embed(CAST(text AS VARCHAR), muster_options(-text));
