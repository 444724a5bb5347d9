-- plot_uncertainty: The distribution of the estimate of one company, or of all together.
-- section: Plots
--
-- A histogram of the draws, those inside the interval dark, with the median. The total is the sum of each replicate over
-- the companies, as in `headcount_total`: the sum of intervals is no interval. An error where draws were not kept.
--
-- One row: `COPY (FROM muster.plot_uncertainty(estimates)) TO 'uncertainty.svg' (FORMAT blob)` writes the file.
--
-- arguments:
--   estimates   relation made by `fit_probit_bootstrap(…, keep_draws := true)`
--   company     the company; NULL = all companies of the relation together
--   level       of the interval that is set off, between 0 and 1
--   title       of the picture; NULL = the plot's own, an empty text = none
--   subtitle    the same
--   width       pixels, 240 to 10000
--   height      pixels; NULL = as high as the rows need
-- columns:
--   svg BLOB   the picture
-- example:
--   WITH estimates AS (
--       FROM muster.fit_probit_bootstrap(ratings, profiles, company, is_expert, headcount := headcount, draws := 50, keep_draws := true)
--   )
--   SELECT decode(svg)[:38] AS svg FROM muster.plot_uncertainty(estimates);
CREATE MACRO muster.main.plot_uncertainty(
    estimates,
    company := NULL,
    level := 0.8,
    title := NULL,
    subtitle := NULL,
    width := 720,
    height := NULL
) AS TABLE
SELECT encode(_muster_picture) AS svg
FROM muster.main._muster_plot_uncertainty('plot_uncertainty', estimates, company, level, title, subtitle, width, height);
