-- _muster_value: A value as it is; NaN, which Arrow and data frames have for nothing, is NULL.
-- section: Helpers
CREATE MACRO muster.main._muster_value(value) AS
    CASE
        WHEN typeof(value) IN ('FLOAT', 'DOUBLE') AND CAST(value AS VARCHAR) IN ('nan', '-nan') THEN NULL
        ELSE value
    END;
