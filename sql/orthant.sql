-- orthant: Probability that correlated normals fall on given sides of zero.
-- section: Numbers
--
-- For X ~ N(mu, r) the probability that X_j > 0 where the pattern is true and X_j <= 0 where it is false; NULL in the pattern
-- leaves an axis out. 1 to 12 dimensions; absolute error 1e-7 up to eight dimensions and correlations of .99,
-- 1e-3 above eight. NULL arguments give NULL; r must be a positive definite correlation matrix.
--
-- arguments:
--   mu        list of n means
--   r         list of n lists of n correlations
--   pattern   list of n BOOLEANs
-- example:
--   SELECT round(muster.orthant([0, 0], [[1, 0.5], [0.5, 1]], [true, true]), 6) AS p;
CREATE MACRO muster.main.orthant(mu, r, pattern) AS
    -- value by value: of a list of NULLs that is cast as a whole, DuckDB 1.5 passes on a form whose NULLs kernels cannot see
    muster_orthant(
        [
            muster.main._muster_number('orthant', 'mu', 'be a list of numbers', _muster_value)
            FOR _muster_value IN muster.main._muster_list('orthant', 'mu', 'be a list of numbers', mu)
        ],
        [
            [
                muster.main._muster_number('orthant', 'r', 'be a list of lists of numbers', _muster_value)
                FOR _muster_value IN muster.main._muster_list('orthant', 'r', 'be a list of lists of numbers', _muster_line)
            ]
            FOR _muster_line IN muster.main._muster_list('orthant', 'r', 'be a list of lists of numbers', r)
        ],
        [
            muster.main._muster_boolean('orthant', 'pattern', _muster_value)
            FOR _muster_value IN muster.main._muster_list('orthant', 'pattern', 'be a list of BOOLEANs', pattern)
        ]
    );
