FROM muster.annotator_metrics(
    {{ relation(ref('ratings')) }}, {{ relation(ref('people')) }}, is_expert, level := {{ var('level') }}
)
