-- plot_prior: Densities of Beta priors of the share of experts.
-- section: Plots
--
-- Where the means of the priors are far apart the axis is logarithmic, and the density that of the decimal logarithm of
-- the share, so that areas can be compared. Up to eight priors; those without alpha and beta above 0 are counted in a
-- note.
--
-- arguments:
--   priors     relation with name, alpha and beta
-- example:
--   WITH priors AS (SELECT * FROM (VALUES ('original', 2, 10), ('large company', 1, 999)) AS t(name, alpha, beta))
--   SELECT decode(svg)[:38] AS svg FROM muster.plot_prior(priors);
CREATE MACRO muster.main.plot_prior(priors) AS TABLE
SELECT _muster_priors.name, _muster_priors.alpha, _muster_priors.beta
FROM query_table(priors) AS _muster_priors;
