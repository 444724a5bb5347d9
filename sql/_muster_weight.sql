-- _muster_weight: A weight as BIGINT; anything but a whole number from 0 to 2^53 is an error that shows it.
-- section: Helpers
CREATE MACRO muster.main._muster_weight(caller, id, value) AS
    CASE
        WHEN muster.main._muster_is_weight(value) THEN CAST(TRY_CAST(CAST(value AS VARCHAR) AS DOUBLE) AS BIGINT)
        ELSE error(
            caller || ': weight must be a whole number from 0 to 9007199254740992, got '
            || coalesce(CAST(value AS VARCHAR), 'NULL') || ' for profile_id ' || coalesce(CAST(id AS VARCHAR), 'NULL')
        )
    END;
