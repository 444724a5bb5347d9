FROM muster.annotator_correlations({{ relation(ref('ratings')) }}, {{ relation(ref('people')) }}, is_expert)
