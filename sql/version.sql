-- version: Versions of everything that can change a number.
-- section: About
--
-- columns:
--   component VARCHAR   muster, DuckDB, or a library that fixes random streams or numerics
--   version VARCHAR     its version
-- example:
--   SELECT component FROM muster.version();
CREATE MACRO muster.main.version() AS TABLE
SELECT unnest(_muster_row)
FROM (SELECT unnest(muster_version('')) AS _muster_row)
UNION ALL
SELECT 'duckdb', version();
