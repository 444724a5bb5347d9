-- _muster_plot_clusters: Rows of `plot_clusters` and of its specification, and what is made of them.
-- section: Helpers
CREATE MACRO muster.main._muster_plot_clusters(caller, map, top, title, subtitle, width, height) AS TABLE
WITH _muster_map AS (
    -- what a relation may lack
    SELECT NULL AS representative
    WHERE false
    UNION ALL BY NAME
    SELECT * FROM query_table(map)
),
_muster_row AS (
    SELECT
        [CAST(_muster_map.item AS VARCHAR), CAST(_muster_map.cluster AS VARCHAR), CAST(_muster_map.representative AS VARCHAR)] AS _muster_texts,
        [CAST(_muster_map.x AS DOUBLE), CAST(_muster_map.y AS DOUBLE)] AS _muster_numbers
    FROM _muster_map
),
_muster_options AS (
    SELECT CAST(to_json({
        top: CAST(top AS VARCHAR),
        title: CAST(title AS VARCHAR),
        subtitle: CAST(subtitle AS VARCHAR),
        width: CAST(width AS VARCHAR),
        height: CAST(height AS VARCHAR)
    }) AS VARCHAR) AS _muster_json
)
FROM muster.main._muster_drawn(caller, _muster_row, _muster_options);
