-- _muster_lists: The columns of lists of keywords, as they are.
-- section: Helpers
--
-- A macro of its own: in one with an argument `label` no column of that name could be asked for.
--
-- columns:
--   _muster_name ANY      list
--   _muster_own ANY       label: the class it is of
--   _muster_keyword ANY   keyword
CREATE MACRO muster.main._muster_lists(caller, lists) AS TABLE
WITH _muster_rows AS (
    FROM query_table(lists)
)
SELECT _muster_given.*
FROM (SELECT list, label, keyword FROM muster.main._muster_absent()) AS _muster_a, LATERAL (
    SELECT
        muster.main._muster_column(caller, 'lists', 'list', typeof(_muster_r), list) AS _muster_name,
        muster.main._muster_column(caller, 'lists', 'label', typeof(_muster_r), label) AS _muster_own,
        muster.main._muster_column(caller, 'lists', 'keyword', typeof(_muster_r), keyword) AS _muster_keyword
    FROM _muster_rows AS _muster_r
) AS _muster_given;
