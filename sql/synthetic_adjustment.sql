-- synthetic_adjustment: Estimates of made people, corrected by the companies that have real ones too.
-- section: Synthetic data
--
-- Over the companies in both relations, with estimates above 0, the log ratio real : synthetic has mean m and standard deviation
-- s. An adjusted estimate is the synthetic one times exp(m). Its limits widen on the log scale: the distance to each is
-- the root of the sum of squares of the synthetic one and t s sqrt(1 + 1/k), t the quantile of Student's distribution
-- on k - 1 degrees of freedom: a company's own ratio lies as far from m as those of the k companies do, and m itself is
-- known from k only. Never above the headcount. One row a company of `synthetic`, ordered by company.
--
-- arguments:
--   synthetic   relation as `fit_probit_bootstrap` returns it for made people: company, headcount, estimate, lower, upper
--   reference   the same for real people: company, estimate
--   level       of the intervals, between 0 and 1; that of `synthetic` must be the same
-- columns:
--   company VARCHAR              the company
--   headcount BIGINT             its employees
--   synthetic_estimate DOUBLE    as given
--   real_estimate DOUBLE         as given; NULL where there is none
--   factor DOUBLE                exp(m), the same in every row
--   log_factor_se DOUBLE         standard error of m: s / sqrt(k)
--   n_companies BIGINT           k, the companies in both
--   estimate DOUBLE              synthetic_estimate * factor
--   lower DOUBLE                 lower limit
--   upper DOUBLE                 upper limit
-- example:
--   CREATE OR REPLACE TEMP TABLE totals AS
--   SELECT company, annotator, sum(label::INT) AS value, any_value(headcount) AS headcount
--   FROM ratings JOIN profiles USING (profile_id)
--   WHERE company IS NOT NULL AND annotator IN ('broad', 'strict') GROUP BY ALL;
--   CREATE OR REPLACE TEMP TABLE real_estimates AS
--   FROM muster.fit_probit_bootstrap(ratings, profiles, company, is_expert, headcount := headcount);
--   CREATE OR REPLACE TEMP TABLE made AS
--   WITH all_profiles AS (
--       SELECT profile_id::VARCHAR AS profile_id, company, headcount, is_expert FROM profiles WHERE is_expert IS NOT NULL
--       UNION ALL BY NAME FROM muster.synthetic_profiles(totals, ratings, company, annotator, value, headcount)
--   ), all_ratings AS (
--       SELECT profile_id::VARCHAR AS profile_id, annotator, label FROM ratings
--       UNION ALL BY NAME FROM muster.synthetic_ratings(totals, ratings, company, annotator, value, headcount)
--   )
--   FROM muster.fit_probit_bootstrap(all_ratings, all_profiles, company, is_expert, headcount := headcount);
--   SELECT company, round(real_estimate, 1) AS from_real, round(synthetic_estimate, 1) AS from_made, round(factor, 2) AS factor,
--       round(estimate, 1) AS estimate, round(lower, 1) AS lower, round(upper, 1) AS upper
--   FROM muster.synthetic_adjustment(made, real_estimates);
CREATE MACRO muster.main.synthetic_adjustment(synthetic, reference, level := 0.8) AS TABLE
WITH _muster_synthetic AS (
    SELECT
        CAST(company AS VARCHAR) AS _muster_name,
        CAST(muster.main._muster_headcount('synthetic_adjustment', headcount) AS BIGINT) AS _muster_headcount,
        muster.main._muster_number('synthetic_adjustment', 'estimate', 'be a number', estimate) AS _muster_estimate,
        muster.main._muster_number('synthetic_adjustment', 'lower', 'be a number', lower) AS _muster_lower,
        muster.main._muster_number('synthetic_adjustment', 'upper', 'be a number', upper) AS _muster_upper
    FROM query_table(synthetic)
),
_muster_real AS (
    SELECT
        CAST(company AS VARCHAR) AS _muster_name,
        muster.main._muster_number('synthetic_adjustment', 'estimate', 'be a number', estimate) AS _muster_value
    FROM query_table(reference)
),
_muster_rows AS (
    SELECT coalesce(list({
        company: _muster_name,
        headcount: _muster_headcount,
        synthetic: _muster_estimate,
        lower: _muster_lower,
        upper: _muster_upper,
        reference: _muster_value
    }), []) AS _muster_list
    FROM _muster_synthetic
    LEFT JOIN _muster_real USING (_muster_name)
    WHERE _muster_name IS NOT NULL
),
_muster_options AS (
    SELECT muster_options(-reference) AS _muster_asked
)
SELECT unnest(_muster_row)
FROM (
    SELECT unnest(muster_synthetic_adjustment(_muster_list, _muster_asked)) AS _muster_row
    FROM _muster_rows, _muster_options
);
