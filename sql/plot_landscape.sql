-- plot_landscape: Where the experts are: their share of each company's employees against their number.
-- section: Plots
--
-- Both axes are logarithmic, so companies of one size lie on a rising line; the lines of 100, 1,000 and 10,000 employees
-- are drawn, and shapes and colours say between which a company lies. Up to 40 companies have their intervals, along the
-- line of their size. Above 2,000 companies squares of the plane are shaded by how many companies lie in each. Names are
-- given where they have room, to the largest first. Companies without an estimate or with an estimate of 0 are counted in
-- a note.
--
-- One row: `COPY (FROM muster.plot_landscape(estimates)) TO 'landscape.svg' (FORMAT blob)` writes the file.
--
-- arguments:
--   estimates   relation with company and estimate, such as `fit_probit_bootstrap` and `log_debias_estimate` return;
--               share, or headcount, or n_observed; lower and upper where there are any
--   top         so many companies may get their names, 1 to 500
--   title       of the picture; NULL = the plot's own, an empty text = none
--   subtitle    the same
--   width       pixels, 240 to 10000
--   height      pixels; NULL = as high as the rows need
-- columns:
--   svg BLOB   the picture
-- example:
--   WITH estimates AS (
--       FROM muster.fit_probit_bootstrap(ratings, profiles, company, is_expert, headcount := headcount, draws := 50)
--   )
--   SELECT decode(svg)[:38] AS svg FROM muster.plot_landscape(estimates);
CREATE MACRO muster.main.plot_landscape(
    estimates,
    top := 40,
    title := NULL,
    subtitle := NULL,
    width := 720,
    height := NULL
) AS TABLE
SELECT encode(_muster_picture) AS svg
FROM muster.main._muster_plot_landscape('plot_landscape', estimates, top, title, subtitle, width, height);
