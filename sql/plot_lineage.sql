-- plot_lineage: Which table is made from which: a graph in layers from left to right.
-- section: Plots
--
-- Arrows lead from a table to those that are made from it and cross no box; one that closes a cycle is dashed. Long names
-- take two lines and then end in …, the whole name shows under the pointer. A graph that is too wide is shown smaller, and
-- a note says how wide it is. Up to 400 tables, those with the most arrows, and up to 4000 arrows, those over the fewest layers; a row
-- without a source is a table of its own, a row without a target is counted in a note.
--
-- arguments:
--   edges      relation with source and target, such as `lineage` returns; kind where there is one
-- specification:
--   The tables at the places that the picture has, joined by straight lines: Vega-Lite lays out no graphs. What is left out
--   is said in the subtitle.
-- example:
--   WITH edges AS (SELECT * FROM (VALUES ('cvs', 'keywords'), ('keywords', 'ratings'), ('ratings', 'estimates')) AS t(source, target))
--   SELECT decode(svg)[:38] AS svg FROM muster.plot_lineage(edges);
CREATE MACRO muster.main.plot_lineage(edges) AS TABLE
WITH _muster_edges AS (
    -- what a relation may lack
    SELECT NULL AS kind
    WHERE false
    UNION ALL BY NAME
    SELECT * FROM query_table(edges)
)
SELECT
    _muster_edges.source,
    _muster_edges.target,
    _muster_edges.kind
FROM _muster_edges;
