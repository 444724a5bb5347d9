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
const SPECIFIED: &[&str] = &[
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
    let header = Header::of(header);
    let mut lines = header.opening(plot.name, parameters(statement), rendering);
    lines.push("arguments:".to_string());
    lines.extend(header.arguments());
    lines.extend(["columns:".to_string(), format!("  {}", rendering.column), "example:".to_string()]);
    lines.extend(header.example(plot.name, rendering));
    let comment: String =
        lines.iter().map(|line| if line.is_empty() { "--\n".to_string() } else { format!("-- {line}\n") }).collect();
    comment + &statement_of(plot, statement, rendering)
}

/// Parameters of the macro in the file: the relation, then the plot's own options.
fn parameters(statement: &str) -> &str {
    let end = statement.find(") AS TABLE").unwrap_or(statement.len());
    statement[..end].split_once('(').map_or("", |(_, parameters)| parameters.trim())
}

/// Lines of the header of a plot's file, without the marks of a comment.
struct Header<'a>(Vec<&'a str>);

impl<'a> Header<'a> {
    fn of(comment: &'a str) -> Header<'a> {
        Header(comment.lines().map(|line| line.trim_start_matches("--").strip_prefix(' ').unwrap_or("")).collect())
    }

    /// The lines of a block, up to the next block.
    fn block(&self, name: &str) -> &[&'a str] {
        let start = self.0.iter().position(|line| *line == name).map_or(self.0.len(), |at| at + 1);
        let rest = &self.0[start..];
        &rest[..rest.iter().position(|line| !line.starts_with(' ')).unwrap_or(rest.len())]
    }

    /// Name, section and prose, with an empty line behind them.
    fn opening(&self, plot: &str, parameters: &str, rendering: &Rendering) -> Vec<String> {
        let mut lines: Vec<String> =
            self.0.iter().take_while(|line| **line != "arguments:").map(|line| line.to_string()).collect();
        if rendering.suffix.is_empty() {
            let (relation, _) = parameters.split_once(',').unwrap_or((parameters, ""));
            let file = plot.trim_start_matches("plot_");
            lines.push(format!(
                "One row: `COPY (FROM muster.{plot}({relation})) TO '{file}.svg' (FORMAT blob)` writes the file."
            ));
        } else {
            let own = self.block("specification:");
            let prose = if own.is_empty() { SPECIFIED } else { own };
            let title = format!("{plot}{}: The Vega-Lite specification of `{plot}`.", rendering.suffix);
            // the section and an empty line behind it stay
            lines = [title].into_iter().chain(lines.into_iter().take(3).skip(1)).collect();
            lines.extend(prose.iter().map(|line| line.trim_start().to_string()));
        }
        lines.push(String::new());
        lines
    }

    /// The plot's own arguments and those that all have, their descriptions in one column.
    fn arguments(&self) -> Vec<String> {
        let own = self.block("arguments:");
        let first = own.first().copied().unwrap_or_default().trim_start();
        let name = first.find(' ').unwrap_or(first.len());
        let column = first.len() - first[name..].trim_start().len();
        let shared = OPTIONS.iter().map(|(name, _, description)| format!("  {name:column$}{description}"));
        own.iter().map(|line| line.to_string()).chain(shared).collect()
    }

    fn example(&self, plot: &str, rendering: &Rendering) -> Vec<String> {
        let (picture, function) = (format!("muster.{plot}("), format!("muster.{plot}{}(", rendering.suffix));
        let line = |line: &&str| line.replace(PICTURE.shown, rendering.shown).replace(&picture, &function);
        self.block("example:").iter().map(line).collect()
    }
}

/// The statement that makes the function.
fn statement_of(plot: &Plot, statement: &str, rendering: &Rendering) -> String {
    let Plot { name, fields, .. } = plot;
    let query = statement.split_once(") AS TABLE").map_or("", |(_, query)| query.trim().trim_end_matches(';'));
    let mut parameters = parameters(statement).to_string();
    for (option, default, _) in OPTIONS {
        parameters += &format!(", {option} := {default}");
    }
    let function = format!("{name}{}", rendering.suffix);
    let row: Vec<String> = fields.iter().map(|field| cast(&function, field)).collect();
    // what the query checks itself, it checks in the name of the function called
    let query = query.replace(&format!("'{name}'"), &format!("'{function}'"));
    format!(
        "CREATE MACRO muster.main.{function}({parameters}) AS TABLE
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
        value = rendering.value,
        row = row.join(", "),
    )
}

/// A field of the row, as the kernel takes it; a value that is none of its kind is an error of `function`.
fn cast(function: &str, (name, kind): &Field) -> String {
    let value = format!("_muster_row.{name}");
    let cast = match kind {
        Kind::Text => format!("CAST({value} AS VARCHAR)"),
        Kind::Number => format!("muster.main._muster_number('{function}', '{name}', 'be a number', {value})"),
        Kind::Truth => format!("muster.main._muster_boolean('{function}', '{name}', {value})"),
        Kind::Numbers => format!("CAST({value} AS DOUBLE[])"),
    };
    format!("{name}: {cast}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
-- plot_dots: Dots.
-- section: Plots
--
-- Up to ten.
--
-- arguments:
--   dots       relation with x
--   shape      'round'
-- specification:
--   Ten of them.
-- example:
--   SELECT decode(svg)[:38] AS svg FROM muster.plot_dots(dots);
CREATE MACRO muster.main.plot_dots(dots, shape := 'round') AS TABLE
SELECT _muster_dots.x FROM query_table(dots) AS _muster_dots;
";

    #[test]
    fn a_file_makes_two_functions() {
        let plot = Plot { name: "plot_dots", file: FILE, fields: &[("x", Kind::Number)] };
        let statement = |name: &str, value: &str| {
            format!(
                "CREATE MACRO muster.main.{name}(dots, shape := 'round', title := NULL, subtitle := NULL, width := 720, \
                 height := NULL) AS TABLE
SELECT {value}
FROM (
    SELECT unnest(muster_plot_dots(_muster_rows, muster_options())) AS _muster_picture
    FROM (
        SELECT coalesce(list({{x: muster.main._muster_number('{name}', 'x', 'be a number', _muster_row.x)}}), []) AS _muster_rows
        FROM (
SELECT _muster_dots.x FROM query_table(dots) AS _muster_dots
        ) AS _muster_row
    )
);
"
            )
        };
        let arguments = "\
-- arguments:
--   dots       relation with x
--   shape      'round'
--   title      of the picture; NULL = the plot's own, an empty text = none
--   subtitle   the same
--   width      pixels, 240 to 10000
--   height     pixels; NULL = as high as the rows need
";
        let picture = format!(
            "\
-- plot_dots: Dots.
-- section: Plots
--
-- Up to ten.
--
-- One row: `COPY (FROM muster.plot_dots(dots)) TO 'dots.svg' (FORMAT blob)` writes the file.
--
{arguments}-- columns:
--   svg BLOB   the picture
-- example:
--   SELECT decode(svg)[:38] AS svg FROM muster.plot_dots(dots);
{}",
            statement("plot_dots", "encode(_muster_picture) AS svg")
        );
        assert_eq!(derived(&plot, &PICTURE), picture);
        let specification = format!(
            "\
-- plot_dots_spec: The Vega-Lite specification of `plot_dots`.
-- section: Plots
--
-- Ten of them.
--
{arguments}-- columns:
--   spec VARCHAR   JSON
-- example:
--   SELECT spec->'$.\"$schema\"' AS schema FROM muster.plot_dots_spec(dots);
{}",
            statement("plot_dots_spec", "_muster_picture AS spec")
        );
        assert_eq!(derived(&plot, &SPECIFICATION), specification);
    }
}
