-- _muster_plot_correlations: Rows of `plot_correlations` and of its specification, and what is made of them.
-- section: Helpers
CREATE MACRO muster.main._muster_plot_correlations(
    caller,
    correlations,
    measure,
    title,
    subtitle,
    width,
    height
) AS TABLE
WITH _muster_correlations AS (
    -- what a relation may lack
    SELECT NULL AS tetrachoric, NULL AS phi
    WHERE false
    UNION ALL BY NAME
    SELECT * FROM query_table(correlations)
),
_muster_row AS (
    SELECT
        [CAST(_muster_correlations.class AS VARCHAR), CAST(_muster_correlations.annotator AS VARCHAR), CAST(_muster_correlations.other AS VARCHAR)] AS _muster_texts,
        [CAST(_muster_correlations.tetrachoric AS DOUBLE), CAST(_muster_correlations.phi AS DOUBLE)] AS _muster_numbers
    FROM _muster_correlations
),
_muster_options AS (
    SELECT CAST(to_json({
        measure: CAST(measure AS VARCHAR),
        title: CAST(title AS VARCHAR),
        subtitle: CAST(subtitle AS VARCHAR),
        width: CAST(width AS VARCHAR),
        height: CAST(height AS VARCHAR)
    }) AS VARCHAR) AS _muster_json
)
FROM muster.main._muster_drawn(caller, _muster_row, _muster_options);
