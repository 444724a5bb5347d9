-- _muster_is_weight: Whether a value is a whole number from 0 to 2^53, and not the one above, which DOUBLE rounds to it.
-- section: Helpers
CREATE MACRO muster.main._muster_is_weight(value) AS
    value IS NOT NULL
    AND muster.main._muster_is_headcount(value)
    AND coalesce(TRY_CAST(CAST(value AS VARCHAR) AS HUGEINT) <= 9007199254740992, true);
