-- lineage: Which tables a SQL script makes of which, as edges for `plot_lineage`.
-- section: Lineage
--
-- Nothing is run: the script is read, its queries by DuckDB's own parser. Sources are tables, views, files (also those of
-- `read_csv` and its like) and the relations that functions of muster and macros of the script are handed by name; common
-- table expressions are followed to what they read. Lines for the command line client (`.print`) are passed over. A macro or a
-- variable (`{name}`) of the script is a node where it reads a relation. Variables that the script sets to constants are put into file names;
-- others show as `{name}`, and what is not known as `…`. Queries that write to nothing give no rows. Ordered by statement and source.
--
-- arguments:
--   script   text of SQL statements; NULL = none
-- columns:
--   source VARCHAR     what is read; NULL with an error
--   target VARCHAR     what is written
--   kind VARCHAR       create table, create view, create macro, insert, update, delete, merge, copy to, copy from, set variable or rename
--   statement BIGINT   number of the statement, from 1
--   line BIGINT        the line on which it begins
--   error VARCHAR      why the statement, or a part of it, could not be read; NULL = it was
-- example:
--   SELECT source, target, kind, line FROM muster.lineage($$
--       CREATE VIEW ratings AS FROM 'ratings.csv';
--       CREATE TABLE metrics AS FROM muster.annotator_metrics(ratings, profiles, is_expert);
--       COPY (SELECT annotator, bias FROM metrics) TO 'bias.csv';
--   $$);
CREATE MACRO muster.main.lineage(script) AS TABLE
WITH _muster_script AS (
    SELECT coalesce(CAST(script AS VARCHAR), '') AS _muster_text
),
_muster_queries AS (
    SELECT _muster_text, muster_lineage_queries(_muster_text) AS _muster_list
    FROM _muster_script
),
_muster_parsed AS (
    SELECT
        _muster_text,
        list_transform(_muster_list, lambda _muster_query: CAST(
            json_serialize_sql(_muster_query, skip_null := true, skip_empty := true, skip_default := true) AS VARCHAR
        )) AS _muster_nested
    FROM _muster_queries
)
SELECT unnest(_muster_row)
FROM (SELECT unnest(muster_lineage(_muster_text, _muster_nested)) AS _muster_row FROM _muster_parsed);
