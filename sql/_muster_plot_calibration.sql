-- _muster_plot_calibration: Rows of `plot_calibration` and of its specification, and what is made of them.
-- section: Helpers
CREATE MACRO muster.main._muster_plot_calibration(caller, coverage, title, subtitle, width, height) AS TABLE
WITH _muster_coverage AS (
    -- what a relation may lack
    SELECT NULL AS method, NULL AS lower, NULL AS upper
    WHERE false
    UNION ALL BY NAME
    SELECT * FROM query_table(coverage)
),
_muster_row AS (
    SELECT
        [CAST(_muster_coverage.method AS VARCHAR)] AS _muster_texts,
        [CAST(_muster_coverage.level AS DOUBLE), CAST(_muster_coverage.coverage AS DOUBLE), CAST(_muster_coverage.lower AS DOUBLE), CAST(_muster_coverage.upper AS DOUBLE)] AS _muster_numbers
    FROM _muster_coverage
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
