-- _muster_argument: An expression over a relation as it is; a text that only names one of its columns is an error.
-- section: Helpers
--
-- 'company' in quotes is the same text for everybody, and no error of DuckDB. `columns` is the type of a row of the relation.
-- The condition of its own is known before anything is read, so that DuckDB leaves the rest out where it does not hold.
CREATE MACRO muster.main._muster_argument(caller, what, relation, columns, value) AS
    CASE
        WHEN starts_with(lower(alias(value)), '''') THEN
            CASE
                WHEN contains(', ' || lower(substr(columns, 8)), ', ' || lower(CAST(value AS VARCHAR)) || ' ')
                    OR contains(lower(columns), '"' || replace(lower(CAST(value AS VARCHAR)), '"', '""') || '" ')
                    THEN error(
                        caller || ': ' || what || ' must be an expression over ' || relation || ', got the text '''
                        || CAST(value AS VARCHAR) || '''; without quotes it is the column of that name'
                    )
                ELSE value
            END
        ELSE value
    END;
