-- cv_analysis: from gold CVs to keywords, and to lists of keywords that tell experts from others.
--
-- Needs inputs.sql. Makes
--   cv_keywords           the phrases nearest in meaning to each gold CV: profile_id, rank, keyword, score
--   class_keywords        words that tell experts ('true') from others ('false'), from the CVs that are for learning
--   keyword_lists         a strict and a broad list of each class, cut from them
--   keyword_list_scores   tp, fp, tn, fn and rates of each list, judged on the other gold CVs
BEGIN;

SET VARIABLE missing = (
    SELECT error('cv_analysis: table ' || name || ' is missing, run sql/pipeline/' || script || '.sql first')
    FROM (VALUES
        ('settings', 'settings'),
        ('muster_steps', 'settings'),
        ('cvs', 'inputs'),
        ('profiles', 'inputs')
    ) AS needed(name, script)
    WHERE name NOT IN (SELECT table_name FROM information_schema.tables)
    LIMIT 1
);

SET VARIABLE scripts = coalesce(getvariable('scripts'), (SELECT scripts FROM settings));
SET VARIABLE model = coalesce(getvariable('model'), (SELECT model FROM settings));
SET VARIABLE store = coalesce(getvariable('store'), (SELECT store FROM settings));
SET VARIABLE ngram_max = coalesce(getvariable('ngram_max'), (SELECT ngram_max FROM settings));
SET VARIABLE stop_words = coalesce(getvariable('stop_words'), (SELECT stop_words FROM settings));
SET VARIABLE top_n = coalesce(getvariable('top_n'), (SELECT top_n FROM settings));
SET VARIABLE strict = coalesce(getvariable('strict'), (SELECT strict FROM settings));
SET VARIABLE broad = coalesce(getvariable('broad'), (SELECT broad FROM settings));
SET VARIABLE learning_share = coalesce(getvariable('learning_share'), (SELECT learning_share FROM settings));
SET VARIABLE level = coalesce(getvariable('level'), (SELECT level FROM settings));

CREATE OR REPLACE TEMP VIEW gold_cvs AS
SELECT profile_id, text, is_expert
FROM cvs
JOIN profiles USING (profile_id)
WHERE is_expert IS NOT NULL AND text IS NOT NULL
ORDER BY profile_id;

-- lists look better on the CVs they were cut from, so the CVs are parted by a checksum of profile_id
CREATE OR REPLACE TEMP VIEW gold_cvs_parted AS
SELECT *, md5_number_lower(profile_id) / 18446744073709551616.0 < getvariable('learning_share') AS learning
FROM gold_cvs;
CREATE OR REPLACE TEMP VIEW cvs_to_learn AS FROM gold_cvs_parted WHERE learning;
CREATE OR REPLACE TEMP VIEW cvs_to_judge AS FROM gold_cvs_parted WHERE NOT learning;

SET VARIABLE fingerprint = (
    SELECT md5(concat_ws(
        ' ',
        contents('gold_cvs'),
        CAST(to_json({
            model: getvariable('model'),
            ngram_max: getvariable('ngram_max'),
            stop_words: getvariable('stop_words'),
            top_n: getvariable('top_n'),
            strict: getvariable('strict'),
            broad: getvariable('broad'),
            learning_share: getvariable('learning_share'),
            level: getvariable('level')
        }) AS VARCHAR),
        (SELECT CAST(list(v ORDER BY v) AS VARCHAR) FROM muster.version() AS v),
        (SELECT content FROM read_text(getvariable('scripts') || '/cv_analysis.sql'))
    ))
);
SET VARIABLE fresh = is_fresh(
    'cv_analysis', getvariable('fingerprint'),
    ['cv_keywords', 'class_keywords', 'keyword_lists', 'keyword_list_scores']
);

CREATE OR REPLACE TEMP VIEW cv_keywords_now AS
FROM muster.keybert_keywords(
    gold_cvs, text,
    model := getvariable('model'),
    ngram_max := getvariable('ngram_max'),
    top_n := getvariable('top_n'),
    stop_words := getvariable('stop_words'),
    store := getvariable('store')
);
CREATE OR REPLACE TABLE cv_keywords AS FROM kept_or_now('cv_keywords');

CREATE OR REPLACE TEMP VIEW class_keywords_now AS
FROM muster.discriminative_keywords(cvs_to_learn, text, is_expert, stop_words := getvariable('stop_words'));
CREATE OR REPLACE TABLE class_keywords AS FROM kept_or_now('class_keywords');

CREATE OR REPLACE TEMP VIEW keyword_lists_now AS
FROM muster.keyword_lists(class_keywords, strict := getvariable('strict'), broad := getvariable('broad'));
CREATE OR REPLACE TABLE keyword_lists AS FROM kept_or_now('keyword_lists');

CREATE OR REPLACE TEMP VIEW keyword_list_scores_now AS
FROM muster.keyword_scores(cvs_to_judge, text, is_expert, keyword_lists, level := getvariable('level'));
CREATE OR REPLACE TABLE keyword_list_scores AS FROM kept_or_now('keyword_list_scores');

DELETE FROM muster_steps WHERE step = 'cv_analysis' AND NOT getvariable('fresh');
INSERT INTO muster_steps
SELECT 'cv_analysis', getvariable('fingerprint'), NULL, make_timestamp(epoch_us(now()))
WHERE NOT getvariable('fresh');
COMMIT;

UPDATE muster_steps
SET seconds = epoch(now()) - epoch(finished_at), finished_at = make_timestamp(epoch_us(now()))
WHERE step = 'cv_analysis' AND seconds IS NULL;
