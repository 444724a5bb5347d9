-- _muster_reading: What a label or truth says: 'yes', 'no', NULL where it is missing, 'other' where it is neither.
-- section: Helpers
--
-- BOOLEAN as it is; a number equal to 1 or 0, of any type and also as text; the texts true, false, yes and no in any
-- case. NULL and blank text are missing, and NaN, which Arrow and data frames have for nothing.
CREATE MACRO muster.main._muster_reading(value) AS
    CASE
        WHEN value IS NULL THEN NULL
        WHEN typeof(value) IN ('FLOAT', 'DOUBLE') AND CAST(value AS VARCHAR) IN ('nan', '-nan') THEN NULL
        ELSE CASE lower(trim(CAST(value AS VARCHAR)))
            WHEN 'true' THEN 'yes'
            WHEN 'yes' THEN 'yes'
            WHEN '1' THEN 'yes'
            WHEN 'false' THEN 'no'
            WHEN 'no' THEN 'no'
            WHEN '0' THEN 'no'
            ELSE CASE
                WHEN muster.main._muster_blank(CAST(value AS VARCHAR)) THEN NULL
                -- not by a cast: 0.99999999999999999 is no 1
                WHEN regexp_full_match(trim(CAST(value AS VARCHAR)), '\+?0*1(\.0*)?([eE][+-]?0+)?') THEN 'yes'
                WHEN regexp_full_match(trim(CAST(value AS VARCHAR)), '[+-]?(0+(\.0*)?|\.0+)([eE][+-]?[0-9]+)?') THEN 'no'
                ELSE 'other'
            END
        END
    END;
