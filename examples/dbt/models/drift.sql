-- do annotators err differently from company to company? Where they do, give drift_sd as the variable drift_sd
FROM muster.drift_summary({{ relation(ref('ratings')) }}, {{ relation(ref('people')) }}, company, is_expert)
