-- plot_prior: Densities of Beta priors of the share of experts.
-- section: Plots
--
-- Where the means of the priors are far apart the axis is logarithmic, and the density that of the decimal logarithm of
-- the share, so that areas can be compared. Up to eight priors; those without alpha and beta above 0 are counted in a
-- note.
--
-- One row: `COPY (FROM muster.plot_prior(priors)) TO 'prior.svg' (FORMAT blob)` writes the file.
--
-- arguments:
--   priors     relation with name, alpha and beta
--   title      of the picture; NULL = the plot's own, an empty text = none
--   subtitle   the same
--   width      pixels, 240 to 10000
--   height     pixels; NULL = as high as the rows need
-- columns:
--   svg BLOB   the picture
-- example:
--   WITH priors AS (SELECT * FROM (VALUES ('original', 2, 10), ('large company', 1, 999)) AS t(name, alpha, beta))
--   SELECT decode(svg)[:38] AS svg FROM muster.plot_prior(priors);
CREATE MACRO muster.main.plot_prior(priors, title := NULL, subtitle := NULL, width := 720, height := NULL) AS TABLE
SELECT encode(_muster_picture) AS svg
FROM muster.main._muster_plot_prior('plot_prior', priors, title, subtitle, width, height);
