-- _muster_label_list: The rows of `_muster_labels` as one list, and how many classes their labels are.
-- section: Helpers
CREATE MACRO muster.main._muster_label_list(labels) AS TABLE
SELECT
    coalesce(
        list({item: _muster_item, annotator: _muster_annotator, label: _muster_label, gold: _muster_gold}),
        []
    ) AS _muster_labels,
    count(DISTINCT _muster_label) AS _muster_n_classes
FROM query_table(labels);
