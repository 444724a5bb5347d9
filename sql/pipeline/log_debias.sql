-- log_debias: the same question without a truth: what the annotators' counts agree on, company by company.
--
-- Needs inputs.sql and annotate.sql. Makes
--   counts                 experts each annotator counts in each company, among the n_labels people it has labelled, and scaled
--                          up from these to the headcount
--   log_debias_estimates   estimate, lower and upper of each company: agreement, not accuracy (docs/debiasing.md)
BEGIN;

SET VARIABLE missing = (
    SELECT error('log_debias: table ' || name || ' is missing, run sql/pipeline/' || script || '.sql first')
    FROM (VALUES
        ('settings', 'settings'),
        ('muster_steps', 'settings'),
        ('profiles', 'inputs'),
        ('ratings', 'annotate')
    ) AS needed(name, script)
    WHERE name NOT IN (SELECT table_name FROM information_schema.tables)
    LIMIT 1
);

SET VARIABLE scripts = coalesce(getvariable('scripts'), (SELECT scripts FROM settings));
SET VARIABLE level = coalesce(getvariable('level'), (SELECT level FROM settings));

SET VARIABLE fingerprint = (
    SELECT md5(concat_ws(
        ' ',
        contents('profiles'),
        contents('ratings'),
        CAST(to_json({level: getvariable('level')}) AS VARCHAR),
        (SELECT CAST(list(v ORDER BY v) AS VARCHAR) FROM muster.version() AS v),
        (SELECT content FROM read_text(getvariable('scripts') || '/log_debias.sql'))
    ))
);
SET VARIABLE fresh = is_fresh('log_debias', getvariable('fingerprint'), ['counts', 'log_debias_estimates']);

CREATE OR REPLACE TEMP VIEW counts_now AS
SELECT counted.*, headcount, value * coalesce(headcount / n_labels, 1) AS scaled
FROM muster.log_debias_counts(ratings, profiles, company) AS counted
LEFT JOIN (SELECT company, max(headcount) AS headcount FROM profiles GROUP BY company) USING (company)
ORDER BY company, annotator;
CREATE OR REPLACE TABLE counts AS FROM kept_or_now('counts');

CREATE OR REPLACE TEMP VIEW log_debias_estimates_now AS
FROM muster.log_debias_estimate(counts, company, annotator, scaled, headcount := headcount, level := getvariable('level'));
CREATE OR REPLACE TABLE log_debias_estimates AS FROM kept_or_now('log_debias_estimates');

DELETE FROM muster_steps WHERE step = 'log_debias' AND NOT getvariable('fresh');
INSERT INTO muster_steps
SELECT 'log_debias', getvariable('fingerprint'), NULL, make_timestamp(epoch_us(now()))
WHERE NOT getvariable('fresh');
COMMIT;

UPDATE muster_steps
SET seconds = epoch(now()) - epoch(finished_at), finished_at = make_timestamp(epoch_us(now()))
WHERE step = 'log_debias' AND seconds IS NULL;
