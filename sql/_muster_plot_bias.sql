-- _muster_plot_bias: Rows of `plot_bias` and of its specification, and what is made of them.
-- section: Helpers
CREATE MACRO muster.main._muster_plot_bias(caller, metrics, title, subtitle, width, height) AS TABLE
WITH _muster_metrics AS (
    -- what a relation may lack
    SELECT NULL AS bias_lower, NULL AS bias_upper, NULL AS accuracy_lower, NULL AS accuracy_upper
    WHERE false
    UNION ALL BY NAME
    SELECT * FROM query_table(metrics)
),
_muster_row AS (
    SELECT
        [CAST(_muster_metrics.annotator AS VARCHAR)] AS _muster_texts,
        [CAST(_muster_metrics.bias AS DOUBLE), CAST(_muster_metrics.bias_lower AS DOUBLE), CAST(_muster_metrics.bias_upper AS DOUBLE), CAST(_muster_metrics.accuracy AS DOUBLE), CAST(_muster_metrics.accuracy_lower AS DOUBLE), CAST(_muster_metrics.accuracy_upper AS DOUBLE)] AS _muster_numbers
    FROM _muster_metrics
),
_muster_options AS (
    SELECT CAST(to_json({
        title: CAST(title AS VARCHAR),
        subtitle: CAST(subtitle AS VARCHAR),
        width: CAST(width AS VARCHAR),
        height: CAST(height AS VARCHAR)
    }) AS VARCHAR) AS _muster_json
)
FROM muster.main._muster_drawn(caller, _muster_row, _muster_options);
