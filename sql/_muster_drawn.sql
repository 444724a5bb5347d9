-- _muster_drawn: What the plot `caller` makes of a relation of rows, as texts and numbers, and one of options.
-- section: Helpers
CREATE MACRO muster.main._muster_drawn(caller, given, options) AS TABLE
SELECT _muster_unnested.picture AS _muster_picture
FROM (
    SELECT unnest(muster_plot(_muster_rows, _muster_json, [muster.main._muster_option('function', caller)])) AS _muster_unnested
    FROM (
        SELECT coalesce(list({texts: _muster_texts, numbers: _muster_numbers}), []) AS _muster_rows
        FROM query_table(given)
    ), query_table(options)
);
