-- plot_calibration: Nominal against actual coverage of intervals, with the diagonal.
-- section: Plots
--
-- Points above the diagonal are intervals that are too wide, points below it intervals that are too narrow. Up to eight
-- methods, in the order of their names, each with its line and mark; lower and upper are limits of the coverage. Rows
-- without both numbers are counted in a note.
--
-- arguments:
--   coverage   relation with level and coverage, each from 0 to 1; method, lower and upper where there are any
-- example:
--   WITH coverage AS (SELECT * FROM (VALUES (0.5, 0.48), (0.8, 0.77), (0.9, 0.91)) AS t(level, coverage))
--   SELECT decode(svg)[:38] AS svg FROM muster.plot_calibration(coverage);
CREATE MACRO muster.main.plot_calibration(coverage) AS TABLE
WITH _muster_coverage AS (
    -- what a relation may lack
    SELECT NULL AS method, NULL AS lower, NULL AS upper
    WHERE false
    UNION ALL BY NAME
    SELECT * FROM query_table(coverage)
)
SELECT
    _muster_coverage.method,
    _muster_coverage.level,
    _muster_coverage.coverage,
    _muster_coverage.lower,
    _muster_coverage.upper
FROM _muster_coverage;
