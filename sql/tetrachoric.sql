-- tetrachoric: Tetrachoric correlation of a two-by-two table.
-- section: Numbers
--
-- The correlation of two latent normals that were cut to yes and no. 0.5 is added to every cell when one is zero. NULL
-- arguments and an empty table give NULL; a negative count is an error.
--
-- arguments:
--   n11   both yes
--   n10   first only
--   n01   second only
--   n00   neither
-- example:
--   SELECT round(muster.tetrachoric(40, 10, 20, 30), 6) AS rho;
CREATE MACRO muster.main.tetrachoric(n11, n10, n01, n00) AS
    muster_tetrachoric(
        muster.main._muster_number('tetrachoric', 'n11', 'be a number', n11),
        muster.main._muster_number('tetrachoric', 'n10', 'be a number', n10),
        muster.main._muster_number('tetrachoric', 'n01', 'be a number', n01),
        muster.main._muster_number('tetrachoric', 'n00', 'be a number', n00)
    );
