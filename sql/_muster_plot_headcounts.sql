-- _muster_plot_headcounts: Rows of `plot_headcounts` and of its specification, and what is made of them.
-- section: Helpers
CREATE MACRO muster.main._muster_plot_headcounts(caller, estimates, top, title, subtitle, width, height) AS TABLE
WITH _muster_estimates AS (
    -- what a relation may lack
    SELECT NULL AS lower, NULL AS upper, NULL AS below_floor
    WHERE false
    UNION ALL BY NAME
    SELECT * FROM query_table(estimates)
),
_muster_row AS (
    SELECT
        [CAST(_muster_estimates.company AS VARCHAR)] AS _muster_texts,
        [CAST(_muster_estimates.estimate AS DOUBLE), CAST(_muster_estimates.lower AS DOUBLE), CAST(_muster_estimates.upper AS DOUBLE), CAST(CAST(_muster_estimates.below_floor AS BOOLEAN) AS DOUBLE)] AS _muster_numbers
    FROM _muster_estimates
),
_muster_list AS (
    SELECT coalesce(list({texts: _muster_texts, numbers: _muster_numbers}), []) AS _muster_rows
    FROM _muster_row
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
SELECT _muster_drawn.picture AS _muster_picture
FROM (
    SELECT unnest(muster_plot(caller, _muster_rows, _muster_json)) AS _muster_drawn
    FROM _muster_list, _muster_options
);
