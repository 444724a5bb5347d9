-- _muster_counts: People alike in company, truth and labels, counted into one list for a kernel.
-- section: Helpers
--
-- The input may be the rows of `_muster_people` of any number of people: what comes out is as long as there are
-- kinds of people.
--
-- columns:
--   _muster_counts STRUCT[]    kind, name, truth, seen, yes, count, headcount
CREATE MACRO muster.main._muster_counts(people) AS TABLE
SELECT
    coalesce(
        list({
            kind: _muster_kind,
            name: _muster_name,
            truth: _muster_truth,
            seen: _muster_seen,
            yes: _muster_yes,
            count: _muster_total,
            headcount: _muster_stated
        }),
        []
    ) AS _muster_counts
FROM (
    SELECT
        _muster_kind,
        _muster_name,
        _muster_truth,
        CASE WHEN _muster_kind = 'unknown' THEN 0 ELSE _muster_seen END AS _muster_seen,
        CASE WHEN _muster_kind = 'unknown' THEN 0 ELSE _muster_yes END AS _muster_yes,
        CAST(sum(_muster_count) AS BIGINT) AS _muster_total,
        -- one that is no headcount must not hide behind a larger one
        coalesce(
            min(_muster_headcount) FILTER (NOT muster.main._muster_is_headcount(_muster_headcount)),
            max(_muster_headcount)
        ) AS _muster_stated
    FROM query_table(people)
    GROUP BY ALL
);
