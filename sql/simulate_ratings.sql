-- simulate_ratings: Labels of six annotators for the people of `simulate_profiles` with the same arguments.
-- section: Simulation
--
-- Two keyword filters (broad, strict), their conjunction (both) and three language models (gemini, gpt, sonnet) with the error
-- rates and correlations of a real study. Missing labels have no row.
--
-- arguments:
--   companies        how many, 1 to 1000000
--   seed             whole number of at least 0
--   drift            standard deviation of each company's shift of each annotator's latent mean, 0 to 2
--   truth_model      'probit6' (six correlated annotators) or 'determined' (the third is the AND of the first two)
--   max_observed     most people observed in a company
--   gold_experts    gold people who are experts, 0 to 1000000
--   gold_others     gold people who are not, 0 to 1000000
--   missing          share of labels missing at random
--   models_missing   share of companies without labels of the language models
-- columns:
--   profile_id BIGINT    as in simulate_profiles
--   annotator VARCHAR    broad, strict, both, gemini, gpt or sonnet
--   label BOOLEAN        does the annotator call the person an expert
-- example:
--   SELECT annotator, count(*) AS labels, round(avg(label::INT), 3) AS yes
--   FROM muster.simulate_ratings(companies := 3)
--   GROUP BY annotator ORDER BY annotator;
CREATE MACRO muster.main.simulate_ratings(
    companies := 200,
    seed := 1,
    drift := 0,
    truth_model := 'probit6',
    max_observed := 3000,
    gold_experts := 153,
    gold_others := 432,
    missing := 0.05,
    models_missing := 0.2
) AS TABLE
SELECT unnest(_muster_row)
FROM (
    SELECT unnest(muster_simulate_ratings(_muster_company, muster_options())) AS _muster_row
    FROM (
        -- -1 stands for the gold people; a number that is none, or too large, is left to the kernel to refuse
        SELECT unnest(range(-1, coalesce(least(greatest(TRY_CAST(companies AS BIGINT), 0), 1000000), 0))) AS _muster_company
    )
);
