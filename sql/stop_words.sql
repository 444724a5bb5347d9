-- stop_words: Words that are no keywords, by kind, to choose from and to add to.
-- section: Keywords
--
-- `stop_words := 'english'` means the rows of kind 'english', 'study' all rows. A list of one's own is made in SQL, from
-- this table or any other: `stop_words := (SELECT list(word) FROM muster.stop_words() WHERE kind <> 'place')`.
--
-- columns:
--   word VARCHAR   lower-case
--   kind VARCHAR   'english' (scikit-learn's 318), 'company', 'job', 'place' or 'heading' (words of CVs)
-- example:
--   SELECT kind, count(*) AS words, min(word) AS first, max(word) AS last
--   FROM muster.stop_words()
--   GROUP BY kind ORDER BY kind;
CREATE MACRO muster.main.stop_words() AS TABLE
SELECT unnest(_muster_row)
FROM (SELECT unnest(muster_stop_words('')) AS _muster_row);
