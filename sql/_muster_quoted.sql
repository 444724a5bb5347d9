-- _muster_quoted: The text that all people have as company, where it is the name of a column: somebody has quoted it.
-- section: Helpers
--
-- columns:
--   _muster_quoted VARCHAR   NULL where all is well
CREATE MACRO muster.main._muster_quoted(people, profiles) AS TABLE
WITH _muster_only AS (
    SELECT CASE
        WHEN count(*) > 1 AND count(_muster_name) = count(*) AND min(_muster_name) = max(_muster_name)
            THEN min(_muster_name)
    END AS _muster_name
    FROM query_table(people)
),
_muster_columns AS (
    -- the type of a row has the names of all columns
    SELECT lower((SELECT typeof(_muster_row) FROM query_table(profiles) AS _muster_row LIMIT 1)) AS _muster_columns
)
SELECT CASE
    WHEN contains(_muster_columns, '(' || lower(_muster_name) || ' ')
        OR contains(_muster_columns, ', ' || lower(_muster_name) || ' ')
        OR contains(_muster_columns, '"' || lower(_muster_name) || '" ')
        THEN _muster_name
END AS _muster_quoted
FROM _muster_only, _muster_columns;
