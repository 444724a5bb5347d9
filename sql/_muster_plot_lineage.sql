-- _muster_plot_lineage: Rows of `plot_lineage` and of its specification, and what is made of them.
-- section: Helpers
CREATE MACRO muster.main._muster_plot_lineage(caller, edges, title, subtitle, width, height) AS TABLE
WITH _muster_edges AS (
    -- what a relation may lack
    SELECT NULL AS kind
    WHERE false
    UNION ALL BY NAME
    SELECT * FROM query_table(edges)
),
_muster_row AS (
    SELECT
        [CAST(_muster_edges.source AS VARCHAR), CAST(_muster_edges.target AS VARCHAR), CAST(_muster_edges.kind AS VARCHAR)] AS _muster_texts,
        CAST([] AS DOUBLE[]) AS _muster_numbers
    FROM _muster_edges
),
_muster_options AS (
    SELECT CAST(to_json({
        title: CAST(title AS VARCHAR),
        subtitle: CAST(subtitle AS VARCHAR),
        width: CAST(width AS VARCHAR),
        height: CAST(height AS VARCHAR)
    }) AS VARCHAR) AS _muster_json
)
FROM muster.main._muster_drawn(caller, _muster_row, _muster_options);
