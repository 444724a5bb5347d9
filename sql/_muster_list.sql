-- _muster_list: An argument as VARCHAR[]; what is no list, or the text of one, is an error that shows it.
-- section: Helpers
--
-- `allowed` completes "must …".
CREATE MACRO muster.main._muster_list(caller, what, allowed, value) AS
    CASE
        WHEN value IS NULL THEN CAST(NULL AS VARCHAR[])
        WHEN typeof(value) = 'VARCHAR[]' THEN TRY_CAST(value AS VARCHAR[])
        WHEN TRY_CAST(CAST(value AS VARCHAR) AS VARCHAR[]) IS NULL
            THEN error(caller || ': ' || what || ' must ' || allowed || ', got ''' || CAST(value AS VARCHAR) || '''')
        ELSE TRY_CAST(CAST(value AS VARCHAR) AS VARCHAR[])
    END;
