-- _muster_spelled: Labels with the class that each is of.
-- section: Helpers
--
-- Where all labels of the relation say yes or no, and one of the two is spelled in several ways, the classes are true
-- and false. Otherwise each spelling is a class.
--
-- columns:
--   _muster_class VARCHAR     as `_muster_class` makes it
--   _muster_spelled VARCHAR   the class
CREATE MACRO muster.main._muster_spelled(labels) AS TABLE
SELECT
    _muster_class,
    CASE
        WHEN _muster_yes_no AND _muster_spellings > _muster_meanings
            THEN CASE _muster_reading WHEN 'yes' THEN 'true' ELSE 'false' END
        ELSE _muster_class
    END AS _muster_spelled
FROM (
    SELECT
        _muster_class,
        _muster_reading,
        count(*) OVER () AS _muster_spellings,
        bool_and(_muster_reading <> 'other') OVER () AS _muster_yes_no,
        CAST(bool_or(_muster_reading = 'yes') OVER () AS INTEGER)
            + CAST(bool_or(_muster_reading = 'no') OVER () AS INTEGER) AS _muster_meanings
    FROM (
        SELECT DISTINCT _muster_class, muster.main._muster_reading(_muster_class) AS _muster_reading
        FROM query_table(labels)
        WHERE _muster_class IS NOT NULL
    )
);
