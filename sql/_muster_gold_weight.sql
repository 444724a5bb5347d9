-- _muster_gold_weight: The gold weight of a gold person as DOUBLE; anything but a positive number is an error that shows it.
-- section: Helpers
CREATE MACRO muster.main._muster_gold_weight(caller, id, value) AS
    CASE
        WHEN muster.main._muster_is_gold_weight(value) THEN TRY_CAST(CAST(value AS VARCHAR) AS DOUBLE)
        ELSE error(
            caller || ': gold_weight must be a positive number where truth is not NULL, got '
            || coalesce(CAST(value AS VARCHAR), 'NULL') || ' for profile_id ' || coalesce(CAST(id AS VARCHAR), 'NULL')
        )
    END;
