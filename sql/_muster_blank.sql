-- _muster_blank: Whether a value is text of nothing but white space and characters without width.
-- section: Helpers
--
-- ENUM is text too: a factor of R is one.
CREATE MACRO muster.main._muster_blank(value) AS
    (typeof(value) = 'VARCHAR' OR starts_with(typeof(value), 'ENUM('))
    AND regexp_full_match(CAST(value AS VARCHAR), '[\s\pZ\p{Cc}\p{Cf}]*');
