-- do annotators err differently from company to company? The estimate allows for it
FROM muster.drift_summary({{ relation(ref('ratings')) }}, {{ relation(ref('people')) }}, company, is_expert)
