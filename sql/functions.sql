-- functions: This list of functions.
-- section: About
--
-- columns:
--   name VARCHAR          call it as muster.name
--   section VARCHAR       what it belongs to
--   kind VARCHAR          'table' or 'scalar'
--   signature VARCHAR     arguments with their defaults
--   description VARCHAR   in one sentence
--   details VARCHAR       the whole text: method, arguments, columns
--   example VARCHAR       a statement to try, over `ratings` and `profiles` as simulate_ratings and simulate_profiles make them
-- example:
--   SELECT name, description FROM muster.functions() WHERE section = 'Estimates';
CREATE MACRO muster.main.functions() AS TABLE
SELECT unnest(_muster_row)
FROM (SELECT unnest(muster_functions('')) AS _muster_row);
