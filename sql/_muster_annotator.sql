-- _muster_annotator: The name of the annotator of a rating, which must not be NULL.
-- section: Helpers
CREATE MACRO muster.main._muster_annotator(caller, value) AS
    CASE
        WHEN muster.main._muster_value(value) IS NULL
            THEN error(caller || ': annotator must not be NULL or blank in ratings')
        ELSE CAST(value AS VARCHAR)
    END;
