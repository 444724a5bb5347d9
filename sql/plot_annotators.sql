-- plot_annotators: Sensitivity of annotators against their specificity, with intervals in both directions.
-- section: Plots
--
-- Each annotator has a mark and its name; the combined model, `(model)`, is a black diamond. Intervals are drawn for up to
-- 60 annotators, names where they have room. Annotators without one of the rates are counted in a note.
--
-- arguments:
--   metrics    relation with annotator, sensitivity and specificity and their limits, such as `annotator_metrics` returns
-- example:
--   WITH metrics AS (FROM muster.annotator_metrics(ratings, profiles, is_expert))
--   SELECT decode(svg)[:38] AS svg FROM muster.plot_annotators(metrics);
CREATE MACRO muster.main.plot_annotators(metrics) AS TABLE
WITH _muster_metrics AS (
    -- what a relation may lack
    SELECT NULL AS sensitivity_lower, NULL AS sensitivity_upper, NULL AS specificity_lower, NULL AS specificity_upper
    WHERE false
    UNION ALL BY NAME
    SELECT * FROM query_table(metrics)
)
SELECT
    _muster_metrics.annotator,
    muster.main._muster_number('plot_annotators', 'specificity', 'be a number', _muster_metrics.specificity) AS x,
    muster.main._muster_number('plot_annotators', 'specificity_lower', 'be a number', _muster_metrics.specificity_lower) AS x_lower,
    muster.main._muster_number('plot_annotators', 'specificity_upper', 'be a number', _muster_metrics.specificity_upper) AS x_upper,
    muster.main._muster_number('plot_annotators', 'sensitivity', 'be a number', _muster_metrics.sensitivity) AS y,
    muster.main._muster_number('plot_annotators', 'sensitivity_lower', 'be a number', _muster_metrics.sensitivity_lower) AS y_lower,
    muster.main._muster_number('plot_annotators', 'sensitivity_upper', 'be a number', _muster_metrics.sensitivity_upper) AS y_upper
FROM _muster_metrics;
