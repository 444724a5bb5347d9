-- _muster_headcount: A headcount as DOUBLE; what is no whole number of at least 0 is an error that shows it.
-- section: Helpers
CREATE MACRO muster.main._muster_headcount(caller, value) AS
    CASE
        WHEN value IS NULL THEN CAST(NULL AS DOUBLE)
        WHEN muster.main._muster_is_headcount(value) THEN TRY_CAST(CAST(value AS VARCHAR) AS DOUBLE)
        ELSE error(caller || ': headcount must be a whole number from 0 to 9007199254740992, got ''' || CAST(value AS VARCHAR) || '''')
    END;
