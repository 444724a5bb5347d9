-- a strict and a broad list of each class
FROM muster.keyword_lists({{ relation(ref('cv_keywords')) }}, strict := {{ var('strict') }}, broad := {{ var('broad') }})
