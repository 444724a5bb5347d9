-- _muster_nested: A value of lists and structs as JSON, without DuckDB's json extension.
-- section: Helpers
CREATE MACRO muster.main._muster_nested(value) AS muster_nested(typeof(value), CAST(value AS VARCHAR));
