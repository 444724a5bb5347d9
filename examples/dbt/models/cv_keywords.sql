-- words that tell the CVs of experts from those of others
FROM muster.discriminative_keywords({{ relation(ref('people')) }}, text, is_expert)
