-- _muster_column: A column that a relation must have, as it is; where it is that of `_muster_absent`, an error.
-- section: Helpers
--
-- `columns` is the type of a row of the relation.
CREATE MACRO muster.main._muster_column(caller, relation, name, columns, value) AS
    CASE
        WHEN typeof(value) = 'ENUM(''_muster_absent'')'
            THEN error(caller || ': ' || relation || ' must have a column ' || name || ', got ' || substr(columns, 7))
        ELSE value
    END;
