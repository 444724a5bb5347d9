-- check_inputs: What is wrong, or odd, with profiles and ratings, before anything is estimated from them.
-- section: Inputs
--
-- One row a rule that is violated, with how often and some of the values; no rows mean that all is well. An 'error' makes
-- the estimators stop with the same complaint; a 'warning' is allowed and changes what they do. Names are written in one way
-- when no two look alike: case, white space, characters without width, composed or full-width letters do not set them apart. Nothing in the tables can
-- make the check itself fail. That ten gold people of each class have labels is what the probit model needs; where nobody is gold
-- there are other methods, and no error. An annotator's yes rate in companies can lie between its rates among gold others and gold experts only; one that lies outside both by more than 2.5 standard errors is named, and then others by more than
-- 1.75: gold people and employees are not one population for them, and estimates are better without. Ordered by severity, relation
-- and rule.
--
-- arguments:
--   profiles      relation with profile_id and the columns the next arguments name
--   ratings       relation with profile_id, annotator, label
--   company       expression over profiles: the company; NULL = none
--   truth         expression over profiles: is the person an expert; NULL = no gold label
--   headcount     expression over profiles: employees of the company
--   weight        expression over profiles: how many people with the same labels the row stands for, a whole number; 0 = nobody
--   gold_weight   expression over profiles: the inverse of a gold person's chance to be chosen, a positive number
-- columns:
--   severity VARCHAR     error or warning
--   relation VARCHAR     profiles or ratings
--   rule VARCHAR         what should hold
--   n BIGINT             how many values violate it
--   examples VARCHAR[]   up to five of them, in order
-- example:
--   WITH typed AS (SELECT 1 AS profile_id, 'intern' AS annotator, 'perhaps' AS label)
--   SELECT severity, rule, examples FROM muster.check_inputs(profiles, typed, company, is_expert, headcount);
CREATE MACRO muster.main.check_inputs(
    profiles,
    ratings,
    company := NULL,
    truth := NULL,
    headcount := NULL,
    weight := 1,
    gold_weight := 1
) AS TABLE
WITH _muster_profile AS MATERIALIZED (
    WITH _muster_rows AS (
        FROM query_table(profiles)
    )
    SELECT _muster_given.*
    FROM (SELECT profile_id FROM muster.main._muster_absent()) AS _muster_a, LATERAL (
        SELECT
            muster.main._muster_id('check_inputs', 'profiles', typeof(_muster_p), profile_id) AS _muster_id,
            CAST(muster.main._muster_value(company) AS VARCHAR) AS _muster_company,
            muster.main._muster_blank(company) AS _muster_company_blank,
            typeof(company) <> '"NULL"' AS _muster_company_given,
            CAST(truth AS VARCHAR) AS _muster_truth,
            muster.main._muster_reading(truth) AS _muster_reading,
            muster.main._muster_blank(truth) AS _muster_blank,
            CAST(headcount AS VARCHAR) AS _muster_headcount,
            CAST(weight AS VARCHAR) AS _muster_weight,
            CAST(gold_weight AS VARCHAR) AS _muster_gold_weight
        FROM _muster_rows AS _muster_p
    ) AS _muster_given
),
_muster_label AS MATERIALIZED (
    SELECT
        _muster_id,
        CAST(muster.main._muster_value(_muster_annotator) AS VARCHAR) AS _muster_annotator,
        CAST(_muster_label AS VARCHAR) AS _muster_label,
        muster.main._muster_reading(_muster_given._muster_label) AS _muster_reading,
        muster.main._muster_blank(_muster_given._muster_label) AS _muster_blank
    FROM muster.main._muster_ratings('check_inputs', ratings) AS _muster_given
),
_muster_types AS (
    SELECT
        (SELECT typeof(_muster_id) FROM _muster_label LIMIT 1) AS _muster_ratings_type,
        (SELECT typeof(_muster_id) FROM _muster_profile LIMIT 1) AS _muster_profiles_type
),
-- ids of both relations are brought to one type, as the estimators do
_muster_both AS MATERIALIZED (
    SELECT
        _muster_id, true AS _muster_is_profile, _muster_reading, _muster_blank,
        _muster_company, _muster_company_blank, _muster_truth, _muster_headcount, _muster_weight, _muster_gold_weight,
        NULL AS _muster_annotator, NULL AS _muster_label
    FROM _muster_profile
    UNION ALL
    SELECT _muster_id, false, _muster_reading, _muster_blank, NULL, NULL, NULL, NULL, NULL, NULL, _muster_annotator, _muster_label
    FROM _muster_label
),
_muster_person AS (
    SELECT
        CAST(_muster_id AS VARCHAR) AS _muster_id,
        _muster_company,
        _muster_company_blank,
        _muster_truth,
        _muster_reading,
        _muster_blank,
        _muster_headcount,
        _muster_weight,
        -- people of the row; one where the weight is none
        CASE WHEN muster.main._muster_is_weight(_muster_weight) THEN TRY_CAST(_muster_weight AS DOUBLE) ELSE 1 END AS _muster_people,
        _muster_gold_weight
    FROM _muster_both
    WHERE _muster_is_profile
),
_muster_rating AS (
    SELECT CAST(_muster_id AS VARCHAR) AS _muster_id, _muster_annotator, _muster_label, _muster_reading, _muster_blank
    FROM _muster_both
    WHERE NOT _muster_is_profile
),
_muster_fallen AS (
    SELECT muster.main._muster_lost(_muster_ratings_type, _muster_profiles_type, _muster_id) AS _muster_lost
    FROM (SELECT DISTINCT _muster_id FROM _muster_both), _muster_types
),
-- labels of gold people
_muster_gold AS MATERIALIZED (
    SELECT _muster_id, _muster_annotator, _muster_person._muster_reading AS _muster_class
    FROM _muster_rating
    JOIN _muster_person USING (_muster_id)
    WHERE _muster_person._muster_reading IN ('yes', 'no') AND _muster_people > 0
        AND _muster_rating._muster_reading IN ('yes', 'no') AND _muster_annotator IS NOT NULL
),
-- an annotator is not calibrated where one class has labels, and none of its
_muster_annotators AS MATERIALIZED (
    SELECT
        _muster_annotator,
        count(DISTINCT _muster_class) = greatest((SELECT count(DISTINCT _muster_class) FROM _muster_gold), 1) AS _muster_calibrated
    FROM (SELECT DISTINCT _muster_annotator FROM _muster_rating WHERE _muster_annotator IS NOT NULL)
    LEFT JOIN _muster_gold USING (_muster_annotator)
    GROUP BY _muster_annotator
),
-- gold people, and those with labels of an annotator that is calibrated
_muster_classes AS (
    SELECT
        coalesce(sum(_muster_people), 0) AS _muster_all,
        coalesce(sum(_muster_people) FILTER (_muster_has_labels AND _muster_reading = 'yes'), 0) AS _muster_experts,
        coalesce(sum(_muster_people) FILTER (_muster_has_labels AND _muster_reading = 'no'), 0) AS _muster_others
    FROM (
        SELECT
            _muster_people,
            _muster_reading,
            coalesce(_muster_id IN (
                SELECT _muster_id FROM _muster_gold JOIN _muster_annotators USING (_muster_annotator) WHERE _muster_calibrated
            ), false) AS _muster_has_labels
        FROM _muster_person
        WHERE _muster_reading IN ('yes', 'no')
    )
),
-- each annotator's yes rate among all people of companies, gold or not, since those who are left after gold people were drawn by their labels are
-- no mixture of the classes, and among gold people of both classes, with its variance: that of Beta(k + 1/2, n - k + 1/2), n the number of people
-- that the weights are worth
_muster_rates AS (
    SELECT
        _muster_annotator,
        _muster_class,
        _muster_rate,
        (_muster_rate * _muster_n + 0.5) * (_muster_n - _muster_rate * _muster_n + 0.5)
            / (_muster_n + 1) ** 2 / (_muster_n + 2) AS _muster_variance
    FROM (
        SELECT
            _muster_annotator,
            _muster_class,
            sum(_muster_people * _muster_share * (_muster_rating._muster_reading = 'yes')::INTEGER)
                / sum(_muster_people * _muster_share) AS _muster_rate,
            sum(_muster_people * _muster_share) ** 2 / sum(_muster_people * _muster_share ** 2) AS _muster_n
        FROM _muster_rating
        JOIN (
            SELECT
                _muster_id,
                _muster_people,
                _muster_reading AS _muster_class,
                CASE WHEN muster.main._muster_is_gold_weight(_muster_gold_weight)
                    THEN TRY_CAST(_muster_gold_weight AS DOUBLE) ELSE 1 END AS _muster_share
            FROM _muster_person
            WHERE _muster_people > 0 AND _muster_reading IN ('yes', 'no')
            UNION ALL
            SELECT _muster_id, _muster_people, 'company', 1
            FROM _muster_person
            WHERE _muster_people > 0 AND _muster_company IS NOT NULL
        ) AS _muster_person USING (_muster_id)
        WHERE _muster_rating._muster_reading IN ('yes', 'no') AND _muster_annotator IS NOT NULL
        GROUP BY ALL
    )
),
_muster_nearest AS (
    SELECT
        _muster_annotator,
        max(_muster_rate) FILTER (_muster_class = 'company') AS _muster_company_rate,
        max(_muster_variance) FILTER (_muster_class = 'company') AS _muster_company_variance,
        max(_muster_rate) FILTER (_muster_class = 'no') AS _muster_others,
        max(_muster_rate) FILTER (_muster_class = 'yes') AS _muster_experts,
        min({rate: _muster_rate, variance: _muster_variance}) FILTER (_muster_class <> 'company') AS _muster_low,
        max({rate: _muster_rate, variance: _muster_variance}) FILTER (_muster_class <> 'company') AS _muster_high
    FROM _muster_rates
    GROUP BY _muster_annotator
    HAVING count(*) = 3
),
_muster_shifted AS (
    SELECT
        *,
        sqrt(_muster_company_variance + _muster_near.variance) AS _muster_se,
        abs(_muster_company_rate - _muster_near.rate) / _muster_se AS _muster_away
    FROM (
        SELECT
            *,
            CASE WHEN _muster_company_rate < _muster_low.rate THEN _muster_low ELSE _muster_high END AS _muster_near
        FROM _muster_nearest
        WHERE _muster_company_rate < _muster_low.rate OR _muster_company_rate > _muster_high.rate
    )
    -- who lies that far shows that there is a shift; then less will do
    QUALIFY _muster_away > 1.75 AND max(_muster_away) OVER () > 2.5
),
_muster_companies AS (
    SELECT
        _muster_company,
        count(*) AS _muster_rows,
        CAST(least(sum(_muster_people), 9e18) AS BIGINT) AS _muster_people,
        count(DISTINCT TRY_CAST(_muster_headcount AS DOUBLE)) AS _muster_values,
        max(TRY_CAST(_muster_headcount AS DOUBLE)) AS _muster_headcount
    FROM _muster_person
    WHERE _muster_company IS NOT NULL AND _muster_people > 0
    GROUP BY _muster_company
),
_muster_violation AS (
    SELECT 'error' AS _muster_severity, 'profiles' AS _muster_relation, 'profile_id is not NULL' AS _muster_rule,
        'missing' AS _muster_example
    FROM _muster_person
    WHERE _muster_id IS NULL
    UNION ALL
    SELECT 'error', 'profiles', 'profile_id is unique', _muster_id
    FROM _muster_person
    WHERE _muster_id IS NOT NULL
    GROUP BY _muster_id
    HAVING count(*) > 1
    UNION ALL
    SELECT 'error', 'profiles', 'truth is true or false, 1 or 0, yes or no, or NULL', _muster_truth
    FROM _muster_person
    WHERE _muster_reading = 'other'
    UNION ALL
    SELECT 'error', 'profiles', 'headcount is a whole number from 0 to 9007199254740992 or NULL', _muster_headcount
    FROM _muster_person
    WHERE _muster_headcount IS NOT NULL
        AND (_muster_people > 0 OR TRY_CAST(_muster_headcount AS DOUBLE) IS NULL)
        AND NOT muster.main._muster_is_headcount(_muster_headcount)
        -- a number of somebody without a company is of no company
        AND (_muster_company IS NOT NULL OR TRY_CAST(_muster_headcount AS DOUBLE) IS NULL)
    UNION ALL
    SELECT 'error', 'profiles', 'weight is a whole number from 0 to 9007199254740992', coalesce(_muster_weight, 'missing')
    FROM _muster_person
    WHERE NOT muster.main._muster_is_weight(_muster_weight)
    UNION ALL
    SELECT 'error', 'profiles', 'weights add up to at most 9007199254740992 people', CAST(_muster_all AS VARCHAR)
    FROM (SELECT sum(CAST(_muster_people AS HUGEINT)) AS _muster_all FROM _muster_person)
    WHERE _muster_all > 9007199254740992
    UNION ALL
    SELECT 'error', 'profiles', 'gold_weight of a gold person is a positive number', coalesce(_muster_gold_weight, 'missing')
    FROM _muster_person
    WHERE _muster_reading IN ('yes', 'no') AND NOT muster.main._muster_is_gold_weight(_muster_gold_weight)
    UNION ALL
    SELECT 'error', 'ratings', 'profile_id compares with that of profiles without loss', _muster_lost
    FROM _muster_fallen
    WHERE _muster_lost IS NOT NULL
    UNION ALL
    SELECT 'error', 'ratings', 'annotator is not NULL', coalesce(_muster_id, 'missing')
    FROM _muster_rating
    WHERE _muster_annotator IS NULL
    UNION ALL
    SELECT 'error', 'ratings', 'label is true or false, 1 or 0, yes or no, or NULL', _muster_label
    FROM _muster_rating
    WHERE _muster_reading = 'other'
    UNION ALL
    SELECT 'error', 'ratings', 'one row a person and annotator', _muster_id || ', ' || _muster_annotator
    FROM _muster_rating
    WHERE _muster_id IS NOT NULL AND _muster_annotator IS NOT NULL
    GROUP BY _muster_id, _muster_annotator
    HAVING count(*) > 1
    UNION ALL
    SELECT 'error', 'ratings', 'at most 32 annotators', CAST(_muster_n AS VARCHAR) || ' annotators'
    FROM (SELECT count(*) AS _muster_n FROM _muster_annotators)
    WHERE _muster_n > 32
    UNION ALL
    SELECT 'error', 'ratings', 'at least 10 gold experts and 10 gold others have labels',
        printf('%.0f experts, %.0f others', _muster_experts, _muster_others)
    FROM _muster_classes
    WHERE _muster_all > 0 AND (_muster_experts < 10 OR _muster_others < 10)
    UNION ALL
    SELECT 'warning', 'ratings', 'at most 12 annotators for the checks of drift and of fit',
        CAST(_muster_n AS VARCHAR) || ' annotators'
    FROM (SELECT count(*) AS _muster_n FROM _muster_annotators)
    WHERE _muster_n BETWEEN 13 AND 32
    UNION ALL
    SELECT 'warning', 'profiles', 'company is not blank (else the person has none)', 'blank'
    FROM _muster_person
    WHERE _muster_company_blank
    UNION ALL
    SELECT 'warning', 'profiles', 'somebody has a company (else no company is estimated)', 'none'
    FROM _muster_profile
    HAVING bool_or(_muster_company_given) AND count(_muster_company) = 0
    UNION ALL
    SELECT 'warning', 'profiles', 'truth is not blank (else nobody has rated the person)', 'blank'
    FROM _muster_person
    WHERE _muster_blank
    UNION ALL
    SELECT 'warning', 'profiles', 'a company has people of a weight above 0 (else it is left out)', _muster_company
    FROM _muster_person
    WHERE _muster_company IS NOT NULL
    GROUP BY _muster_company
    HAVING max(_muster_people) = 0
    UNION ALL
    SELECT 'warning', 'profiles', 'company is written in one way', string_agg(_muster_company, ' = ' ORDER BY _muster_company)
    FROM _muster_companies
    GROUP BY muster_look(_muster_company)
    HAVING count(*) > 1
    UNION ALL
    SELECT 'warning', 'profiles', 'company differs between people (a constant makes one company of all)', _muster_company
    FROM _muster_companies
    WHERE _muster_rows > 1 AND _muster_rows = (SELECT count(*) FROM _muster_person WHERE _muster_people > 0)
    UNION ALL
    SELECT 'warning', 'profiles', 'a company has one headcount (the largest counts)', _muster_company
    FROM _muster_companies
    WHERE _muster_values > 1
    UNION ALL
    SELECT 'warning', 'profiles', 'headcount is at least the number of profiles (else it is raised to it)',
        _muster_company || ': ' || CAST(_muster_headcount AS VARCHAR) || ' < ' || CAST(_muster_people AS VARCHAR)
    FROM _muster_companies
    WHERE _muster_headcount < _muster_people
    UNION ALL
    SELECT 'warning', 'profiles', 'there are gold people (else no annotator can be calibrated)', 'none'
    FROM _muster_classes
    WHERE _muster_all = 0
    UNION ALL
    SELECT 'warning', 'ratings', 'there are labels', 'none'
    WHERE NOT EXISTS (FROM _muster_rating WHERE _muster_reading IN ('yes', 'no'))
    UNION ALL
    SELECT 'warning', 'ratings', 'label is not blank (else it is missing)', 'blank'
    FROM _muster_rating
    WHERE _muster_blank
    UNION ALL
    SELECT 'warning', 'ratings', 'every rating is of a profile (else it is ignored)', coalesce(_muster_id, 'missing')
    FROM _muster_rating
    WHERE _muster_id IS NULL OR _muster_id NOT IN (
        SELECT _muster_id FROM _muster_person WHERE _muster_id IS NOT NULL
    )
    UNION ALL
    SELECT 'warning', 'ratings',
        'an annotator''s yes rate in companies lies between those of gold others and gold experts (else leave it out)',
        printf(
            '%s: %.4f in companies, %.4f of gold others, %.4f of gold experts, standard error %.4f',
            _muster_annotator, _muster_company_rate, _muster_others, _muster_experts, _muster_se
        )
    FROM _muster_shifted
    UNION ALL
    SELECT 'warning', 'ratings', 'annotator is written in one way', string_agg(_muster_annotator, ' = ' ORDER BY _muster_annotator)
    FROM _muster_annotators
    GROUP BY muster_look(_muster_annotator)
    HAVING count(*) > 1
    UNION ALL
    SELECT 'warning', 'ratings', 'every annotator has labels of gold people of both classes (else it cannot be calibrated)',
        _muster_annotator
    FROM _muster_annotators
    WHERE NOT _muster_calibrated
)
SELECT
    _muster_severity AS severity,
    _muster_relation AS relation,
    _muster_rule AS rule,
    count(*) AS n,
    min(DISTINCT _muster_example, 5) AS examples
FROM _muster_violation
GROUP BY _muster_severity, _muster_relation, _muster_rule
ORDER BY _muster_severity, _muster_relation, _muster_rule;
