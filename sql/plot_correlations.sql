-- plot_correlations: Correlations of annotators within each class, as one triangle of cells a class.
-- section: Plots
--
-- A cell has the colour and the number of its pair, the name of its column stands on the diagonal. Up to 40 annotators,
-- beyond about 20 without numbers unless the picture is wider. Pairs without a correlation stay white and are counted in a
-- note.
--
-- arguments:
--   correlations   relation with class, annotator, other and the measure, such as `annotator_correlations` returns
--   measure        'tetrachoric' or 'phi'
-- example:
--   WITH correlations AS (FROM muster.annotator_correlations(ratings, profiles, is_expert))
--   SELECT decode(svg)[:38] AS svg FROM muster.plot_correlations(correlations);
CREATE MACRO muster.main.plot_correlations(correlations, measure := 'tetrachoric') AS TABLE
WITH _muster_correlations AS (
    -- what a relation may lack
    SELECT NULL AS tetrachoric, NULL AS phi
    WHERE false
    UNION ALL BY NAME
    SELECT * FROM query_table(correlations)
)
SELECT
    _muster_correlations.class,
    _muster_correlations.annotator,
    _muster_correlations.other,
    _muster_correlations.tetrachoric,
    _muster_correlations.phi
FROM _muster_correlations;
