-- _muster_class: A label of any kind as text; NaN and blank text are NULL, and a number has no zeros behind its last decimal.
-- section: Helpers
CREATE MACRO muster.main._muster_class(value) AS
    CASE
        WHEN muster.main._muster_blank(value) THEN NULL
        WHEN NOT regexp_matches(typeof(value), '^(FLOAT|DOUBLE|DECIMAL)') THEN CAST(value AS VARCHAR)
        WHEN CAST(value AS VARCHAR) IN ('nan', '-nan') THEN NULL
        WHEN CAST(value AS VARCHAR) = '-0.0' THEN '0'
        ELSE regexp_replace(regexp_replace(CAST(value AS VARCHAR), '(\.[0-9]*?)0+$', '\1'), '\.$', '')
    END;
