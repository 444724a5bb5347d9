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
    muster.main._muster_number('plot_bias', 'bias', 'be a number', _muster_metrics.bias) AS x,
    muster.main._muster_number('plot_bias', 'bias_lower', 'be a number', _muster_metrics.bias_lower) AS x_lower,
    muster.main._muster_number('plot_bias', 'bias_upper', 'be a number', _muster_metrics.bias_upper) AS x_upper,
    muster.main._muster_number('plot_bias', 'accuracy', 'be a number', _muster_metrics.accuracy) AS y,
    muster.main._muster_number('plot_bias', 'accuracy_lower', 'be a number', _muster_metrics.accuracy_lower) AS y_lower,
    muster.main._muster_number('plot_bias', 'accuracy_upper', 'be a number', _muster_metrics.accuracy_upper) AS y_upper
FROM _muster_metrics;
