-- _muster_ratings: The columns of ratings, the profile_id as `_muster_id` reads it and the others as they are.
-- section: Helpers
--
-- columns:
--   _muster_id ANY          profile_id
--   _muster_annotator ANY   annotator
--   _muster_label ANY       label
CREATE MACRO muster.main._muster_ratings(caller, ratings) AS TABLE
WITH _muster_rows AS (
    FROM query_table(ratings)
)
SELECT _muster_given.*
FROM muster.main._muster_absent() AS _muster_a, LATERAL (
    SELECT
        muster.main._muster_id(caller, 'ratings', typeof(_muster_r), profile_id) AS _muster_id,
        muster.main._muster_column(caller, 'ratings', 'annotator', typeof(_muster_r), annotator) AS _muster_annotator,
        muster.main._muster_column(caller, 'ratings', 'label', typeof(_muster_r), label) AS _muster_label
    FROM _muster_rows AS _muster_r
) AS _muster_given;
