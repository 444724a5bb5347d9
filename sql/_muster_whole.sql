-- _muster_whole: An option as a whole number of at least 0; anything else is an error that shows the value.
-- section: Helpers
CREATE MACRO muster.main._muster_whole(caller, name, value) AS
    CASE
        WHEN coalesce(
            TRY_CAST(CAST(value AS VARCHAR) AS DOUBLE) >= 0
            AND TRY_CAST(CAST(value AS VARCHAR) AS DOUBLE) = floor(TRY_CAST(CAST(value AS VARCHAR) AS DOUBLE))
            AND TRY_CAST(CAST(value AS VARCHAR) AS DOUBLE) < 9e18,
            false
        ) THEN TRY_CAST(CAST(value AS VARCHAR) AS BIGINT)
        ELSE error(
            caller || ': ' || name || ' must be a whole number of at least 0, got '
            || coalesce(CAST(value AS VARCHAR), 'NULL')
        )
    END;
