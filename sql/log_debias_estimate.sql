-- log_debias_estimate: Experts of each company from counts by annotator, their multiplicative biases taken out.
-- section: Debiasing
--
-- Counts are compared on a logarithmic scale, where an annotator that sees twice as many experts everywhere is off by a
-- constant. A count of 0 counts as 0.5, NULL and an absent row are missing, a negative count is an error.
--
-- Method 'consensus' needs no truth: the bias of an annotator is its median deviation from the companies' medians, the
-- estimate the median of the debiased counts, the limits their quantiles over the annotators, all rounded to whole numbers.
-- The band measures agreement between annotators, not accuracy: a bias they share stays in, and 80 % bands covered the true
-- count of 22 % of simulated companies. Method 'calibrated' learns biases and correlated errors from gold companies,
-- whose truth is given: with five annotators its 80 % limits covered 78 % of simulated companies with 100 gold ones, 75 %
-- with 40, 70 % with 20 and under 60 % with 10. It needs at least three gold companies, and one more than there are annotators, with
-- a count of every annotator. One row a company, ordered by company, also for one without any count.
--
-- arguments:
--   counts      relation with a row for each company and annotator, such as `log_debias_counts` makes
--   company     expression over counts: the company; NULL is an error, since people of no company make no company's count
--   annotator   expression over counts: who counted
--   value       expression over counts: how many experts the annotator counted there; NULL = missing
--   headcount   expression over counts: employees of the company; the largest value counts, NULL = unknown
--   truth       expression over counts: the company's true number of experts; NULL = no gold count; 'consensus' leaves it aside
--   method      'consensus' or 'calibrated'
--   level       of the limits, between 0 and 1
-- columns:
--   company VARCHAR             the company
--   estimate DOUBLE             experts; NULL without a count; with 'calibrated' at most the headcount, like the limits
--   lower DOUBLE                lower limit
--   upper DOUBLE                upper limit
--   share DOUBLE                estimate / headcount, NULL without a headcount; above 1 where the counts exceed the headcount
--   share_lower DOUBLE          lower / headcount
--   share_upper DOUBLE          upper / headcount
--   uncertainty_factor DOUBLE   upper / lower, before rounding and before the headcount caps them
--   n_annotators BIGINT         counts the company has
--   outlier BOOLEAN             a debiased count is off the estimate by more than a factor of three
-- example:
--   CREATE OR REPLACE TEMP TABLE counts AS FROM muster.log_debias_counts(ratings, profiles, company);
--   SELECT company, estimate, lower, upper, round(uncertainty_factor, 2) AS uncertainty_factor, n_annotators, outlier
--   FROM muster.log_debias_estimate(counts, company, annotator, value);
CREATE MACRO muster.main.log_debias_estimate(
    counts,
    company,
    annotator,
    value,
    headcount := NULL,
    truth := NULL,
    method := 'consensus',
    level := 0.8
) AS TABLE
WITH _muster_count AS (
    SELECT
        CAST(muster.main._muster_value(
            muster.main._muster_argument('log_debias_estimate', 'company', 'counts', typeof(_muster_c), company)
        ) AS VARCHAR) AS _muster_company,
        CAST(annotator AS VARCHAR) AS _muster_annotator,
        muster.main._muster_number(
            'log_debias_estimate', 'value', 'be a number of at least 0, or NULL', value
        ) AS _muster_value,
        muster.main._muster_number(
            'log_debias_estimate', 'headcount', 'be a whole number of at least 0', headcount
        ) AS _muster_headcount,
        muster.main._muster_number(
            'log_debias_estimate', 'truth', 'be a number of at least 0, or NULL where there is no gold count', truth
        ) AS _muster_truth
    FROM query_table(counts) AS _muster_c
),
_muster_list AS (
    SELECT CASE
        WHEN count(_muster_company) > 0 AND count(_muster_company) < count(*)
            THEN error(
                'log_debias_estimate: company must not be NULL in counts, got ' || (count(*) - count(_muster_company))
                || ' rows with NULL; leave them out by a WHERE, or name what they count, as in coalesce(company, ''none'')'
            )
        ELSE coalesce(list({
            company: _muster_company,
            annotator: CASE
                WHEN _muster_annotator IS NULL
                    THEN error('log_debias_estimate: annotator must not be NULL in counts')
                ELSE _muster_annotator
            END,
            value: _muster_value,
            headcount: _muster_headcount,
            truth: _muster_truth
        }) FILTER (_muster_company IS NOT NULL), [])
    END AS _muster_counts
    FROM _muster_count
),
_muster_options AS (
    SELECT muster_options() AS _muster_asked
)
SELECT unnest(_muster_row)
FROM (
    SELECT unnest(muster_log_debias_estimate(_muster_counts, _muster_asked)) AS _muster_row
    FROM _muster_list, _muster_options
);
