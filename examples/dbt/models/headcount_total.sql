-- all companies together
FROM muster.headcount_total({{ relation(ref('probit_bootstrap')) }}, level := {{ var('level') }})
