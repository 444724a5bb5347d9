-- plot_bias: Bias of annotators against their accuracy, with intervals in both directions.
-- section: Plots
--
-- Bias is the share called experts minus the share of experts: right of the dashed line are annotators that call too many
-- people experts. Marks, names and notes as in `plot_annotators`.
--
-- arguments:
--   metrics    relation with annotator, bias and accuracy and their limits, such as `annotator_metrics` returns
-- example:
--   WITH metrics AS (FROM muster.annotator_metrics(ratings, profiles, is_expert))
--   SELECT decode(svg)[:38] AS svg FROM muster.plot_bias(metrics);
CREATE MACRO muster.main.plot_bias(metrics) AS TABLE
WITH _muster_metrics AS (
    -- what a relation may lack
    SELECT NULL AS bias_lower, NULL AS bias_upper, NULL AS accuracy_lower, NULL AS accuracy_upper
    WHERE false
    UNION ALL BY NAME
    SELECT * FROM query_table(metrics)
)
SELECT
    _muster_metrics.annotator,
    _muster_metrics.bias AS x,
    _muster_metrics.bias_lower AS x_lower,
    _muster_metrics.bias_upper AS x_upper,
    _muster_metrics.accuracy AS y,
    _muster_metrics.accuracy_lower AS y_lower,
    _muster_metrics.accuracy_upper AS y_upper
FROM _muster_metrics;
