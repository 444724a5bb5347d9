-- how well the lists tell the classes apart, on the CVs they come from: they look better here than on others
FROM muster.keyword_scores({{ relation(ref('people')) }}, text, is_expert, {{ relation(ref('cv_lists')) }})
