//! Two SQL functions of each plot, derived from its one file: `plot_x`, the picture, and `plot_x_spec`, its Vega-Lite
//! specification.
//!
//! The file states what is the plot's own: its header, and a macro `plot_x(relation, option := default, …)` whose query
//! gives rows with columns named like the fields of the plot's [`Record`], in any order. What all plots have in common
//! (title, subtitle, width and height, the column that is returned, how a file is written) is stated here. The header
//! may have a block `specification:`, prose of the specification instead of the usual sentence.

use crate::plot::picture::Picture;
use crate::plot::plots;
use crate::plot::row::{Field, Kind, Record};

/// A plot as it is written down.
struct Plot {
    /// Name of the function that returns the picture.
    name: &'static str,
    file: &'static str,
    /// Columns of the rows.
    fields: &'static [Field],
}

macro_rules! written {
    ($($name:ident: $module:ident::$plot:ident,)*) => {
        &[$(Plot {
            name: stringify!($name),
            file: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/sql/", stringify!($name), ".sql")),
            fields: <<crate::plot::$module::$plot as Picture>::Row as Record>::FIELDS,
        }),*]
    };
}

const PLOTS: &[Plot] = plots!(written);

/// Name, default and description of the options that every plot has.
const OPTIONS: [(&str, &str, &str); 4] = [
    ("title", "NULL", "of the picture; NULL = the plot's own, an empty text = none"),
    ("subtitle", "NULL", "the same"),
    ("width", "720", "pixels, 240 to 10000"),
    ("height", "NULL", "pixels; NULL = as high as the rows need"),
];

/// One of the two functions of a plot.
struct Rendering {
    /// Ending of its name.
    suffix: &'static str,
    /// Name, type and description of the column.
    column: &'static str,
    /// The column, of the kernel's text.
    value: &'static str,
    /// The column in an example.
    shown: &'static str,
}

const PICTURE: Rendering = Rendering {
    suffix: "",
    column: "svg BLOB   the picture",
    value: "encode(_muster_picture) AS svg",
    shown: "decode(svg)[:38] AS svg",
};

const SPECIFICATION: Rendering = Rendering {
    suffix: "_spec",
    column: "spec VARCHAR   JSON",
    value: "_muster_picture AS spec",
    shown: "spec->'$.\"$schema\"' AS schema",
};

/// Prose of a specification whose file says nothing else.
const SPECIFIED: [&str; 2] = [
    "The same rows in the same order, inline, as a specification of Vega-Lite 5 to go on from. What is left out is said in",
    "the subtitle.",
];

/// The files of all plots' functions, as they would stand in `sql/`.
pub(crate) fn files() -> Vec<String> {
    PLOTS.iter().flat_map(|plot| [derived(plot, &PICTURE), derived(plot, &SPECIFICATION)]).collect()
}

/// The file of one function of a plot.
fn derived(plot: &Plot, rendering: &Rendering) -> String {
    let (header, statement) = plot.file.split_at(plot.file.find("CREATE MACRO").unwrap_or(plot.file.len()));
    let mut lines: Vec<String> = documented(plot.name, header, parameters(statement), rendering);
    for line in &mut lines {
        line.insert_str(0, if line.is_empty() { "--" } else { "-- " });
    }
    format!("{}\n{}", lines.join("\n"), statement_of(plot, statement, rendering))
}

/// Parameters of the macro in the file: the relation, then the plot's own options.
fn parameters(statement: &str) -> &str {
    let end = statement.find(") AS TABLE").unwrap_or(statement.len());
    statement[..end].split_once('(').map_or("", |(_, parameters)| parameters.trim())
}

/// The lines of the header.
fn documented(plot: &str, header: &str, parameters: &str, rendering: &Rendering) -> Vec<String> {
    let lines: Vec<&str> =
        header.lines().map(|line| line.strip_prefix("-- ").unwrap_or_else(|| line.trim_start_matches("--"))).collect();
    // a block ends where the next begins
    let block = |name: &str| -> &[&str] {
        let Some(start) = lines.iter().position(|line| *line == name) else { return &[] };
        let rest = &lines[start + 1..];
        &rest[..rest.iter().position(|line| !line.starts_with(' ')).unwrap_or(rest.len())]
    };
    let own = block("arguments:");
    let prose: Vec<&str> = lines.iter().copied().take_while(|line| *line != "arguments:").collect();
    let (relation, _) = parameters.split_once(',').unwrap_or((parameters, ""));
    let mut out: Vec<String> = Vec::new();
    let mut add = |lines: &[&str]| out.extend(lines.iter().map(|line| line.to_string()));
    if rendering.suffix.is_empty() {
        let short = plot.trim_start_matches("plot_");
        let saved =
            format!("One row: `COPY (FROM muster.{plot}({relation})) TO '{short}.svg' (FORMAT blob)` writes the file.");
        add(&prose);
        add(&[&saved, ""]);
    } else {
        let specified = block("specification:");
        add(&[
            &format!("{plot}{}: The Vega-Lite specification of `{plot}`.", rendering.suffix),
            lines.get(1).copied().unwrap_or_default(),
            "",
        ]);
        if specified.is_empty() {
            add(&SPECIFIED);
        } else {
            add(&specified.iter().map(|line| line.trim_start()).collect::<Vec<_>>());
        }
        add(&[""]);
    }
    add(&["arguments:"]);
    add(own);
    // descriptions stand in one column
    let first = own.first().map_or("", |line| line.trim_start());
    let name = first.find(' ').unwrap_or(first.len());
    let column = name + first[name..].len() - first[name..].trim_start().len();
    for (name, _, description) in OPTIONS {
        add(&[&format!("  {name:column$}{description}")]);
    }
    add(&["columns:", &format!("  {}", rendering.column), "example:"]);
    for line in block("example:") {
        let line = line.replace(PICTURE.shown, rendering.shown);
        add(&[&line.replace(&format!("muster.{plot}("), &format!("muster.{plot}{}(", rendering.suffix))]);
    }
    out
}

/// The statement that makes the function.
fn statement_of(plot: &Plot, statement: &str, rendering: &Rendering) -> String {
    let Plot { name, fields, .. } = plot;
    let query = statement.split_once(") AS TABLE").map_or("", |(_, query)| query.trim().trim_end_matches(';'));
    let mut parameters = parameters(statement).to_string();
    for (option, default, _) in OPTIONS {
        parameters += &format!(", {option} := {default}");
    }
    let row: Vec<String> = fields.iter().map(cast).collect();
    format!(
        "CREATE MACRO muster.main.{name}{suffix}({parameters}) AS TABLE
SELECT {value}
FROM (
    SELECT unnest(muster_{name}(_muster_rows, muster_options())) AS _muster_picture
    FROM (
        SELECT coalesce(list({{{row}}}), []) AS _muster_rows
        FROM (
{query}
        ) AS _muster_row
    )
);
",
        suffix = rendering.suffix,
        value = rendering.value,
        row = row.join(", "),
    )
}

/// A field of the row, as the kernel takes it.
fn cast((name, kind): &Field) -> String {
    let kind = match kind {
        Kind::Text => "VARCHAR",
        Kind::Number => "DOUBLE",
        Kind::Truth => "BOOLEAN",
        Kind::Numbers => "DOUBLE[]",
    };
    format!("{name}: CAST(_muster_row.{name} AS {kind})")
}
