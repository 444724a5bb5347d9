-- _muster_absent: The columns that a relation must have, for it to fall back on where it has them not.
-- section: Helpers
--
-- The relation is joined to it LATERAL: DuckDB looks a name up there only if the relation has no such column, and
-- `_muster_column` makes the error. It is read in a CTE of its own before, since its name may be that of a column here.
CREATE MACRO muster.main._muster_absent() AS TABLE
SELECT
    CAST('_muster_absent' AS ENUM('_muster_absent')) AS profile_id,
    CAST('_muster_absent' AS ENUM('_muster_absent')) AS annotator,
    CAST('_muster_absent' AS ENUM('_muster_absent')) AS label,
    CAST('_muster_absent' AS ENUM('_muster_absent')) AS keyword,
    CAST('_muster_absent' AS ENUM('_muster_absent')) AS score,
    CAST('_muster_absent' AS ENUM('_muster_absent')) AS q_value,
    CAST('_muster_absent' AS ENUM('_muster_absent')) AS n_documents;
