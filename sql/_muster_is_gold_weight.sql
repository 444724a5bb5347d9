-- _muster_is_gold_weight: Whether a value is a positive number, neither NULL nor infinite.
-- section: Helpers
CREATE MACRO muster.main._muster_is_gold_weight(value) AS
    coalesce(
        TRY_CAST(CAST(value AS VARCHAR) AS DOUBLE) > 0 AND isfinite(TRY_CAST(CAST(value AS VARCHAR) AS DOUBLE)),
        false
    );
