-- headcount_total: Joint totals over companies, from the draws an estimate has kept.
-- section: Estimates
--
-- The draws of a replicate are added up over companies and then summarised: quantiles of the sum, since the sum of
-- quantiles is no quantile. Companies share the gold people, so their errors do not average out. One row, or one row a
-- stratum, ordered by stratum.
--
-- arguments:
--   estimates   relation made by `fit_probit_bootstrap(…, keep_draws := true)`, also after a CSV file has made text of its draws;
--               where it has the estimate too, draws must have that mean; where it has the note, what is doubted is told
--   stratum     expression over estimates: what to total by; NULL = everything
--   level       of the interval, between 0 and 1
-- columns:
--   stratum ANY          as given
--   companies BIGINT     number of companies
--   headcount BIGINT     their employees
--   estimate DOUBLE      mean of the summed draws
--   median DOUBLE        their median, like the limits to six decimals
--   lower DOUBLE         their quantile at (1 - level) / 2
--   upper DOUBLE         their quantile at (1 + level) / 2
--   note VARCHAR         what the notes of the companies doubt, each once, with their number where it is not all of them; NULL = nothing
-- example:
--   CREATE OR REPLACE TEMP TABLE estimates AS
--   FROM muster.fit_probit_bootstrap(ratings, profiles, company, is_expert, headcount := headcount, keep_draws := true);
--   FROM muster.headcount_total(estimates);
CREATE MACRO muster.main.headcount_total(estimates, stratum := NULL, level := 0.8) AS TABLE
WITH _muster_estimate AS (
    WITH _muster_rows AS (
        FROM query_table(estimates)
    )
    -- what a relation may lack
    SELECT _muster_given.*
    FROM (SELECT NULL AS draws, NULL AS estimate, NULL AS note, NULL AS headcount, NULL AS company) AS _muster_a, LATERAL (
        SELECT
            stratum AS _muster_stratum,
            muster.main._muster_headcount('headcount_total', headcount) AS _muster_headcount,
            CASE
                WHEN draws IS NULL
                    THEN error('headcount_total: estimates has no draws, make it with keep_draws := true')
                ELSE muster.main._muster_kept('headcount_total', draws, estimate)
            END AS _muster_draws,
            CAST(note AS VARCHAR) AS _muster_note,
            CAST(company AS VARCHAR) AS _muster_company
        FROM _muster_rows
    ) AS _muster_given
),
_muster_level AS (
    SELECT CASE
        WHEN coalesce(
            TRY_CAST(CAST(level AS VARCHAR) AS DOUBLE) > 0 AND TRY_CAST(CAST(level AS VARCHAR) AS DOUBLE) < 1,
            false
        ) THEN TRY_CAST(CAST(level AS VARCHAR) AS DOUBLE)
        ELSE error(
            'headcount_total: level must lie between 0 and 1, got ' || coalesce(CAST(level AS VARCHAR), 'NULL')
        )
    END AS _muster_level
),
_muster_company AS (
    SELECT
        _muster_stratum,
        count(*) AS _muster_companies,
        CASE
            WHEN count(_muster_company) > count(DISTINCT _muster_company)
                THEN error(
                    'headcount_total: company must be in estimates once a stratum, '''
                    || list_filter(map_entries(histogram(_muster_company)), lambda entry: entry.value > 1)[1].key
                    || ''' is there more often; total by a stratum, or take one estimate of it'
                )
            WHEN bool_or(_muster_headcount IS NULL) THEN error('headcount_total: estimates must have a headcount in every row')
            WHEN coalesce(min(len(_muster_draws)), 1) = 0 THEN error('headcount_total: draws must not be empty')
            WHEN min(len(_muster_draws)) <> max(len(_muster_draws))
                THEN error(
                    'headcount_total: every company must have the same number of draws, got '
                    || CAST(min({draws: len(_muster_draws), company: _muster_company}) AS VARCHAR) || ' and '
                    || CAST(max({draws: len(_muster_draws), company: _muster_company}) AS VARCHAR)
                )
            ELSE CAST(sum(_muster_headcount) AS BIGINT)
        END AS _muster_headcount
    FROM _muster_estimate
    GROUP BY _muster_stratum
),
_muster_doubt AS (
    SELECT _muster_stratum, _muster_text, count(*) AS _muster_times
    FROM (
        SELECT _muster_stratum, unnest(list_distinct(string_split(_muster_note, '; '))) AS _muster_text
        FROM _muster_estimate
    )
    GROUP BY _muster_stratum, _muster_text
),
_muster_noted AS (
    SELECT
        _muster_doubt._muster_stratum,
        string_agg(
            CASE WHEN _muster_times < _muster_companies
                THEN _muster_times || ' of ' || _muster_companies || ' companies: '
                ELSE ''
            END || _muster_text,
            '; ' ORDER BY _muster_times DESC, _muster_text
        ) AS _muster_note
    FROM _muster_doubt
    JOIN _muster_company ON _muster_doubt._muster_stratum IS NOT DISTINCT FROM _muster_company._muster_stratum
    GROUP BY _muster_doubt._muster_stratum
),
_muster_sum AS (
    SELECT _muster_stratum, _muster_replicate, sum(_muster_draw) AS _muster_experts
    FROM (
        SELECT
            _muster_stratum,
            unnest(_muster_draws) AS _muster_draw,
            generate_subscripts(_muster_draws, 1) AS _muster_replicate
        FROM _muster_estimate
    )
    GROUP BY _muster_stratum, _muster_replicate
),
_muster_total AS (
    SELECT
        _muster_stratum,
        avg(_muster_experts) AS _muster_mean,
        list_sort(list(CAST(_muster_experts AS DOUBLE))) AS _muster_sorted
    FROM _muster_sum
    GROUP BY _muster_stratum
)
SELECT
    _muster_company._muster_stratum AS stratum,
    _muster_companies AS companies,
    _muster_headcount AS headcount,
    _muster_mean AS estimate,
    round(muster.main._muster_quantile(_muster_sorted, 0.5), 6) AS median,
    round(muster.main._muster_quantile(_muster_sorted, 0.5 * (1 - _muster_level)), 6) AS lower,
    round(muster.main._muster_quantile(_muster_sorted, 0.5 * (1 + _muster_level)), 6) AS upper,
    _muster_note AS note
FROM _muster_company
JOIN _muster_total ON _muster_company._muster_stratum IS NOT DISTINCT FROM _muster_total._muster_stratum
LEFT JOIN _muster_noted ON _muster_company._muster_stratum IS NOT DISTINCT FROM _muster_noted._muster_stratum
CROSS JOIN _muster_level
ORDER BY _muster_company._muster_stratum;
