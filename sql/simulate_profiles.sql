-- simulate_profiles: People of made companies and gold people, of a study whose truth is known.
-- section: Simulation
--
-- Companies have log-uniform headcounts from 20 to 20,000 and a prevalence that falls with size; all, or .6, .3 or .1 of
-- their people are observed. The gold people have no company. `simulate_ratings` and `simulate_truth` with the same
-- arguments fit to it.
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
--   profile_id BIGINT     the person; a company's people have consecutive numbers
--   company VARCHAR       NULL for gold people
--   headcount BIGINT      of the company
--   is_expert BOOLEAN     the truth of gold people, NULL for all others
-- example:
--   SELECT company, count(*) AS observed, any_value(headcount) AS headcount
--   FROM muster.simulate_profiles(companies := 3) WHERE company IS NOT NULL
--   GROUP BY ALL ORDER BY company;
CREATE MACRO muster.main.simulate_profiles(
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
    SELECT unnest(muster_simulate_profiles(_muster_company, muster_options())) AS _muster_row
    FROM (
        -- -1 stands for the gold people; a number that is none, or too large, is left to the kernel to refuse
        SELECT unnest(range(-1, coalesce(least(greatest(TRY_CAST(companies AS BIGINT), 0), 1000000), 0))) AS _muster_company
    )
);
