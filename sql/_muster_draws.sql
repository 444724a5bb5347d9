-- _muster_draws: The draws of an estimate as BIGINT[]; text, which CSV files make of them, is read.
-- section: Helpers
CREATE MACRO muster.main._muster_draws(caller, value) AS
    CASE
        WHEN value IS NULL THEN CAST(NULL AS BIGINT[])
        WHEN typeof(value) = 'BIGINT[]' AND coalesce(list_min(TRY_CAST(value AS BIGINT[])), 0) >= 0
            AND list_position(TRY_CAST(value AS BIGINT[]), NULL) IS NULL
            THEN TRY_CAST(value AS BIGINT[])
        WHEN coalesce(
            list_position(TRY_CAST(CAST(value AS VARCHAR) AS BIGINT[]), NULL) IS NOT NULL
            OR TRY_CAST(CAST(value AS VARCHAR) AS BIGINT[]) IS NULL
            OR coalesce(list_min(TRY_CAST(CAST(value AS VARCHAR) AS BIGINT[])) < 0, false)
            -- a fraction would be rounded
            OR len(list_filter(
                TRY_CAST(CAST(value AS VARCHAR) AS DOUBLE[]), lambda draw: draw <> floor(draw)
            )) > 0,
            true
        )
            THEN error(
                caller || ': draws must be a list of whole numbers of at least 0, or such a list as text, got '''
                || left(CAST(value AS VARCHAR), 40) || ''' of type ' || typeof(value)
            )
        ELSE TRY_CAST(CAST(value AS VARCHAR) AS BIGINT[])
    END;
