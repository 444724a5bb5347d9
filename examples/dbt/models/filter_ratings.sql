-- the study's keyword filters; they are quick, so they read everybody in each run
FROM muster.keyword_filter({{ relation(ref('people')) }}, text, (SELECT list(f) FROM muster.study_filters() AS f))
