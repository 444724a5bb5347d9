-- _muster_given_id: The profile_id of a relation that must not be NULL.
-- section: Helpers
CREATE MACRO muster.main._muster_given_id(caller, relation, columns, value) AS
    CASE
        WHEN muster.main._muster_id(caller, relation, columns, value) IS NULL
            THEN error(caller || ': profile_id must not be NULL or blank in ' || relation)
        ELSE value
    END;
