-- can the model produce the answers that are observed?
FROM muster.posterior_predictive_check(
    {{ relation(ref('ratings')) }}, {{ relation(ref('people')) }}, company, is_expert, draws := 200, seed := {{ var('seed') }}
)
