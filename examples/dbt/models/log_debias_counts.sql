FROM muster.log_debias_counts({{ relation(ref('ratings')) }}, {{ relation(ref('people')) }}, company)
