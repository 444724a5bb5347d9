-- _muster_plot_keywords: Rows of `plot_keywords` and of its specification, and what is made of them.
-- section: Helpers
CREATE MACRO muster.main._muster_plot_keywords(caller, keywords, top, title, subtitle, width, height) AS TABLE
WITH _muster_keywords AS (
    -- what a relation may lack
    SELECT NULL AS label, NULL AS profile_id
    WHERE false
    UNION ALL BY NAME
    SELECT * FROM query_table(keywords)
),
_muster_row AS (
    SELECT
        [CAST(_muster_keywords.label AS VARCHAR), CAST(_muster_keywords.keyword AS VARCHAR)] AS _muster_texts,
        [
            max(CAST(_muster_keywords.score AS DOUBLE)),
            -- without profiles there is nothing to count
            CAST(nullif(count(_muster_keywords.profile_id), 0) AS DOUBLE)
        ] AS _muster_numbers
    FROM _muster_keywords
    GROUP BY _muster_keywords.label, _muster_keywords.keyword
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
