-- orthant: Probability that correlated normals fall on given sides of zero.
-- section: Numbers
--
-- For X ~ N(mu, r) the probability that X_j > 0 where the pattern is true and X_j <= 0 where it is false; NULL in the pattern
-- leaves an axis out. 1 to 12 dimensions; absolute error 1e-6 up to eight dimensions and correlations of .9, 5e-4 at .95,
-- 1e-3 above eight. NULL arguments give NULL; r must be a positive definite correlation matrix.
--
-- arguments:
--   mu        list of n means
--   r         list of n lists of n correlations
--   pattern   list of n BOOLEANs
-- example:
--   SELECT round(muster.orthant([0, 0], [[1, 0.5], [0.5, 1]], [true, true]), 6) AS p;
CREATE MACRO muster.main.orthant(mu, r, pattern) AS
    muster_orthant(CAST(mu AS DOUBLE[]), CAST(r AS DOUBLE[][]), CAST(pattern AS BOOLEAN[]));
