-- dawid_skene_model: Log-likelihood, iterations and prevalences of dawid_skene, one number a row.
-- section: Truth without gold people
--
-- The log-likelihood is that of the labels as they came, without multinomial coefficients; `converged` is 1 when EM ended
-- by itself and 0 when max_iterations ended it.
--
-- arguments:
--   ratings          relation with profile_id, annotator, label; labels of any type, as in `majority_vote`; NULL, NaN or no row = missing
--   profiles         relation with profile_id and the truth of some people; none needed
--   truth            expression over profiles: the gold label, spelled as in ratings or, of yes and no, in any way; NULL = none
--   max_iterations   of EM, 1 to 1000000
--   tolerance        EM ends when the log-likelihood gains less than this share of itself
-- columns:
--   class VARCHAR      the class the number is about, NULL: all
--   quantity VARCHAR   profiles, gold, annotators, labels, iterations, converged, log_likelihood, prevalence
--   value DOUBLE       the number
-- example:
--   SELECT class, quantity, round(value, 3) AS value FROM muster.dawid_skene_model(ratings);
CREATE MACRO muster.main.dawid_skene_model(
    ratings,
    profiles := 'muster.main._muster_none',
    truth := NULL,
    max_iterations := 1000,
    tolerance := 1e-9
) AS TABLE
WITH _muster_rating AS MATERIALIZED (
    FROM muster.main._muster_labels('dawid_skene_model', ratings, profiles, truth)
),
_muster_call AS (
    SELECT _muster_labels, muster_options(classes: _muster_n_classes) AS _muster_asked
    FROM muster.main._muster_label_list(_muster_rating)
),
_muster_result AS (
    SELECT unnest(_muster_row)
    FROM (SELECT unnest(muster_dawid_skene_model(_muster_labels, _muster_asked)) AS _muster_row FROM _muster_call)
),
_muster_classes AS (
    SELECT DISTINCT _muster_label, _muster_class FROM _muster_rating WHERE _muster_label IS NOT NULL
)
SELECT _muster_classes._muster_class AS class, _muster_result.quantity, _muster_result.value
FROM _muster_result
LEFT JOIN _muster_classes ON _muster_classes._muster_label = _muster_result.class
ORDER BY
    list_position(
        ['profiles', 'gold', 'annotators', 'labels', 'iterations', 'converged', 'log_likelihood', 'prevalence'],
        _muster_result.quantity
    ),
    _muster_result.class;
