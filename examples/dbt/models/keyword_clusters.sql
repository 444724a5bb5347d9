-- keywords of experts' CVs that mean about the same
WITH keywords AS (
    SELECT keyword, n_documents
    FROM {{ ref('cv_keywords') }}
    WHERE label = 'true' AND q_value < 0.05
)
FROM muster.cluster_keywords(
    keywords, keyword,
    weight := n_documents,
    min_cluster_size := {{ var('min_cluster_size') }},
    seed := {{ var('seed') }}
)
