-- report: one page with the study's tables and pictures, and each picture as a file.
--
-- The page is one file: the pictures stand in it, and nothing is loaded from elsewhere. The folder of the setting
-- `report`, which must exist, gets index.html and the SVG files.
--
--   pictures   name, svg: each picture of the page
--   page       html: the page
BEGIN;
SET VARIABLE step = 'report';
SET VARIABLE ready = (
    SELECT error(getvariable('step') || ': table settings is missing, run sql/pipeline/settings.sql first')
    WHERE 'settings' NOT IN (SELECT table_name FROM information_schema.tables)
);
SET VARIABLE begun = begin_step();

-- tables and what they are made of, read from the scripts themselves. A view x_now computes the table x; the scripts
-- that begin the study (settings) and end it (this one) are left out
CREATE OR REPLACE TEMP VIEW pipeline_edges AS
WITH edges AS (
    SELECT
        regexp_replace(edge.source, '_now$', '') AS source,
        regexp_replace(edge.target, '_now$', '') AS target
    FROM (
        SELECT string_agg(content, chr(10) ORDER BY filename) AS text
        FROM read_text(setting('scripts') || '/*.sql')
        WHERE NOT regexp_matches(filename, '(all|settings|report)\.sql$')
    ) AS script,
        LATERAL (FROM muster.lineage(script.text)) AS edge
    WHERE edge.error IS NULL AND edge.kind IN ('create table', 'create view')
)
SELECT DISTINCT source, target
FROM edges
WHERE source <> target AND NOT regexp_full_match(source, '\{\w+\}')
ORDER BY source, target;

CREATE OR REPLACE TEMP VIEW report_settings AS
SELECT rowid AS place, name, value FROM settings WHERE scope <> 'place';

SET VARIABLE state = (FROM step_state());

-- Pictures

CREATE OR REPLACE TEMP VIEW estimates_by_method AS
SELECT company, 'probit bootstrap' AS method, estimate, lower, upper, below_floor FROM estimates
UNION ALL BY NAME
SELECT company, 'log debiasing' AS method, estimate, lower, upper FROM log_debias_estimates;

CREATE OR REPLACE TEMP VIEW priors AS
SELECT 'setting ' || setting AS name, prior_alpha AS alpha, prior_beta AS beta
FROM prior_sensitivity
WHERE company IS NULL AND prior_alpha IS NOT NULL
ORDER BY setting;

-- the score of a word says how one-sided it is, the log-odds over their standard deviation how sure that is
CREATE OR REPLACE TEMP VIEW telling_keywords AS
SELECT CASE label WHEN 'true' THEN 'experts' ELSE 'others' END AS label, keyword, log_odds_z AS score
FROM class_keywords
WHERE q_value < 0.05 AND log_odds_z > 0 AND NOT regexp_matches(keyword, '[0-9]')
ORDER BY label, score DESC, keyword;

CREATE OR REPLACE TEMP VIEW pictures_now AS
SELECT 'landscape' AS name, decode(svg) AS svg FROM muster.plot_landscape(estimates)
UNION ALL
SELECT 'headcounts' AS name, decode(svg) AS svg FROM muster.plot_headcounts(estimates)
UNION ALL
SELECT 'uncertainty' AS name, decode(svg) AS svg FROM muster.plot_uncertainty(estimates, level := setting('level'))
UNION ALL
SELECT 'methods' AS name, decode(svg) AS svg FROM muster.plot_methods(estimates_by_method)
UNION ALL
SELECT 'annotators' AS name, decode(svg) AS svg FROM muster.plot_annotators(annotator_metrics)
UNION ALL
SELECT 'bias' AS name, decode(svg) AS svg FROM muster.plot_bias(annotator_metrics)
UNION ALL
SELECT 'correlations' AS name, decode(svg) AS svg FROM muster.plot_correlations(annotator_correlations)
UNION ALL
SELECT 'keywords' AS name, decode(svg) AS svg FROM muster.plot_keywords(
    telling_keywords,
    title := 'Words that tell experts from others',
    subtitle := 'Log-odds over their standard deviation'
)
UNION ALL
SELECT 'clusters' AS name, decode(svg) AS svg FROM muster.plot_clusters(keyword_map)
UNION ALL
SELECT 'priors' AS name, decode(svg) AS svg FROM muster.plot_prior(priors)
UNION ALL
SELECT 'lineage' AS name, decode(svg) AS svg FROM muster.plot_lineage(pipeline_edges, width := 1600);
CREATE OR REPLACE TABLE pictures AS FROM kept_or_now('pictures');

-- Page

CREATE OR REPLACE TEMP MACRO escaped(value) AS
    replace(replace(replace(replace(CAST(value AS VARCHAR), '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;');

-- numbers stand to the right
CREATE OR REPLACE TEMP MACRO html_class(name, value) AS
    CASE
        WHEN name NOT IN ('value', 'version') AND regexp_full_match(value, '-?[0-9][0-9,.]*( %| to [0-9][0-9,.]*)?')
            THEN ' class="number"'
        ELSE ''
    END;

-- a list of structs as a table; the names of their fields are its head
CREATE OR REPLACE TEMP MACRO html_table(lines) AS (
    SELECT CASE WHEN len(rows) > 0 THEN
        '<table><thead><tr>'
        || array_to_string(list_transform(
            json_keys(rows[1]),
            lambda key: '<th' || html_class(key, coalesce(rows[1] ->> ('$."' || key || '"'), '')) || '>'
                || escaped(key) || '</th>'
        ), '')
        || '</tr></thead><tbody>'
        || array_to_string(list_transform(rows, lambda row: '<tr>' || array_to_string(
            list_transform(list_transform(
                json_keys(row),
                lambda key: {key: key, value: coalesce(row ->> ('$."' || key || '"'), '–')}
            ), lambda cell: '<td' || html_class(cell.key, cell.value) || '>' || escaped(cell.value) || '</td>'), ''
        ) || '</tr>'), '')
        || '</tbody></table>'
        ELSE '<p>None.</p>'
    END
    FROM (SELECT list_transform(lines, lambda line: to_json(line)) AS rows)
);

CREATE OR REPLACE TEMP MACRO figure(picture, caption) AS
    '<figure>' || (SELECT svg FROM pictures WHERE name = picture)
    || '<figcaption>' || caption || '</figcaption></figure>';

CREATE OR REPLACE TEMP MACRO whole(value) AS format('{:,}', CAST(round(value) AS BIGINT));
CREATE OR REPLACE TEMP MACRO percent(value) AS printf('%.1f %%', 100 * value);
CREATE OR REPLACE TEMP MACRO digits(value) AS printf('%.2f', value);
CREATE OR REPLACE TEMP MACRO span(low, high) AS whole(low) || ' to ' || whole(high);

CREATE OR REPLACE TEMP VIEW sections AS
SELECT 1 AS place, 'Experts' AS title,
    '<p class="lead">' || (
        SELECT 'About <strong>' || whole(estimate) || '</strong> experts among ' || whole(headcount) || ' employees of '
            || companies || ' companies; ' || printf('%g %%', 100 * setting('level')) || ' interval '
            || span(lower, upper) || '.</p>'
            || coalesce('<p>To be doubted: ' || escaped(note) || '.</p>', '')
        FROM totals
    )
    || (
        SELECT CASE
            WHEN fits THEN '<p>The model of the annotators can produce the labels that are observed.</p>'
            WHEN NOT fits THEN '<p><strong>The model of the annotators cannot produce the labels that are observed</strong> (p = '
                || printf('%.3f', p_value) || coalesce('; ' || escaped(note), '') || '): furthest off '
                || CASE WHEN other IS NULL THEN 'is ' || escaped(annotator)
                    ELSE 'are ' || escaped(annotator) || ' and ' || escaped(other) || ' together' END
                || '. The number above may be as far off.</p>'
            ELSE '<p>Whether the model of the annotators can produce the labels that are observed is not known: '
                || escaped(coalesce(note, 'nothing is tested')) || '.</p>'
        END
        FROM predictive_check
        WHERE company IS NULL AND counted_by = 'pattern'
    )
    || '<p>From ' || (SELECT whole(count(*)) FROM profiles) || ' profiles, '
    || (SELECT whole(count(label)) FROM ratings) || ' labels of '
    || (SELECT count(DISTINCT annotator) FROM ratings) || ' annotators, and '
    || (SELECT whole(count(is_expert)) FROM profiles)
    || ' people rated by hand, ' || (SELECT count(*) FILTER (is_expert) FROM profiles) || ' of them experts.</p>'
    || figure('landscape', 'Share of experts against their number. Companies of one size lie on a rising line.')
    || figure('uncertainty', 'All companies together: the sums of the replicates.')
    || '<h3>By sector</h3>'
    || html_table((
        SELECT list({
            sector: stratum, companies: companies, employees: whole(headcount), experts: whole(estimate),
            interval: span(lower, upper)
        } ORDER BY estimate DESC, stratum)
        FROM totals_by_sector
    ))
    || '<p>Intervals of totals are quantiles of joint draws. Companies share the gold people, so their errors go '
    || 'together, and the
        limits of the sectors do not add up to those of the total.</p>' AS html
UNION ALL
SELECT 2, 'Companies',
    figure(
        'headcounts', 'Estimates with their intervals. An open mark cannot be told from a company without any expert.'
    )
    || html_table((
        SELECT list({
            company: company, employees: whole(headcount), profiles: whole(n_observed), experts: whole(estimate),
            interval: span(lower, upper), share: percent(share),
            "below floor": CASE WHEN below_floor THEN 'yes' ELSE '' END
        } ORDER BY estimate DESC, company)
        FROM (FROM estimates ORDER BY estimate DESC, company LIMIT 100)
    ))
    || '<h3>Two methods</h3>'
    || figure(
        'methods',
        'The probit bootstrap uses the gold people; log debiasing only what annotators agree on, so its band is '
        || 'agreement, not accuracy. Both are for all employees.'
    )
UNION ALL
SELECT 3, 'Annotators',
    figure(
        'annotators', 'What each annotator finds among the experts, and leaves among the others, on the gold people.'
    )
    || figure('bias', 'Share called expert less the share of experts, against accuracy.')
    || html_table((
        SELECT list({
            annotator: annotator, tp: tp, fp: fp, tn: tn, fn: fn, missing: missing, sensitivity: digits(sensitivity),
            specificity: digits(specificity), accuracy: digits(accuracy), bias: digits(bias)
        } ORDER BY annotator = '(model)', annotator)
        FROM annotator_metrics
    ))
    || figure(
        'correlations',
        'Which annotators err together: tetrachoric correlations within experts and within the others.'
    )
    || '<h3>Left out of the model</h3>'
    || html_table((
        SELECT list({annotator: annotator, why: note} ORDER BY annotator)
        FROM annotator_model
        WHERE quantity = 'dropped'
    ))
    || '<h3>Language models</h3>'
    || html_table((
        SELECT list(line ORDER BY line.model)
        FROM (
            SELECT {
                model: requested_model, texts: whole(count(*)), yes: whole(count(*) FILTER (label)),
                failed: count(error), "input tokens": whole(sum(input_tokens)),
                "output tokens": whole(sum(output_tokens)), "cost in $": digits(sum(cost_usd))
            } AS line
            FROM answers
            GROUP BY requested_model
        )
    ))
UNION ALL
SELECT 4, 'Keywords',
    figure('keywords', 'Words and phrases that tell the CVs of experts from those of others.')
    || '<h3>Lists, judged on CVs they were not made from</h3>'
    || html_table((
        SELECT list({
            list: list, class: CASE label WHEN 'true' THEN 'experts' ELSE 'others' END, keywords: n_keywords,
            tp: tp, fp: fp, tn: tn, fn: fn, sensitivity: digits(sensitivity), specificity: digits(specificity),
            precision: digits(precision), accuracy: digits(accuracy)
        } ORDER BY label DESC, list DESC)
        FROM keyword_list_scores
    ))
    || '<h3>What is in them</h3>'
    || html_table((
        SELECT list({
            list: CASE list WHEN 'broad' THEN 'broad, besides' ELSE list END,
            class: CASE label WHEN 'true' THEN 'experts' ELSE 'others' END,
            keywords: words
        } ORDER BY label DESC, list DESC)
        FROM (
            -- the strict list is a part of the broad one
            SELECT
                max(list) AS list,
                label,
                array_to_string(list(keyword ORDER BY n_documents DESC, keyword)[:25], ', ') AS words
            FROM (
                SELECT max(list) AS list, label, keyword, any_value(n_documents) AS n_documents
                FROM keyword_lists
                JOIN class_keywords USING (label, keyword)
                GROUP BY label, keyword
            ) AS keywords
            GROUP BY label, keywords.list
        )
    ))
UNION ALL
SELECT 5, 'Clusters',
    figure('clusters', 'Keywords of the gold CVs: what is far apart is unlike; what is near need not be alike.')
    || html_table((
        SELECT list({
            cluster: cluster, representative: representative, keywords: size, "CVs of experts": percent(share),
            silhouette: digits(silhouette), members: array_to_string(members[:8], ', ')
        } ORDER BY share DESC, cluster)
        FROM (
            SELECT * EXCLUDE (cvs, experts), experts / cvs AS share
            FROM keyword_clusters
            JOIN (
                SELECT cluster, sum(cvs) AS cvs, sum(experts) AS experts
                FROM (SELECT cluster, unnest(members) AS keyword FROM keyword_clusters)
                JOIN common_keywords USING (keyword)
                GROUP BY cluster
            ) USING (cluster)
            ORDER BY share DESC, cluster
            LIMIT 25
        )
    ))
    || '<p>The clusters whose keywords are most often those of experts'' CVs, up to 25.</p>'
    || '<h3>Gold CVs that are alike</h3>'
    || html_table((
        SELECT list({
            cluster: cluster, "words that tell": coalesce(array_to_string(label, ', '), '(in no cluster)'),
            CVs: size, experts: experts, silhouette: digits(silhouette)
        } ORDER BY cluster)
        FROM (
            SELECT
                cluster,
                any_value(label) AS label,
                count(*) AS size,
                count(*) FILTER (is_expert) AS experts,
                any_value(silhouette) AS silhouette
            FROM (SELECT cluster, label, silhouette, unnest(members) AS profile_id FROM profile_clusters)
            JOIN profiles USING (profile_id)
            GROUP BY cluster
        )
    ))
UNION ALL
SELECT 6, 'Affiliations',
    html_table((
        SELECT list(line ORDER BY line.category)
        FROM (
            SELECT {
                category: category, organisations: whole(count(*)), people: whole(sum(n)),
                largest: array_to_string(list(affiliation ORDER BY n DESC, affiliation)[:6], '; ')
            } AS line
            FROM organisations
            GROUP BY category
        )
    ))
    || '<h3>Companies of the study as people name them</h3>'
    || html_table((
        SELECT list({
            company: company, "people who name it": n_named, "known to be there": n_known,
            "known to be elsewhere": n_elsewhere
        } ORDER BY n_named DESC, company)
        FROM (FROM company_affiliations ORDER BY n_named DESC, company LIMIT 15)
    ))
UNION ALL
SELECT 7, 'May the estimates be believed?',
    '<h3>Do annotators drift from company to company?</h3>'
    || html_table((
        SELECT list({
            annotator: coalesce(annotator, 'all together'), companies: companies,
            "statistic / df": digits(statistic / nullif(df, 0)), "p-value": printf('%.3f', p_value),
            drifts: CASE WHEN drifts THEN 'yes' ELSE 'no' END, "drift sd": printf('%.3f', drift_sd)
        } ORDER BY annotator NULLS FIRST)
        FROM drift
    ))
    || '<h3>Can the model produce what is observed?</h3>'
    || html_table((
        SELECT list({
            "counted by": counted_by, people: whole(n), cells: cells, statistic: digits(statistic),
            expected: digits(expected), "p-value": digits(p_value),
            fits: CASE WHEN fits THEN 'yes' WHEN NOT fits THEN 'no' END,
            "furthest off": array_to_string([annotator, other], ' and ')
        } ORDER BY counted_by DESC)
        FROM predictive_check
        WHERE company IS NULL
    ))
    || '<p>' || (
        SELECT count(*) FILTER (p_value < 0.05) || ' of ' || count(p_value)
            || ' companies have a p-value below 0.05 by pattern of labels.'
        FROM predictive_check
        WHERE company IS NOT NULL AND counted_by = 'pattern'
    ) || '</p>'
    || '<h3>Other methods, priors and assumptions: all companies together</h3>'
    || html_table((
        SELECT list({
            setting: setting,
            method: method,
            prior: coalesce(printf('Beta(%g, %g)', prior_alpha, prior_beta), ''),
            "drift allowed": coalesce(printf('%g', drift_sd), ''),
            experts: whole(estimate),
            interval: span(lower, upper)
        } ORDER BY setting)
        FROM prior_sensitivity
        WHERE company IS NULL
    ))
    || figure('priors', 'The priors of the method ''original'' in that table.')
UNION ALL
SELECT 8, 'How it was made',
    figure('lineage', 'Which table is made of which, read from the scripts.')
    || '<h3>Inputs</h3><p>Rules that are violated, and allowed:</p>'
    || html_table((
        SELECT list({
            relation: relation, rule: rule, times: n, 'such as': array_to_string(examples, '; ')
        } ORDER BY relation, rule)
        FROM input_problems
    ))
    || '<h3>Settings</h3>'
    || html_table((
        SELECT list({setting: name, value: value ->> '$'} ORDER BY place)
        FROM report_settings
    ))
    || '<h3>Versions</h3>'
    || html_table((
        SELECT list({component: component, version: version} ORDER BY component = 'muster' DESC, component)
        FROM muster.version()
    ));

CREATE OR REPLACE TEMP VIEW page_now AS
SELECT '<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Experts by company</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 60rem; margin: 0 auto; padding: 1rem 1.5rem 4rem; }
h1 { font-size: 1.8rem; margin: 1rem 0 0.5rem; }
h2 { font-size: 1.35rem; margin: 3rem 0 0.5rem; padding-top: 0.5rem; border-top: 2px solid #1a1a1a; }
h3 { font-size: 1.05rem; margin: 2rem 0 0.5rem; }
nav a { margin-right: 1rem; white-space: nowrap; }
a { color: #0b5394; }
.lead { font-size: 1.15rem; }
figure { margin: 1.5rem 0; break-inside: avoid; }
figure svg { max-width: 100%; height: auto; }
figcaption { color: #555; font-size: 0.9rem; }
table { border-collapse: collapse; font-size: 0.85rem; margin: 0.75rem 0; }
th { text-align: left; border-bottom: 1.5px solid #1a1a1a; vertical-align: bottom; }
th, td { padding: 0.2rem 0.9rem 0.2rem 0; }
td { border-bottom: 1px solid #ddd; vertical-align: top; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
@media print {
    body { font-size: 10pt; max-width: none; padding: 0; }
    nav { display: none; }
    h2, h3 { break-after: avoid; }
    figure svg { max-height: 15cm; }
    thead { display: table-header-group; }
    tr { break-inside: avoid; }
}
</style>
</head>
<body>
<h1>Experts by company</h1>
<nav>' || string_agg('<a href="#' || place || '">' || title || '</a>', ' ' ORDER BY place) || '</nav>
' || string_agg('<h2 id="' || place || '">' || title || '</h2>
' || html, chr(10) ORDER BY place) || '
</body>
</html>
' AS html
FROM sections;
CREATE OR REPLACE TABLE page AS FROM kept_or_now('page');

-- Files

CREATE OR REPLACE TEMP MACRO file(name) AS setting('report') || '/' || name;
CREATE OR REPLACE TEMP MACRO drawn(picture) AS TABLE SELECT encode(svg) FROM pictures WHERE name = picture;

COPY (SELECT encode(html) FROM page) TO (file('index.html')) (FORMAT blob);
COPY (FROM drawn('landscape')) TO (file('landscape.svg')) (FORMAT blob);
COPY (FROM drawn('headcounts')) TO (file('headcounts.svg')) (FORMAT blob);
COPY (FROM drawn('uncertainty')) TO (file('uncertainty.svg')) (FORMAT blob);
COPY (FROM drawn('methods')) TO (file('methods.svg')) (FORMAT blob);
COPY (FROM drawn('annotators')) TO (file('annotators.svg')) (FORMAT blob);
COPY (FROM drawn('bias')) TO (file('bias.svg')) (FORMAT blob);
COPY (FROM drawn('correlations')) TO (file('correlations.svg')) (FORMAT blob);
COPY (FROM drawn('keywords')) TO (file('keywords.svg')) (FORMAT blob);
COPY (FROM drawn('clusters')) TO (file('clusters.svg')) (FORMAT blob);
COPY (FROM drawn('priors')) TO (file('priors.svg')) (FORMAT blob);
COPY (FROM drawn('lineage')) TO (file('lineage.svg')) (FORMAT blob);

MERGE INTO muster_steps USING (FROM finished_step()) AS done USING (step)
WHEN MATCHED THEN UPDATE WHEN NOT MATCHED THEN INSERT;
COMMIT;
