-- _muster_id: The profile_id of a relation; a blank one and NaN are NULL.
-- section: Helpers
CREATE MACRO muster.main._muster_id(caller, relation, columns, value) AS
    muster.main._muster_value(muster.main._muster_column(caller, relation, 'profile_id', columns, value));
