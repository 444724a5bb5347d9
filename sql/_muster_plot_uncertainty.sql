-- _muster_plot_uncertainty: Rows of `plot_uncertainty` and of its specification, and what is made of them.
-- section: Helpers
CREATE MACRO muster.main._muster_plot_uncertainty(
    caller,
    estimates,
    company,
    level,
    title,
    subtitle,
    width,
    height
) AS TABLE
WITH _muster_estimates AS (
    SELECT CAST(_muster_estimates.company AS VARCHAR) AS _muster_name, _muster_estimates.draws AS _muster_draws
    FROM query_table(estimates) AS _muster_estimates
),
_muster_option AS (
    SELECT CAST(company AS VARCHAR) AS _muster_company
),
_muster_chosen AS (
    SELECT _muster_name, _muster_draws
    FROM _muster_estimates, _muster_option
    WHERE _muster_company IS NULL OR _muster_name = _muster_company
),
_muster_counted AS (
    SELECT
        (SELECT count(*) FROM _muster_estimates) AS _muster_known,
        count(*) AS _muster_companies,
        count(*) FILTER (_muster_draws IS NULL) AS _muster_without,
        min(len(_muster_draws)) AS _muster_fewest,
        max(len(_muster_draws)) AS _muster_most
    FROM _muster_chosen
),
_muster_sum AS (
    SELECT _muster_replicate, CAST(sum(_muster_draw) AS DOUBLE) AS _muster_experts
    FROM (
        SELECT unnest(_muster_draws) AS _muster_draw, generate_subscripts(_muster_draws, 1) AS _muster_replicate
        FROM _muster_chosen
    )
    GROUP BY _muster_replicate
),
_muster_row AS (
    SELECT CAST([] AS VARCHAR[]) AS _muster_texts, coalesce(list(_muster_experts), []) AS _muster_numbers
    FROM _muster_sum
),
_muster_options AS (
    SELECT CAST(to_json({
        companies: CAST(CASE
            WHEN _muster_company IS NOT NULL AND _muster_known > 0 AND _muster_companies = 0
                THEN error(caller || ': company must be one of estimates, got ''' || _muster_company || '''')
            WHEN _muster_company IS NOT NULL AND _muster_companies > 1
                THEN error(caller || ': estimates must have one row of the company, ''' || _muster_company || ''' has ' || _muster_companies)
            WHEN _muster_without > 0
                THEN error(caller || ': estimates has no draws, make it with keep_draws := true')
            WHEN _muster_fewest <> _muster_most
                THEN error(caller || ': every company must have the same number of draws')
            ELSE _muster_companies
        END AS VARCHAR),
        company: _muster_company,
        level: CAST(level AS VARCHAR),
        title: CAST(title AS VARCHAR),
        subtitle: CAST(subtitle AS VARCHAR),
        width: CAST(width AS VARCHAR),
        height: CAST(height AS VARCHAR)
    }) AS VARCHAR) AS _muster_json
    FROM _muster_option, _muster_counted
)
FROM muster.main._muster_drawn(caller, _muster_row, _muster_options);
