-- dawid_skene: The truth behind labels of several annotators, by EM without gold people.
-- section: Truth without gold people
--
-- The model of Dawid and Skene (1979): each annotator has a confusion matrix, and labels are independent given the true class.
-- Any number of classes and annotators, missing labels, and several labels of one annotator on one profile, which all
-- count. EM starts at the shares of each profile's labels. Gold labels are held fixed. One row a profile and
-- class, ordered by both: `WHERE class = label` leaves the most likely one. A profile without labels has the prevalences.
-- Annotators that err together make it too sure of itself; `fit_probit_bootstrap` has their correlations.
--
-- arguments:
--   ratings          relation with profile_id, annotator, label; labels of any type, as in `majority_vote`; NULL, NaN or no row = missing
--   profiles         relation with profile_id and the truth of some people; none needed
--   truth            expression over profiles: the gold label, spelled as in ratings or, of yes and no, in any way; NULL = none
--   max_iterations   of EM, 1 to 1000000
--   tolerance        EM ends when the log-likelihood gains less than this share of itself
-- columns:
--   profile_id ANY        as in ratings
--   class VARCHAR         a label that occurs in ratings
--   probability DOUBLE    that it is the profile's true class
--   label VARCHAR         the profile's most likely class; of equals the first in the order of text
--   n_labels BIGINT       labels of the profile
-- example:
--   SELECT profile_id, label, round(probability, 3) AS probability, n_labels
--   FROM muster.dawid_skene(ratings)
--   WHERE class = label ORDER BY profile_id LIMIT 3;
CREATE MACRO muster.main.dawid_skene(
    ratings,
    profiles := 'muster.main._muster_none',
    truth := NULL,
    max_iterations := 1000,
    tolerance := 1e-9
) AS TABLE
WITH _muster_rating AS MATERIALIZED (
    FROM muster.main._muster_labels('dawid_skene', ratings, profiles, truth)
),
_muster_call AS (
    SELECT _muster_labels, muster_options(classes: _muster_n_classes) AS _muster_asked
    FROM muster.main._muster_label_list(_muster_rating)
),
_muster_result AS (
    SELECT unnest(_muster_row)
    FROM (SELECT unnest(muster_dawid_skene(_muster_labels, _muster_asked)) AS _muster_row FROM _muster_call)
),
_muster_classes AS (
    SELECT DISTINCT _muster_label, _muster_class FROM _muster_rating WHERE _muster_label IS NOT NULL
),
_muster_items AS (
    SELECT DISTINCT _muster_item, _muster_id FROM _muster_rating
)
SELECT
    _muster_items._muster_id AS profile_id,
    _muster_true._muster_class AS class,
    _muster_result.probability,
    _muster_likely._muster_class AS label,
    _muster_result.n_labels
FROM _muster_result
JOIN _muster_items ON _muster_items._muster_item = _muster_result.item
JOIN _muster_classes AS _muster_true ON _muster_true._muster_label = _muster_result.class
JOIN _muster_classes AS _muster_likely ON _muster_likely._muster_label = _muster_result.label
ORDER BY _muster_result.item, _muster_result.class;
