-- _muster_plot_annotators: Rows of `plot_annotators` and of its specification, and what is made of them.
-- section: Helpers
CREATE MACRO muster.main._muster_plot_annotators(caller, metrics, title, subtitle, width, height) AS TABLE
WITH _muster_metrics AS (
    -- what a relation may lack
    SELECT NULL AS sensitivity_lower, NULL AS sensitivity_upper, NULL AS specificity_lower, NULL AS specificity_upper
    WHERE false
    UNION ALL BY NAME
    SELECT * FROM query_table(metrics)
),
_muster_row AS (
    SELECT
        [CAST(_muster_metrics.annotator AS VARCHAR)] AS _muster_texts,
        [CAST(_muster_metrics.specificity AS DOUBLE), CAST(_muster_metrics.specificity_lower AS DOUBLE), CAST(_muster_metrics.specificity_upper AS DOUBLE), CAST(_muster_metrics.sensitivity AS DOUBLE), CAST(_muster_metrics.sensitivity_lower AS DOUBLE), CAST(_muster_metrics.sensitivity_upper AS DOUBLE)] AS _muster_numbers
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
