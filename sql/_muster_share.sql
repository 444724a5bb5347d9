-- _muster_share: An option as a number from 0 to 1; anything else is an error that shows the value.
-- section: Helpers
CREATE MACRO muster.main._muster_share(caller, name, value) AS
    CASE
        WHEN coalesce(TRY_CAST(CAST(value AS VARCHAR) AS DOUBLE) BETWEEN 0 AND 1, false)
            THEN TRY_CAST(CAST(value AS VARCHAR) AS DOUBLE)
        ELSE error(
            caller || ': ' || name || ' must be a number from 0 to 1, got ' || coalesce(CAST(value AS VARCHAR), 'NULL')
        )
    END;
