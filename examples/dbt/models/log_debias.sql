-- the same question without a truth: what the annotators agree on
FROM muster.log_debias_estimate({{ relation(ref('log_debias_counts')) }}, company, annotator, value, level := {{ var('level') }})
