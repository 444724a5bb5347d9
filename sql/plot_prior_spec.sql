-- plot_prior_spec: The Vega-Lite specification of `plot_prior`.
-- section: Plots
--
-- The same rows in the same order, inline, as a specification of Vega-Lite 5 to go on from. What is left out is said in
-- the subtitle.
--
-- arguments:
--   priors     relation with name, alpha and beta
--   title      of the picture; NULL = the plot's own, an empty text = none
--   subtitle   the same
--   width      pixels, 240 to 10000
--   height     pixels; NULL = as high as the rows need
-- columns:
--   spec VARCHAR   JSON
-- example:
--   WITH priors AS (SELECT * FROM (VALUES ('original', 2, 10), ('large company', 1, 999)) AS t(name, alpha, beta))
--   SELECT spec->'$."$schema"' AS schema FROM muster.plot_prior_spec(priors);
CREATE MACRO muster.main.plot_prior_spec(
    priors,
    title := NULL,
    subtitle := NULL,
    width := 720,
    height := NULL
) AS TABLE
SELECT _muster_picture AS spec
FROM muster.main._muster_plot_prior('plot_prior_spec', priors, title, subtitle, width, height);
