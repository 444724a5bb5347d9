-- the two estimates of each company side by side
SELECT company, 'probit_bootstrap' AS method, estimate, lower, upper
FROM {{ ref('probit_bootstrap') }}
UNION ALL
SELECT company, 'log_debias', estimate, lower, upper
FROM {{ ref('log_debias') }}
ORDER BY company, method
