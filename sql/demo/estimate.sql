-- The main job: experts of each company of the sample study.
--
-- Run from the repository's root with the extension loaded (`make demo`). Put your own files in place of those in
-- data/: profiles.csv (profile_id, company, is_expert), ratings.csv (profile_id, annotator, label), companies.csv
-- (company, headcount, sector). truth.csv is there because the study is made: nobody has it for a real one.

CREATE OR REPLACE TEMP VIEW profiles AS
SELECT profile_id, company, is_expert, headcount
FROM 'data/profiles.csv'
LEFT JOIN 'data/companies.csv' USING (company);

CREATE OR REPLACE TEMP VIEW ratings AS
FROM 'data/ratings.csv';

CREATE OR REPLACE TEMP TABLE estimates AS
FROM muster.fit_probit_bootstrap(ratings, profiles, company, is_expert, headcount := headcount, keep_draws := true);

CREATE OR REPLACE TEMP VIEW estimates_by_sector AS
FROM estimates
JOIN (SELECT company, sector FROM 'data/companies.csv') USING (company);

.print Experts by company, 80 % intervals, and the truth of this made study
SELECT
    company,
    headcount,
    round(estimate, 1) AS estimate,
    round(lower) AS lower,
    round(upper) AS upper,
    experts AS truth,
    below_floor
FROM estimates
JOIN 'data/truth.csv' USING (company)
ORDER BY headcount DESC, company;

.print All companies together, and by sector: quantiles of the joint draws, never sums of quantiles
SELECT
    companies,
    headcount,
    round(estimate) AS estimate,
    round(lower) AS lower,
    round(upper) AS upper,
    (SELECT sum(experts)::BIGINT FROM 'data/truth.csv') AS truth
FROM muster.headcount_total(estimates);

SELECT
    stratum AS sector,
    companies,
    headcount,
    round(estimate) AS estimate,
    round(lower) AS lower,
    round(upper) AS upper
FROM muster.headcount_total(estimates_by_sector, stratum := sector);

.print What each annotator is worth on the gold people
SELECT
    annotator,
    round(sensitivity, 3) AS sensitivity,
    round(specificity, 3) AS specificity,
    round(accuracy, 3) AS accuracy,
    round(bias, 3) AS bias,
    missing
FROM muster.annotator_metrics(ratings, profiles, is_expert);
