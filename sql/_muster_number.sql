-- _muster_number: An argument as DOUBLE; a text that is no number is an error that shows it.
-- section: Helpers
--
-- `allowed` completes "must …".
CREATE MACRO muster.main._muster_number(caller, what, allowed, value) AS
    CASE
        WHEN value IS NULL THEN CAST(NULL AS DOUBLE)
        WHEN TRY_CAST(CAST(value AS VARCHAR) AS DOUBLE) IS NULL
            THEN error(caller || ': ' || what || ' must ' || allowed || ', got ''' || CAST(value AS VARCHAR) || '''')
        ELSE TRY_CAST(CAST(value AS VARCHAR) AS DOUBLE)
    END;
