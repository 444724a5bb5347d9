-- study_filters: The three keyword filters of the published study, as lists of terms.
-- section: Keywords
--
-- All three want a term of machine learning. `filter_broad_yes` wants one of research besides, `filter_strict_no` none
-- of those that are met with other people; `filter_broad_yes_strict_no` is the AND of the two: an estimator drops it
-- and says so. Published were regular expressions of whole words in any case; as terms a space also stands for a hyphen
-- or a line break (`keyword_filter`). `machine_learning_filters` are wider. Ratings are made by
-- `keyword_filter(profiles, text, (SELECT list(f) FROM muster.study_filters() AS f))`; rows may be left out, and lists
-- changed.
--
-- columns:
--   annotator VARCHAR    name of the filter
--   any_of VARCHAR[]     some of these terms
--   all_of VARCHAR[][]   of each of these lists some term
--   none_of VARCHAR[]    none of these terms
-- example:
--   SELECT annotator, len(any_of) AS any_of, len(all_of) AS all_of, len(none_of) AS none_of, any_of[:3] AS first_terms
--   FROM muster.study_filters();
CREATE MACRO muster.main.study_filters() AS TABLE
WITH _muster_words AS (
    SELECT
        [
            'machine learning', 'machinelearning', 'ml', 'deep learning', 'reinforcement learning', 'rl'
        ] AS _muster_learning,
        [
            'augmented generation', 'agent reinforcement', 'mats scholar', 'mats', 'research scientist', 'evals',
            'interpretability', 'feature engineering', 'research intern', 'candidate', 'graduate research assistant',
            'science institute', 'staff research scientist', 'doctor'
        ] AS _muster_broad,
        [
            'certificate', 'programmer', 'council', 'companies', 'capital', 'proven track record', 'pilot', 'money',
            'specialist', 'chief', 'udemy', 'track record', 'customer', 'management', 'today', 'cross functional',
            'administrator', 'excellence', 'commerce', 'linkedin', 'leader', 'incident', 'tier', 'brand',
            'investment', 'hr', 'sites', 'offerings', 'prior', 'centers', 'advising', 'certified information',
            'key responsibilities', 'master data', 'anti', 'deadlines', 'physiology', 'carbon', 'impacts',
            'certified machine', 'qualification'
        ] AS _muster_strict_no
),
_muster_filters AS (
    SELECT unnest([
        {
            annotator: 'filter_broad_yes', any_of: _muster_learning, all_of: [_muster_broad],
            none_of: CAST([] AS VARCHAR[])
        },
        {
            annotator: 'filter_strict_no', any_of: _muster_learning, all_of: CAST([] AS VARCHAR[][]),
            none_of: _muster_strict_no
        },
        {
            annotator: 'filter_broad_yes_strict_no', any_of: _muster_learning, all_of: [_muster_broad],
            none_of: _muster_strict_no
        }
    ]) AS _muster_row
    FROM _muster_words
)
SELECT unnest(_muster_row)
FROM _muster_filters;
