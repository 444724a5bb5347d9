-- what would make the estimators stop; FROM muster.check_inputs(…) shows the warnings too
SELECT *
FROM muster.check_inputs(
    {{ relation(ref('people')) }}, {{ relation(ref('ratings')) }}, company, is_expert, headcount
)
WHERE severity = 'error'
