-- _muster_draws: The draws of an estimate as BIGINT[]; text, which CSV files make of them, is read.
-- section: Helpers
CREATE MACRO muster.main._muster_draws(caller, value) AS
    CASE
        WHEN value IS NULL THEN CAST(NULL AS BIGINT[])
        WHEN typeof(value) = 'BIGINT[]' THEN TRY_CAST(value AS BIGINT[])
        WHEN coalesce(
            list_position(TRY_CAST(CAST(value AS VARCHAR) AS BIGINT[]), NULL) IS NOT NULL
            OR TRY_CAST(CAST(value AS VARCHAR) AS BIGINT[]) IS NULL,
            true
        )
            THEN error(
                caller || ': draws must be a list of whole numbers, or such a list as text, got '''
                || left(CAST(value AS VARCHAR), 40) || ''' of type ' || typeof(value)
            )
        ELSE TRY_CAST(CAST(value AS VARCHAR) AS BIGINT[])
    END;
