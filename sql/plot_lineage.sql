-- plot_lineage: Which table is made from which: a graph in layers from left to right.
-- section: Plots
--
-- Arrows lead from a table to those that are made from it and cross no box; one that closes a cycle is dashed. Long names
-- take two lines and then end in …, the whole name shows under the pointer. A graph that is too wide is shown smaller, and
-- a note says how wide it is. Up to 400 tables, those with the most arrows; a row without a source is a table of its own,
-- a row without a target is counted in a note.
--
-- One row: `COPY (FROM muster.plot_lineage(edges)) TO 'lineage.svg' (FORMAT blob)` writes the file.
--
-- arguments:
--   edges      relation with source and target, such as `lineage` returns; kind where there is one
--   title      of the picture; NULL = the plot's own, an empty text = none
--   subtitle   the same
--   width      pixels, 240 to 10000
--   height     pixels; NULL = as high as the rows need
-- columns:
--   svg BLOB   the picture
-- example:
--   WITH edges AS (SELECT * FROM (VALUES ('cvs', 'keywords'), ('keywords', 'ratings'), ('ratings', 'estimates')) AS t(source, target))
--   SELECT decode(svg)[:38] AS svg FROM muster.plot_lineage(edges);
CREATE MACRO muster.main.plot_lineage(edges, title := NULL, subtitle := NULL, width := 720, height := NULL) AS TABLE
SELECT encode(_muster_picture) AS svg
FROM muster.main._muster_plot_lineage('plot_lineage', edges, title, subtitle, width, height);
