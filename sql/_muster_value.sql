-- _muster_value: A value as it is; blank text, and NaN, which Arrow and data frames have for nothing, are NULL.
-- section: Helpers
CREATE MACRO muster.main._muster_value(value) AS
    CASE
        WHEN typeof(value) IN ('FLOAT', 'DOUBLE') AND CAST(value AS VARCHAR) IN ('nan', '-nan') THEN NULL
        WHEN muster.main._muster_blank(value) THEN NULL
        ELSE value
    END;
