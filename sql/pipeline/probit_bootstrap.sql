-- probit_bootstrap: experts of each company, with intervals, and totals.
--
-- Needs inputs.sql and annotate.sql. Makes
--   estimates          one row a company, with the draws: see muster.fit_probit_bootstrap
--   totals             all companies together: quantiles of the joint draws
--   totals_by_sector   the same by sector
--   likely_experts     the people most likely to be experts: profile_id, company, p_expert, lower, upper
BEGIN;

SET VARIABLE missing = (
    SELECT error('probit_bootstrap: table ' || name || ' is missing, run sql/pipeline/' || script || '.sql first')
    FROM (VALUES
        ('settings', 'settings'),
        ('muster_steps', 'settings'),
        ('profiles', 'inputs'),
        ('companies', 'inputs'),
        ('ratings', 'annotate')
    ) AS needed(name, script)
    WHERE name NOT IN (SELECT table_name FROM information_schema.tables)
    LIMIT 1
);

SET VARIABLE scripts = coalesce(getvariable('scripts'), (SELECT scripts FROM settings));
SET VARIABLE method = coalesce(getvariable('method'), (SELECT method FROM settings));
SET VARIABLE draws = coalesce(getvariable('draws'), (SELECT draws FROM settings));
SET VARIABLE drift_sd = coalesce(getvariable('drift_sd'), (SELECT drift_sd FROM settings));
SET VARIABLE level = coalesce(getvariable('level'), (SELECT level FROM settings));
SET VARIABLE seed = coalesce(getvariable('seed'), (SELECT seed FROM settings));

SET VARIABLE fingerprint = (
    SELECT md5(concat_ws(
        ' ',
        contents('profiles'),
        contents('companies'),
        contents('ratings'),
        CAST(to_json({
            method: getvariable('method'),
            draws: getvariable('draws'),
            drift_sd: getvariable('drift_sd'),
            level: getvariable('level'),
            seed: getvariable('seed')
        }) AS VARCHAR),
        (SELECT CAST(list(v ORDER BY v) AS VARCHAR) FROM muster.version() AS v),
        (SELECT content FROM read_text(getvariable('scripts') || '/probit_bootstrap.sql'))
    ))
);
SET VARIABLE fresh = is_fresh(
    'probit_bootstrap', getvariable('fingerprint'),
    ['estimates', 'totals', 'totals_by_sector', 'likely_experts']
);

CREATE OR REPLACE TEMP VIEW estimates_now AS
FROM muster.fit_probit_bootstrap(
    ratings, profiles, company, is_expert,
    headcount := headcount,
    method := getvariable('method'),
    draws := getvariable('draws'),
    drift_sd := getvariable('drift_sd'),
    level := getvariable('level'),
    seed := getvariable('seed'),
    keep_draws := true
);
CREATE OR REPLACE TABLE estimates AS FROM kept_or_now('estimates');

CREATE OR REPLACE TEMP VIEW totals_now AS
FROM muster.headcount_total(estimates, level := getvariable('level'));
CREATE OR REPLACE TABLE totals AS FROM kept_or_now('totals');

CREATE OR REPLACE TEMP VIEW totals_by_sector_now AS
WITH estimates_of_sectors AS (
    FROM estimates LEFT JOIN (SELECT company, sector FROM companies) USING (company)
)
FROM muster.headcount_total(estimates_of_sectors, stratum := sector, level := getvariable('level'));
CREATE OR REPLACE TABLE totals_by_sector AS FROM kept_or_now('totals_by_sector');

CREATE OR REPLACE TEMP VIEW likely_experts_now AS
SELECT profile_id, company, p_expert, lower, upper, n_annotators
FROM muster.probit_posterior(
    ratings, profiles, is_expert,
    company := company,
    level := getvariable('level'),
    seed := getvariable('seed')
)
JOIN profiles USING (profile_id)
WHERE is_expert IS NULL
ORDER BY p_expert DESC, profile_id
LIMIT 1000;
CREATE OR REPLACE TABLE likely_experts AS FROM kept_or_now('likely_experts');

DELETE FROM muster_steps WHERE step = 'probit_bootstrap' AND NOT getvariable('fresh');
INSERT INTO muster_steps
SELECT 'probit_bootstrap', getvariable('fingerprint'), NULL, make_timestamp(epoch_us(now()))
WHERE NOT getvariable('fresh');
COMMIT;

UPDATE muster_steps
SET seconds = epoch(now()) - epoch(finished_at), finished_at = make_timestamp(epoch_us(now()))
WHERE step = 'probit_bootstrap' AND seconds IS NULL;
