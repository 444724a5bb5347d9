-- dawid_skene_annotators: How each annotator confuses the classes, by EM without gold people.
-- section: Truth without gold people
--
-- The confusion matrices of `dawid_skene`: how likely an annotator gives each label to profiles of each class. Every
-- combination has a row, ordered by annotator, class and label.
--
-- arguments:
--   ratings          relation with profile_id, annotator, label; labels of any type, as in `majority_vote`; NULL, NaN or no row = missing
--   profiles         relation with profile_id and the truth of some people; none needed
--   truth            expression over profiles: the gold label, spelled as in ratings or, of yes and no, in any way; NULL = none
--   max_iterations   of EM, 1 to 1000000
--   tolerance        EM ends when the log-likelihood gains less than this share of itself
-- columns:
--   annotator VARCHAR     the annotator
--   class VARCHAR         true class
--   label VARCHAR         label given
--   probability DOUBLE    of the label given the class; NULL where the annotator saw no profile of the class
--   n DOUBLE              expected number of such labels
-- example:
--   SELECT annotator, class, label, round(probability, 3) AS probability, round(n) AS n
--   FROM muster.dawid_skene_annotators(ratings) LIMIT 4;
CREATE MACRO muster.main.dawid_skene_annotators(
    ratings,
    profiles := 'muster.main._muster_none',
    truth := NULL,
    max_iterations := 1000,
    tolerance := 1e-9
) AS TABLE
WITH _muster_rating AS MATERIALIZED (
    FROM muster.main._muster_labels('dawid_skene_annotators', ratings, profiles, truth)
),
_muster_call AS (
    SELECT _muster_labels, muster_options(classes: _muster_n_classes) AS _muster_asked
    FROM muster.main._muster_label_list(_muster_rating)
),
_muster_result AS (
    SELECT unnest(_muster_row)
    FROM (SELECT unnest(muster_dawid_skene_annotators(_muster_labels, _muster_asked)) AS _muster_row FROM _muster_call)
),
_muster_classes AS (
    SELECT DISTINCT _muster_label, _muster_class FROM _muster_rating WHERE _muster_label IS NOT NULL
),
_muster_annotators AS (
    SELECT DISTINCT _muster_annotator, _muster_name FROM _muster_rating
)
SELECT
    _muster_annotators._muster_name AS annotator,
    _muster_true._muster_class AS class,
    _muster_given._muster_class AS label,
    _muster_result.probability,
    _muster_result.n
FROM _muster_result
JOIN _muster_annotators ON _muster_annotators._muster_annotator = _muster_result.annotator
JOIN _muster_classes AS _muster_true ON _muster_true._muster_label = _muster_result.class
JOIN _muster_classes AS _muster_given ON _muster_given._muster_label = _muster_result.label
ORDER BY _muster_result.annotator, _muster_result.class, _muster_result.label;
