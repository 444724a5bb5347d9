-- fit_probit_bootstrap: Experts of each company, with intervals, from gold people and noisy, correlated annotators.
-- section: Estimates
--
-- Annotators are calibrated on the gold people (profiles whose truth is not NULL): a probit model with correlated
-- annotators in each class, its likelihood ratios in cross-fitted bins. In each replicate rates, effects of the companies on
-- them, prevalences and counts are drawn; the interval holds the quantiles of the draws. Annotators may behave differently from company
-- to company: gold people inside companies tell how much, so rate some people of each, drawn at random, and say so with
-- `gold_sampling`. Up to 32 annotators are possible. One row a company, ordered by company; a gold person with a company counts there as rated, one without only
-- calibrates. `note` says what there is to doubt.
--
-- arguments:
--   ratings       relation with profile_id, annotator, label: one row a person and annotator; NULL or no row = missing
--   profiles      relation with profile_id and the columns the next arguments name: one row a person
--   company       expression over profiles: the company; NULL = none.
--   truth         expression over profiles: is the person an expert; NULL = no gold label
--   headcount     expression over profiles: employees of the company; the largest value counts, NULL = those observed
--   method        'hierarchical' (companies learn from each other, and annotators may drift), 'company' (each by itself), 'original', 'original_by_size'
--   draws         replicates, 1 to 100000
--   level         of the intervals, between 0 and 1
--   seed          whole number of at least 0; the same seed gives the same bytes
--   prior_alpha   Beta prior of the prevalence, method 'original' only
--   prior_beta    the same
--   drift_sd      how much annotators drift from company to company, as a standard deviation of their latent means; NULL = as
--                 much as the labels show ('hierarchical') or not at all
--   gold_sampling  for 'hierarchical': how gold people of companies were chosen: 'by_class' (with a look at the truth, so they tell nothing of the
--                 prevalence) or 'at_random' (without one, each with the inverse of `gold_weight` as chance: together they
--                 also take a lean of the labels out of all companies). Weights that differ within a class are chances that followed labels
--   keep_draws    whether to return the draws, for `headcount_total`
--   weight        expression over profiles: how many people with the same labels the row stands for, a whole number; 0 = nobody, and a company of nobody has no row
--   gold_weight   expression over profiles: the inverse of a gold person's chance to be chosen, a positive number; above 20 times the
--                 mean of the class it is cut to that, and `note` says so
-- columns:
--   company VARCHAR           the company
--   n_observed BIGINT         profiles there, with or without labels
--   n_labelled BIGINT         profiles there with at least one label; 0 = the estimate is that of companies like it, or the prior's
--   n_gold BIGINT             gold people there
--   headcount BIGINT          employees the estimate is for
--   headcount_raised BOOLEAN    the headcount given was below n_observed and has been raised to it
--   estimate DOUBLE           mean of the draws: experts among the headcount
--   median DOUBLE             median of the draws; like the limits and the floor to six decimals
--   sd DOUBLE                 standard deviation of the draws
--   lower DOUBLE              quantile of the draws at (1 - level) / 2
--   upper DOUBLE              quantile of the draws at (1 + level) / 2
--   share DOUBLE              estimate / headcount
--   share_lower DOUBLE        lower / headcount
--   share_upper DOUBLE        upper / headcount
--   detection_floor DOUBLE    what a company without any expert would be given, at most
--   below_floor BOOLEAN       estimate < detection_floor: it cannot be told from no expert
--   note VARCHAR              what there is to doubt about the estimate; NULL = nothing
--   draws BIGINT[]            the draws; the column is there only with keep_draws
-- example:
--   SELECT company, headcount, round(estimate, 1) AS estimate, lower, upper
--   FROM muster.fit_probit_bootstrap(ratings, profiles, company, is_expert, headcount := headcount);
CREATE MACRO muster.main.fit_probit_bootstrap(
    ratings,
    profiles,
    company,
    truth,
    headcount := NULL,
    method := 'hierarchical',
    draws := 1000,
    level := 0.8,
    seed := 42,
    prior_alpha := 2,
    prior_beta := 10,
    drift_sd := NULL,
    gold_sampling := 'by_class',
    keep_draws := false,
    weight := 1,
    gold_weight := 1
) AS TABLE
WITH _muster_person AS (
    FROM muster.main._muster_people('fit_probit_bootstrap', ratings, profiles, company, truth, headcount, weight, gold_weight)
),
_muster_options AS (
    SELECT muster_options() AS _muster_asked
)
SELECT COLUMNS(
    -- all, or all but `draws`; for a lambda DuckDB would call a macro of the user's that is named list_filter
    CASE WHEN coalesce(TRY_CAST(CAST(keep_draws AS VARCHAR) AS BOOLEAN), false) THEN '.*' ELSE '^([^d]|d[^r])' END
)
FROM (
    SELECT unnest(_muster_row)
    FROM (
        SELECT unnest(muster_fit_probit_bootstrap(_muster_counts, _muster_asked)) AS _muster_row
        FROM muster.main._muster_counts(_muster_person), _muster_options
    )
);
