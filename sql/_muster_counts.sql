-- _muster_counts: People alike in company, truth, labels and gold weight, counted into one list for a kernel.
-- section: Helpers
--
-- The input may be the rows of `_muster_people` of any number of people: what comes out is as long as there are
-- kinds of people.
--
-- columns:
--   _muster_counts STRUCT[]    kind, name, truth, seen, yes, count, gold_weight, headcount
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
            gold_weight: _muster_gold_weight,
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
        -- one more than is possible is enough for the kernel's error
        CAST(least(sum(_muster_count), 9007199254740993) AS BIGINT) AS _muster_total,
        _muster_gold_weight,
        -- one that is no headcount must not hide behind a larger one
        coalesce(
            min(_muster_headcount) FILTER (_muster_count > 0 AND NOT muster.main._muster_is_headcount(_muster_headcount)),
            max(_muster_headcount) FILTER (_muster_count > 0)
        ) AS _muster_stated
    FROM query_table(people)
    GROUP BY ALL
);
