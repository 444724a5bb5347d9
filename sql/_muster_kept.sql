-- _muster_kept: The draws of an estimate, as `_muster_draws` reads them; an error where the estimate is not their mean.
-- section: Helpers
--
-- A client without lists of BIGINT hands back zeros. An estimate that is NULL is not compared, and one that was rounded to one
-- decimal, or to seven digits, is their mean.
CREATE MACRO muster.main._muster_kept(caller, draws, estimate) AS
    CASE
        WHEN abs(
            list_avg(muster.main._muster_draws(caller, draws))
            - muster.main._muster_number(caller, 'estimate', 'be a number', estimate)
        ) > 0.05 + 1e-6 * abs(muster.main._muster_number(caller, 'estimate', 'be a number', estimate))
            THEN error(
                caller || ': draws must have the estimate as their mean, got a mean of '
                || list_avg(muster.main._muster_draws(caller, draws)) || ' for an estimate of ' || CAST(estimate AS VARCHAR)
                || '; keep estimates in DuckDB or in Parquet, since a client may have no such lists'
            )
        ELSE muster.main._muster_draws(caller, draws)
    END;
