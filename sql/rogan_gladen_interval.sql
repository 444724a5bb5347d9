-- rogan_gladen_interval: Prevalence behind the positives of an annotator with known errors, with its interval.
-- section: Debiasing
--
-- The estimate of Rogan and Gladen (1978), (p + Sp - 1) / (Se + Sp - 1), and the interval of Lang and Reiczigel (2014), which
-- has the uncertainty of all three samples. Gives {raw, estimate, lower, upper}: raw may lie outside 0 to 1, the rest is
-- clipped. NULL where an argument is NULL, a sample is empty, or the annotator is no better than chance (Se + Sp <= 1).
--
-- arguments:
--   positives   people the annotator called positive
--   n           people it labelled
--   se_k        true positives among the gold positives
--   se_n        gold positives with a label
--   sp_k        true negatives among the gold negatives
--   sp_n        gold negatives with a label
--   level       of the interval, between 0 and 1
-- example:
--   SELECT unnest(muster.rogan_gladen_interval(200, 1000, 111, 153, 375, 432));
CREATE MACRO muster.main.rogan_gladen_interval(positives, n, se_k, se_n, sp_k, sp_n, level := 0.8) AS
    list_extract(
        muster_rogan_gladen_interval(
            muster.main._muster_number('rogan_gladen_interval', 'positives', 'be a number', positives),
            muster.main._muster_number('rogan_gladen_interval', 'n', 'be a number', n),
            muster.main._muster_number('rogan_gladen_interval', 'se_k', 'be a number', se_k),
            muster.main._muster_number('rogan_gladen_interval', 'se_n', 'be a number', se_n),
            muster.main._muster_number('rogan_gladen_interval', 'sp_k', 'be a number', sp_k),
            muster.main._muster_number('rogan_gladen_interval', 'sp_n', 'be a number', sp_n),
            muster.main._muster_number('rogan_gladen_interval', 'level', 'be a number', level)
        ),
        1
    );
