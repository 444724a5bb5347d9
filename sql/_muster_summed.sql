-- _muster_summed: People that weights make as BIGINT; an error where all weights add up to more than 2^53.
-- section: Helpers
CREATE MACRO muster.main._muster_summed(caller, people, total) AS
    CASE
        WHEN total > 9007199254740992
            THEN error(caller || ': weight must add up to at most 9007199254740992 people, got ' || CAST(total AS VARCHAR))
        ELSE CAST(people AS BIGINT)
    END;
