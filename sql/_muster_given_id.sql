-- _muster_given_id: A profile_id of ratings that must not be NULL.
-- section: Helpers
CREATE MACRO muster.main._muster_given_id(caller, id) AS
    CASE
        WHEN id IS NULL THEN error(caller || ': profile_id must not be NULL or blank in ratings')
        ELSE id
    END;
