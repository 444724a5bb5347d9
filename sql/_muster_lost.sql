-- _muster_lost: What makes ids of two types equal that are not, as text for an error; NULL where nothing does.
-- section: Helpers
--
-- DuckDB brings ids of two relations to one type before it compares them. Where that is a floating type, whole numbers of
-- 2^53 and more (2^24 for FLOAT) fall together with their neighbours, and decimals with theirs; where it is a time with a
-- zone, two times fall together when clocks are set. `value` is the id in that type, the types are those of the relations.
CREATE MACRO muster.main._muster_lost(ratings_type, profiles_type, value) AS
    CASE
        WHEN NOT regexp_matches(typeof(value), 'FLOAT|DOUBLE|TIME ZONE') OR value IS NULL THEN NULL
        WHEN coalesce(ratings_type = profiles_type, true) THEN NULL
        WHEN ratings_type IN ('FLOAT', 'DOUBLE') AND profiles_type IN ('FLOAT', 'DOUBLE') THEN NULL
        WHEN typeof(value) IN ('FLOAT', 'DOUBLE')
            AND NOT regexp_matches(ratings_type || profiles_type, 'DECIMAL')
            AND abs(TRY_CAST(CAST(value AS VARCHAR) AS DOUBLE))
                < CASE typeof(value) WHEN 'FLOAT' THEN 16777216 ELSE 9007199254740992 END
            THEN NULL
        ELSE ratings_type || ' and ' || profiles_type || ' with ' || CAST(value AS VARCHAR)
    END;
