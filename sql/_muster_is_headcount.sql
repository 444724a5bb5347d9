-- _muster_is_headcount: Whether a value, which is not NULL, is a whole number from 0 to 2^53.
-- section: Helpers
CREATE MACRO muster.main._muster_is_headcount(value) AS
    coalesce(
        TRY_CAST(CAST(value AS VARCHAR) AS DOUBLE) BETWEEN 0 AND 9007199254740992
        AND TRY_CAST(CAST(value AS VARCHAR) AS DOUBLE) = floor(TRY_CAST(CAST(value AS VARCHAR) AS DOUBLE)),
        false
    );
