-- diagnostics: checks of the estimates: drift of annotators, fit of the model, other methods and priors.
--
--   drift               whether annotators err differently from company to company; the estimate allows for it
--   drift_by_company    where, and which annotator
--   predictive_check    whether the model can produce the answers that are observed: in total, and by company
--   prior_sensitivity   the estimates again under other methods, priors and assumptions on drift
BEGIN;
SET VARIABLE step = 'diagnostics';
SET VARIABLE ready = (
    SELECT error(getvariable('step') || ': table settings is missing, run sql/pipeline/settings.sql first')
    WHERE 'settings' NOT IN (SELECT table_name FROM information_schema.tables)
);
SET VARIABLE begun = begin_step();
SET VARIABLE state = (FROM step_state());

CREATE OR REPLACE TEMP VIEW drift_now AS
FROM muster.drift_summary(ratings, profiles, company, is_expert, level := setting('level'));
CREATE OR REPLACE TABLE drift AS FROM kept_or_now('drift');

CREATE OR REPLACE TEMP VIEW drift_by_company_now AS
FROM muster.covariance_diagnostic(ratings, profiles, company, is_expert);
CREATE OR REPLACE TABLE drift_by_company AS FROM kept_or_now('drift_by_company');

CREATE OR REPLACE TEMP VIEW predictive_check_now AS
FROM muster.posterior_predictive_check(
    ratings, profiles, company, is_expert,
    draws := setting('diagnostics_draws'),
    seed := setting('seed')
);
CREATE OR REPLACE TABLE predictive_check AS FROM kept_or_now('predictive_check');

CREATE OR REPLACE TEMP VIEW prior_sensitivity_now AS
FROM muster.prior_sensitivity(
    ratings, profiles, company, is_expert,
    headcount := headcount,
    draws := setting('diagnostics_draws'),
    level := setting('level'),
    seed := setting('seed')
);
CREATE OR REPLACE TABLE prior_sensitivity AS FROM kept_or_now('prior_sensitivity');

MERGE INTO muster_steps USING (FROM finished_step()) AS done USING (step)
WHEN MATCHED THEN UPDATE WHEN NOT MATCHED THEN INSERT;
COMMIT;
