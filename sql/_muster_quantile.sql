-- _muster_quantile: The q-quantile of a sorted list by linear interpolation.
-- section: Helpers
CREATE MACRO muster.main._muster_quantile(sorted, q) AS
    list_extract(sorted, CAST(floor((len(sorted) - 1) * CAST(q AS DOUBLE)) AS BIGINT) + 1)
    + ((len(sorted) - 1) * CAST(q AS DOUBLE) - floor((len(sorted) - 1) * CAST(q AS DOUBLE)))
    * (
        list_extract(sorted, CAST(ceil((len(sorted) - 1) * CAST(q AS DOUBLE)) AS BIGINT) + 1)
        - list_extract(sorted, CAST(floor((len(sorted) - 1) * CAST(q AS DOUBLE)) AS BIGINT) + 1)
    );
