-- probit_bootstrap: experts of each company, with intervals, and totals.
--
--   estimates          one row a company, with the draws: see muster.fit_probit_bootstrap
--   totals             all companies together: quantiles of the joint draws
--   totals_by_sector   the same by sector
--   likely_experts     the people most likely to be experts: profile_id, company, p_expert, lower, upper
BEGIN;
SET VARIABLE step = 'probit_bootstrap';
SET VARIABLE ready = (
    SELECT error(getvariable('step') || ': table settings is missing, run sql/pipeline/settings.sql first')
    WHERE 'settings' NOT IN (SELECT table_name FROM information_schema.tables)
);
SET VARIABLE begun = begin_step();
SET VARIABLE state = (FROM step_state());

CREATE OR REPLACE TEMP VIEW estimates_now AS
FROM muster.fit_probit_bootstrap(
    ratings, profiles, company, is_expert,
    headcount := headcount,
    method := setting('method'),
    draws := setting('draws'),
    gold_sampling := setting('gold_sampling'),
    level := setting('level'),
    seed := setting('seed'),
    keep_draws := true
);
CREATE OR REPLACE TABLE estimates AS FROM kept_or_now('estimates');

CREATE OR REPLACE TEMP VIEW totals_now AS
FROM muster.headcount_total(estimates, level := setting('level'));
CREATE OR REPLACE TABLE totals AS FROM kept_or_now('totals');

CREATE OR REPLACE TEMP VIEW totals_by_sector_now AS
WITH estimates_of_sectors AS (
    FROM estimates LEFT JOIN (SELECT company, sector FROM companies) USING (company)
)
FROM muster.headcount_total(estimates_of_sectors, stratum := sector, level := setting('level'));
CREATE OR REPLACE TABLE totals_by_sector AS FROM kept_or_now('totals_by_sector');

CREATE OR REPLACE TEMP VIEW likely_experts_now AS
SELECT profile_id, company, p_expert, lower, upper, n_annotators
FROM muster.probit_posterior(
    ratings, profiles, is_expert,
    company := company,
    level := setting('level'),
    seed := setting('seed')
)
JOIN profiles USING (profile_id)
WHERE is_expert IS NULL
ORDER BY p_expert DESC, profile_id
LIMIT 1000;
CREATE OR REPLACE TABLE likely_experts AS FROM kept_or_now('likely_experts');

MERGE INTO muster_steps USING (FROM finished_step()) AS done USING (step)
WHEN MATCHED THEN UPDATE WHEN NOT MATCHED THEN INSERT;
COMMIT;
