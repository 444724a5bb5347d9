-- diagnostics: may the estimates be believed?
--
-- Needs inputs.sql and annotate.sql. Makes
--   drift               do annotators err differently from company to company? If so, give drift_sd as the setting drift_sd
--   drift_by_company    where, and which annotator
--   predictive_check    can the model produce the answers that are observed? Total and company by company
--   prior_sensitivity   the estimates again under other methods, priors and assumptions on drift
BEGIN;

SET VARIABLE missing = (
    SELECT error('diagnostics: table ' || name || ' is missing, run sql/pipeline/' || script || '.sql first')
    FROM (VALUES
        ('settings', 'settings'),
        ('muster_steps', 'settings'),
        ('profiles', 'inputs'),
        ('ratings', 'annotate')
    ) AS needed(name, script)
    WHERE name NOT IN (SELECT table_name FROM information_schema.tables)
    LIMIT 1
);

SET VARIABLE scripts = coalesce(getvariable('scripts'), (SELECT scripts FROM settings));
SET VARIABLE level = coalesce(getvariable('level'), (SELECT level FROM settings));
SET VARIABLE seed = coalesce(getvariable('seed'), (SELECT seed FROM settings));
SET VARIABLE diagnostics_draws = coalesce(getvariable('diagnostics_draws'), (SELECT diagnostics_draws FROM settings));

SET VARIABLE fingerprint = (
    SELECT md5(concat_ws(
        ' ',
        contents('profiles'),
        contents('ratings'),
        CAST(to_json({
            level: getvariable('level'),
            seed: getvariable('seed'),
            diagnostics_draws: getvariable('diagnostics_draws')
        }) AS VARCHAR),
        (SELECT CAST(list(v ORDER BY v) AS VARCHAR) FROM muster.version() AS v),
        (SELECT content FROM read_text(getvariable('scripts') || '/diagnostics.sql'))
    ))
);
SET VARIABLE fresh = is_fresh(
    'diagnostics', getvariable('fingerprint'),
    ['drift', 'drift_by_company', 'predictive_check', 'prior_sensitivity']
);

CREATE OR REPLACE TEMP VIEW drift_now AS
FROM muster.drift_summary(ratings, profiles, company, is_expert, level := getvariable('level'));
CREATE OR REPLACE TABLE drift AS FROM kept_or_now('drift');

CREATE OR REPLACE TEMP VIEW drift_by_company_now AS
FROM muster.covariance_diagnostic(ratings, profiles, company, is_expert);
CREATE OR REPLACE TABLE drift_by_company AS FROM kept_or_now('drift_by_company');

CREATE OR REPLACE TEMP VIEW predictive_check_now AS
FROM muster.posterior_predictive_check(
    ratings, profiles, company, is_expert,
    draws := getvariable('diagnostics_draws'),
    seed := getvariable('seed')
);
CREATE OR REPLACE TABLE predictive_check AS FROM kept_or_now('predictive_check');

CREATE OR REPLACE TEMP VIEW prior_sensitivity_now AS
FROM muster.prior_sensitivity(
    ratings, profiles, company, is_expert,
    headcount := headcount,
    draws := getvariable('diagnostics_draws'),
    level := getvariable('level'),
    seed := getvariable('seed')
);
CREATE OR REPLACE TABLE prior_sensitivity AS FROM kept_or_now('prior_sensitivity');

DELETE FROM muster_steps WHERE step = 'diagnostics' AND NOT getvariable('fresh');
INSERT INTO muster_steps
SELECT 'diagnostics', getvariable('fingerprint'), NULL, make_timestamp(epoch_us(now()))
WHERE NOT getvariable('fresh');
COMMIT;

UPDATE muster_steps
SET seconds = epoch(now()) - epoch(finished_at), finished_at = make_timestamp(epoch_us(now()))
WHERE step = 'diagnostics' AND seconds IS NULL;
