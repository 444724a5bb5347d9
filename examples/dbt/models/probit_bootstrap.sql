-- experts by company
FROM muster.fit_probit_bootstrap(
    {{ relation(ref('ratings')) }}, {{ relation(ref('people')) }}, company, is_expert,
    headcount := headcount,
    method := '{{ var('method') }}',
    draws := {{ var('draws') }},
    level := {{ var('level') }},
    seed := {{ var('seed') }},
    gold_sampling := '{{ var('gold_sampling') }}',
    keep_draws := true
)
