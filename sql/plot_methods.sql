-- plot_methods: Estimates of several methods side by side, with their intervals.
-- section: Plots
--
-- One row of marks a company, those with the largest estimates first; a company of NULL is all companies, as in
-- `prior_sensitivity`. Up to eight methods, in the order of their names. The axis is logarithmic where the estimates shown
-- differ by more than a factor of 50.
--
-- One row: `COPY (FROM muster.plot_methods(estimates)) TO 'methods.svg' (FORMAT blob)` writes the file.
--
-- arguments:
--   estimates   relation with company, method and estimate; lower and upper where there are any
--   top         so many companies are shown, 1 to 500
--   title       of the picture; NULL = the plot's own, an empty text = none
--   subtitle    the same
--   width       pixels, 240 to 10000
--   height      pixels; NULL = as high as the rows need
-- columns:
--   svg BLOB   the picture
-- example:
--   WITH estimates AS (
--       SELECT company, 'company' AS method, estimate, lower, upper
--       FROM muster.fit_probit_bootstrap(ratings, profiles, company, is_expert, draws := 50)
--       UNION ALL
--       SELECT company, 'hierarchical', estimate, lower, upper
--       FROM muster.fit_probit_bootstrap(ratings, profiles, company, is_expert, draws := 50, method := 'hierarchical')
--   )
--   SELECT decode(svg)[:38] AS svg FROM muster.plot_methods(estimates);
CREATE MACRO muster.main.plot_methods(
    estimates,
    top := 20,
    title := NULL,
    subtitle := NULL,
    width := 720,
    height := NULL
) AS TABLE
SELECT encode(_muster_picture) AS svg
FROM muster.main._muster_plot_methods('plot_methods', estimates, top, title, subtitle, width, height);
