-- simulate_truth: The true number of experts of the companies of `simulate_profiles` with the same arguments.
-- section: Simulation
--
-- What an estimate is to be held against: the experts among the headcount, seen and unseen.
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
--   company VARCHAR      the company
--   headcount BIGINT     its employees
--   n_observed BIGINT    those observed
--   prevalence DOUBLE    the probability that an employee is an expert
--   experts BIGINT       experts among the headcount
-- example:
--   SELECT company, headcount, n_observed, round(prevalence, 4) AS prevalence, experts
--   FROM muster.simulate_truth(companies := 3);
CREATE MACRO muster.main.simulate_truth(
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
    SELECT unnest(muster_simulate_truth(_muster_company, muster_options())) AS _muster_row
    FROM (
        -- -1 stands for the gold people; a number that is none, or too large, is left to the kernel to refuse
        SELECT unnest(range(-1, coalesce(least(greatest(TRY_CAST(companies AS BIGINT), 0), 1000000), 0))) AS _muster_company
    )
);
