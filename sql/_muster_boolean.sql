-- _muster_boolean: A label or truth as BOOLEAN; anything that is neither yes nor no is an error that shows the value.
-- section: Helpers
--
-- BOOLEAN as it is, the numbers 0 and 1 (also as 0.0 and 1.0, which data frames make of a column with gaps), and
-- the texts true, false, yes, no, 1 and 0 in any case. NULL stays NULL.
CREATE MACRO muster.main._muster_boolean(caller, what, value) AS
    CASE
        WHEN value IS NULL THEN CAST(NULL AS BOOLEAN)
        WHEN typeof(value) = 'BOOLEAN' THEN TRY_CAST(value AS BOOLEAN)
        ELSE CASE lower(trim(CAST(value AS VARCHAR)))
            WHEN 'true' THEN true
            WHEN 'yes' THEN true
            WHEN '1' THEN true
            WHEN '1.0' THEN true
            WHEN 'false' THEN false
            WHEN 'no' THEN false
            WHEN '0' THEN false
            WHEN '0.0' THEN false
            ELSE error(
                caller || ': ' || what || ' must be true or false, 1 or 0, yes or no, or NULL, got '''
                || CAST(value AS VARCHAR) || ''''
            )
        END
    END;
