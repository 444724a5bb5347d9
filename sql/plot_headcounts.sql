-- plot_headcounts: Experts of each company with their intervals, the largest first.
-- section: Plots
--
-- An open mark is an estimate below its detection floor. The axis is logarithmic where the estimates shown differ by more
-- than a factor of 50. Rows without an estimate, and companies beyond `top`, are counted in a note.
--
-- One row: `COPY (FROM muster.plot_headcounts(estimates)) TO 'headcounts.svg' (FORMAT blob)` writes the file.
--
-- arguments:
--   estimates   relation with company and estimate, such as `fit_probit_bootstrap` and `log_debias_estimate` return;
--               lower, upper and below_floor where there are any
--   top         so many companies are shown, 1 to 500
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
--   SELECT decode(svg)[:38] AS svg FROM muster.plot_headcounts(estimates);
CREATE MACRO muster.main.plot_headcounts(
    estimates,
    top := 40,
    title := NULL,
    subtitle := NULL,
    width := 720,
    height := NULL
) AS TABLE
SELECT encode(_muster_picture) AS svg
FROM muster.main._muster_plot_headcounts('plot_headcounts', estimates, top, title, subtitle, width, height);
