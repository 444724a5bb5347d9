-- _muster_plot_methods: Rows of `plot_methods` and of its specification, and what is made of them.
-- section: Helpers
CREATE MACRO muster.main._muster_plot_methods(caller, estimates, top, title, subtitle, width, height) AS TABLE
WITH _muster_estimates AS (
    -- what a relation may lack
    SELECT NULL AS lower, NULL AS upper
    WHERE false
    UNION ALL BY NAME
    SELECT * FROM query_table(estimates)
),
_muster_row AS (
    SELECT
        [CAST(_muster_estimates.company AS VARCHAR), CAST(_muster_estimates.method AS VARCHAR)] AS _muster_texts,
        [CAST(_muster_estimates.estimate AS DOUBLE), CAST(_muster_estimates.lower AS DOUBLE), CAST(_muster_estimates.upper AS DOUBLE)] AS _muster_numbers
    FROM _muster_estimates
),
_muster_options AS (
    SELECT CAST(to_json({
        top: CAST(top AS VARCHAR),
        title: CAST(title AS VARCHAR),
        subtitle: CAST(subtitle AS VARCHAR),
        width: CAST(width AS VARCHAR),
        height: CAST(height AS VARCHAR)
    }) AS VARCHAR) AS _muster_json
)
FROM muster.main._muster_drawn(caller, _muster_row, _muster_options);
