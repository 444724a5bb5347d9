-- _muster_clusters: Clusters of the texts of a relation with _muster_position and _muster_text, by a relation of options.
-- section: Helpers
CREATE MACRO muster.main._muster_clusters(caller, points, options) AS TABLE
WITH _muster_text_list AS (
    SELECT coalesce(list({
        position: _muster_position,
        -- the kernel gets all texts as one array, whose offsets are numbers of 32 bits
        text: CASE
            WHEN _muster_bytes > 2000000000
                THEN error(caller || ': texts must be at most 2000000000 bytes in all, got ' || _muster_bytes)
            ELSE _muster_text
        END
    }), []) AS _muster_texts
    FROM query_table(points), (SELECT sum(strlen(_muster_text)) AS _muster_bytes FROM query_table(points))
)
SELECT
    _muster_row.position AS _muster_position,
    _muster_row.cluster AS _muster_cluster,
    _muster_row.place AS _muster_place,
    _muster_row.silhouette AS _muster_silhouette,
    _muster_row.method AS _muster_method,
    _muster_row.x AS _muster_x,
    _muster_row.y AS _muster_y,
    _muster_row.label AS _muster_label
FROM (
    SELECT unnest(muster_cluster(_muster_texts, _muster_asked)) AS _muster_row
    FROM _muster_text_list, query_table(options)
);
