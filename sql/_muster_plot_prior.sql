-- _muster_plot_prior: Rows of `plot_prior` and of its specification, and what is made of them.
-- section: Helpers
CREATE MACRO muster.main._muster_plot_prior(caller, priors, title, subtitle, width, height) AS TABLE
WITH _muster_row AS (
    SELECT
        [CAST(_muster_priors.name AS VARCHAR)] AS _muster_texts,
        [CAST(_muster_priors.alpha AS DOUBLE), CAST(_muster_priors.beta AS DOUBLE)] AS _muster_numbers
    FROM query_table(priors) AS _muster_priors
),
_muster_options AS (
    SELECT CAST(to_json({
        title: CAST(title AS VARCHAR),
        subtitle: CAST(subtitle AS VARCHAR),
        width: CAST(width AS VARCHAR),
        height: CAST(height AS VARCHAR)
    }) AS VARCHAR) AS _muster_json
)
FROM muster.main._muster_drawn(caller, _muster_row, _muster_options);
