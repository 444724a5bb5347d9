-- _muster_boolean: A label or truth as BOOLEAN; anything that is neither yes nor no is an error that shows the value.
-- section: Helpers
--
-- As `_muster_reading` reads it. What is missing is NULL.
CREATE MACRO muster.main._muster_boolean(caller, what, value) AS
    CASE
        WHEN value IS NULL THEN CAST(NULL AS BOOLEAN)
        WHEN typeof(value) = 'BOOLEAN' THEN TRY_CAST(value AS BOOLEAN)
        ELSE CASE muster.main._muster_reading(value)
            WHEN 'yes' THEN true
            WHEN 'no' THEN false
            WHEN 'other' THEN error(
                caller || ': ' || what || ' must be true or false, 1 or 0, yes or no, or NULL, got '''
                || CAST(value AS VARCHAR) || ''''
            )
        END
    END;
