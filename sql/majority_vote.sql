-- majority_vote: The label most annotators give to each profile.
-- section: Truth without gold people
--
-- Every label counts once, labels of any type are compared as text, numbers by their value. Where all labels say yes or no, in
-- several spellings (true, yes and 1, say), they are read as true and false; NaN and blank text are missing. Where several labels are equally
-- frequent there is no majority and the label is NULL. One row a profile, ordered by profile_id.
--
-- arguments:
--   ratings   relation with profile_id, annotator, label; NULL = missing
-- columns:
--   profile_id ANY   as in ratings
--   label VARCHAR    the most frequent label; NULL where several are, or where all labels are missing
--   share DOUBLE     labels that agree with it, or with each of the most frequent, among all labels of the profile
--   n BIGINT         labels of the profile
--   tie BOOLEAN      several labels are the most frequent
-- example:
--   FROM muster.majority_vote(ratings) LIMIT 3;
CREATE MACRO muster.main.majority_vote(ratings) AS TABLE
WITH _muster_rating AS MATERIALIZED (
    SELECT
        muster.main._muster_given_id('majority_vote', _muster_id) AS _muster_id,
        muster.main._muster_class(_muster_label) AS _muster_class
    FROM muster.main._muster_ratings('majority_vote', ratings)
),
_muster_spelling AS (
    FROM muster.main._muster_spelled(_muster_rating)
),
_muster_count AS (
    SELECT _muster_id, _muster_spelled AS _muster_label, count(_muster_spelled) AS _muster_votes
    FROM _muster_rating
    LEFT JOIN _muster_spelling USING (_muster_class)
    GROUP BY _muster_id, _muster_label
),
_muster_profile AS (
    SELECT
        _muster_id,
        CAST(sum(_muster_votes) AS BIGINT) AS _muster_n,
        max(_muster_votes) AS _muster_most,
        arg_max(_muster_label, _muster_votes) AS _muster_label,
        list(_muster_votes) AS _muster_all
    FROM _muster_count
    GROUP BY _muster_id
)
SELECT
    _muster_id AS profile_id,
    CASE WHEN _muster_tie OR _muster_n = 0 THEN NULL ELSE _muster_label END AS label,
    CASE WHEN _muster_n > 0 THEN _muster_most / _muster_n END AS share,
    _muster_n AS n,
    _muster_tie AS tie
FROM (
    SELECT
        *,
        _muster_n > 0 AND len(list_filter(_muster_all, lambda votes: votes = _muster_most)) > 1 AS _muster_tie
    FROM _muster_profile
)
ORDER BY _muster_id;
