-- keyword filters; they are quick, so they read everybody in each run
FROM muster.keyword_filter({{ relation(ref('people')) }}, text, (SELECT list(f) FROM muster.machine_learning_filters() AS f))
