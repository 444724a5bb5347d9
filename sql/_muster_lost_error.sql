-- _muster_lost_error: The error for ids that `_muster_lost` finds.
-- section: Helpers
CREATE MACRO muster.main._muster_lost_error(caller, lost) AS
    error(
        caller || ': profile_id must have types in ratings and profiles that compare without loss, got ' || lost
        || '; CAST one of them'
    );
