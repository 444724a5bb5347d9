-- Keywords of experts and of others, from the sample study's CVs to ratings.
--
-- Run from the repository's root with the extension loaded (`make demo-keywords`). Half of the gold people are for
-- learning, the other half for judging: lists look better on the texts they were cut from. Put your own files in place of
-- those in data/: profiles.csv (profile_id, company, is_expert), cvs.csv (profile_id, text).

CREATE OR REPLACE TEMP TABLE gold AS
SELECT profile_id, is_expert, text, md5(profile_id::VARCHAR) < '8' AS learning
FROM 'data/profiles.csv'
JOIN 'data/cvs.csv' USING (profile_id)
WHERE is_expert IS NOT NULL;

CREATE OR REPLACE TEMP VIEW to_learn AS FROM gold WHERE learning;
CREATE OR REPLACE TEMP VIEW to_judge AS FROM gold WHERE NOT learning;

CREATE OR REPLACE TEMP TABLE keywords AS
FROM muster.discriminative_keywords(to_learn, text, is_expert);

.print The words that tell most, by log-odds, of one half of the gold people
SELECT
    CASE label WHEN 'true' THEN 'expert' ELSE 'other' END AS class,
    keyword,
    n_documents,
    round(frequency_share, 3) AS frequency_share,
    round(tfidf_share, 3) AS tfidf_share,
    round(score, 3) AS score,
    round(log_odds_z, 1) AS log_odds_z,
    q_value < 0.001 AS "q < .001"
FROM keywords
QUALIFY row_number() OVER (PARTITION BY label ORDER BY log_odds_z DESC, keyword) <= 8
ORDER BY label DESC, log_odds_z DESC, keyword;

CREATE OR REPLACE TEMP TABLE lists AS
FROM muster.keyword_lists(keywords);

.print A strict and a broad list of each class, judged on the other half
SELECT
    list,
    CASE label WHEN 'true' THEN 'expert' ELSE 'other' END AS class,
    n_keywords,
    tp, fp, tn, fn,
    round(sensitivity, 3) AS sensitivity,
    round(specificity, 3) AS specificity,
    round(precision, 3) AS precision
FROM muster.keyword_scores(to_judge, text, is_expert, lists)
ORDER BY label DESC, list;

-- ratings: filters of words of the field, of research and of business, and one made of the learnt list of experts
CREATE OR REPLACE TEMP TABLE ratings AS
FROM muster.keyword_filter(to_judge, text, (SELECT list(f) FROM muster.machine_learning_filters() AS f))
UNION ALL BY NAME
FROM muster.keyword_filter(to_judge, text, (
    SELECT [{annotator: 'learnt', any_of: list(keyword ORDER BY keyword)}] FROM lists WHERE label = 'true' AND list = 'strict'
));

.print Filters against the truth, on that half
SELECT
    annotator,
    tp, fp, tn, fn,
    round(sensitivity, 3) AS sensitivity,
    round(specificity, 3) AS specificity,
    round(accuracy, 3) AS accuracy
FROM muster.annotator_metrics(ratings, to_judge, is_expert);

.print The filter that the others imply is left out of the model, which says so
SELECT annotator, note FROM muster.probit_model(ratings, to_judge, is_expert) WHERE quantity = 'dropped';
