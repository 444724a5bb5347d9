-- cv_analysis: keywords of gold CVs, and lists of keywords that tell experts from others.
--
--   gold_cvs              texts of the people whose truth is known: profile_id, text, is_expert
--   cv_keywords           phrases nearest in meaning to each gold CV: profile_id, rank, keyword, score
--   class_keywords        words that tell experts ('true') from others ('false'), from the CVs that are for learning
--   keyword_lists         a strict and a broad list of each class, cut from them
--   keyword_list_scores   tp, fp, tn, fn and rates of each list, judged on the other gold CVs
--
-- Tables are empty where gold people have no CVs; those of lists, where the CVs for learning are of one class only.
BEGIN;
SET VARIABLE step = 'cv_analysis';
SET VARIABLE ready = (
    SELECT error(getvariable('step') || ': table settings is missing, run sql/pipeline/settings.sql first')
    WHERE 'settings' NOT IN (SELECT table_name FROM information_schema.tables)
);
SET VARIABLE begun = begin_step();

CREATE OR REPLACE VIEW gold_cvs AS
SELECT profile_id, text, is_expert
FROM cvs
JOIN profiles USING (profile_id)
WHERE is_expert IS NOT NULL AND trim(text) <> ''
ORDER BY profile_id;

-- names say where somebody works, and not what at: they are no keywords
CREATE OR REPLACE TEMP VIEW employer_names AS
SELECT DISTINCT company FROM profiles WHERE company IS NOT NULL ORDER BY company;

SET VARIABLE state = (FROM step_state());

-- lists look better on the CVs they were cut from, so the CVs are parted by a checksum of profile_id
CREATE OR REPLACE TEMP VIEW gold_cvs_parted AS
SELECT *, md5_number_lower(profile_id) / 18446744073709551616.0 < setting('learning_share') AS learning
FROM gold_cvs;
CREATE OR REPLACE TEMP VIEW cvs_to_learn AS FROM gold_cvs_parted WHERE learning;
CREATE OR REPLACE TEMP VIEW cvs_to_judge AS FROM gold_cvs_parted WHERE NOT learning;

SET VARIABLE employers = (SELECT list(company) FROM employer_names);
SET VARIABLE cvs = (SELECT count(*) FROM gold_cvs);
SET VARIABLE classes = (SELECT count(DISTINCT is_expert) FROM cvs_to_learn);
SET VARIABLE judged = (SELECT count(*) FROM cvs_to_judge);
SET VARIABLE note = CASE
    WHEN getvariable('cvs') = 0 THEN 'cv_analysis: no gold person has a CV, so there are no keywords'
    WHEN getvariable('classes') < 2
        THEN 'cv_analysis: the CVs for learning are not of both classes, so there are no lists'
    WHEN getvariable('judged') = 0 THEN 'cv_analysis: learning_share leaves no CV to judge the lists on'
END;

CREATE OR REPLACE TEMP VIEW cv_keywords_now AS
FROM muster.keybert_keywords(
    gold_cvs, text,
    model := setting('model'),
    ngram_max := setting('ngram_max'),
    top_n := setting('top_n'),
    stop_words := setting('stop_words'),
    leave_out := getvariable('employers'),
    store := setting('store')
)
WHERE getvariable('cvs') > 0;
CREATE OR REPLACE TABLE cv_keywords AS FROM kept_or_now('cv_keywords');

CREATE OR REPLACE TEMP VIEW class_keywords_now AS
FROM muster.discriminative_keywords(
    cvs_to_learn, text, is_expert, stop_words := setting('stop_words'), leave_out := getvariable('employers')
)
WHERE getvariable('classes') = 2;
CREATE OR REPLACE TABLE class_keywords AS FROM kept_or_now('class_keywords');

CREATE OR REPLACE TEMP VIEW keyword_lists_now AS
FROM muster.keyword_lists(class_keywords, strict := setting('strict'), broad := setting('broad'));
CREATE OR REPLACE TABLE keyword_lists AS FROM kept_or_now('keyword_lists');

CREATE OR REPLACE TEMP VIEW keyword_list_scores_now AS
FROM muster.keyword_scores(cvs_to_judge, text, is_expert, keyword_lists, level := setting('level'))
WHERE getvariable('classes') = 2 AND getvariable('judged') > 0;
CREATE OR REPLACE TABLE keyword_list_scores AS FROM kept_or_now('keyword_list_scores');

MERGE INTO muster_steps USING (FROM finished_step()) AS done USING (step)
WHEN MATCHED THEN UPDATE WHEN NOT MATCHED THEN INSERT;
COMMIT;
