//! The kernels behind the plots, one each: `muster_plot_x(caller, rows, options)`.

use super::table::{Failure, list_of, rows, text};
use crate::options::{OptionError, Options};
use crate::plot::correlations::Measure;
use crate::plot::picture::Picture;
use crate::plot::plots;
use crate::plot::row::{Kind, Record, Source};
use crate::plot::settings::{Frame, Top};
use crate::plot::uncertainty::Choice;
use duckdb::Connection;
use duckdb::arrow::array::{Array, AsArray, ListBuilder, RecordBatch, StringBuilder, StructArray};
use duckdb::arrow::datatypes::{DataType, Field, Float64Type};
use duckdb::vscalar::{ArrowFunctionSignature, VArrowScalar};
use std::marker::PhantomData;
use std::sync::Arc;

/// Registers the kernel of every plot.
pub fn register(connection: &Connection) -> Result<(), Failure> {
    macro_rules! register {
        ($($name:ident: $module:ident::$plot:ident,)*) => {
            $(connection.register_scalar_function::<Drawn<crate::plot::$module::$plot>>(
                concat!("muster_", stringify!($name))
            )?;)*
        };
    }
    plots!(register);
    Ok(())
}

/// The kernel of one plot: a list of one text, the picture, or the specification where the caller's name ends in
/// `_spec`.
struct Drawn<P>(PhantomData<P>);

impl<P: Picture<Settings: Taken> + 'static> VArrowScalar for Drawn<P> {
    type State = ();

    fn invoke(_: &(), input: RecordBatch) -> Result<Arc<dyn Array>, Failure> {
        let mut pictures = ListBuilder::new(StringBuilder::new());
        for call in 0..input.num_rows() {
            let (caller, options) = (text(&input, 0, call), text(&input, 2, call));
            pictures.append_value([Some(drawn::<P>(caller, &rows(&input, 1, call), options)?)]);
        }
        Ok(Arc::new(pictures.finish()))
    }

    fn signatures() -> Vec<ArrowFunctionSignature> {
        let field = |(name, kind): &(&str, Kind)| Field::new(*name, data_type(*kind), true);
        let row = DataType::Struct(P::Row::FIELDS.iter().map(field).collect());
        let arguments = vec![DataType::Utf8, list_of(row), DataType::Utf8];
        vec![ArrowFunctionSignature::exact(arguments, list_of(DataType::Utf8))]
    }
}

fn data_type(kind: Kind) -> DataType {
    match kind {
        Kind::Text => DataType::Utf8,
        Kind::Number => DataType::Float64,
        Kind::Truth => DataType::Boolean,
        Kind::Numbers => list_of(DataType::Float64),
    }
}

fn drawn<P: Picture<Settings: Taken>>(caller: &str, rows: &StructArray, options: &str) -> Result<String, Failure> {
    let (frame, settings) = settings(caller, options)?;
    let rows = (0..rows.len()).map(|row| P::Row::read(&Cells { rows, row })).collect();
    let picture = P::read(rows, settings).map_err(|error| format!("{caller}: {error}"))?;
    Ok(if caller.ends_with("_spec") { picture.spec(&frame).to_string() } else { picture.svg(&frame) })
}

/// One row of a list of structs.
struct Cells<'a> {
    rows: &'a StructArray,
    row: usize,
}

impl Cells<'_> {
    /// The column, unless the row has NULL in it.
    fn column(&self, field: &str) -> Option<&Arc<dyn Array>> {
        self.rows.column_by_name(field).filter(|column| column.is_valid(self.row))
    }
}

impl Source for Cells<'_> {
    fn text(&self, field: &str) -> Option<String> {
        Some(self.column(field)?.as_string::<i32>().value(self.row).to_string())
    }

    fn number(&self, field: &str) -> Option<f64> {
        Some(self.column(field)?.as_primitive::<Float64Type>().value(self.row))
    }

    fn truth(&self, field: &str) -> Option<bool> {
        Some(self.column(field)?.as_boolean().value(self.row))
    }

    fn numbers(&self, field: &str) -> Option<Vec<Option<f64>>> {
        let list = self.column(field)?.as_list::<i32>().value(self.row);
        Some(list.as_primitive::<Float64Type>().iter().collect())
    }
}

/// Settings that options give.
trait Taken: Sized {
    fn take(options: &mut Options) -> Result<Self, OptionError>;
}

/// The settings of a plot; an error for options that it has not.
fn settings<S: Taken>(caller: &str, options: &str) -> Result<(Frame, S), OptionError> {
    let mut options = Options::parse(caller, options)?;
    let settings = (Frame::take(&mut options)?, S::take(&mut options)?);
    options.finish()?;
    Ok(settings)
}

impl Taken for Frame {
    fn take(options: &mut Options) -> Result<Frame, OptionError> {
        let pixels = |low: f64| move |x: f64| x >= low && x <= 10_000.0 && x.fract() == 0.0;
        Ok(Frame {
            title: options.text("title"),
            subtitle: options.text("subtitle"),
            width: options.number("width", "be a whole number of pixels from 240 to 10000", pixels(240.0))?,
            height: options.optional_number(
                "height",
                "be a whole number of pixels from 120 to 10000, or NULL",
                pixels(120.0),
            )?,
        })
    }
}

impl Taken for () {
    fn take(_: &mut Options) -> Result<(), OptionError> {
        Ok(())
    }
}

impl Taken for Top {
    fn take(options: &mut Options) -> Result<Top, OptionError> {
        Ok(Top(options.whole("top", 1, 500)? as usize))
    }
}

impl Taken for Measure {
    fn take(options: &mut Options) -> Result<Measure, OptionError> {
        options.choice("measure", &[("tetrachoric", Measure::Tetrachoric), ("phi", Measure::Phi)])
    }
}

impl Taken for Choice {
    fn take(options: &mut Options) -> Result<Choice, OptionError> {
        let level = options.number("level", "lie between 0 and 1", |x| x > 0.0 && x < 1.0)?;
        Ok(Choice { company: options.text("company"), level })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_options_are_errors() {
        fn message<S: Taken>(caller: &str, changed: &[(&str, &str)]) -> String {
            let mut options = serde_json::json!({
                "title": null, "subtitle": null, "width": "720", "height": null,
            });
            for (name, value) in changed {
                options[*name] = (*value).into();
            }
            settings::<S>(caller, &options.to_string()).err().map(|error| error.to_string()).unwrap_or_default()
        }
        let (unit, top) = (message::<()>, message::<Top>);
        for (found, wanted) in [
            (
                unit("plot_bias", &[("width", "0")]),
                "plot_bias: width must be a whole number of pixels from 240 to 10000, got 0",
            ),
            (
                unit("plot_prior", &[("height", "-5")]),
                "plot_prior: height must be a whole number of pixels from 120 to 10000, or NULL, got -5",
            ),
            (
                top("plot_headcounts", &[("top", "-1")]),
                "plot_headcounts: top must be a whole number from 1 to 500, got -1",
            ),
            (
                message::<Choice>("plot_uncertainty", &[("level", "80")]),
                "plot_uncertainty: level must lie between 0 and 1, got 80",
            ),
            (
                message::<Measure>("plot_correlations", &[("measure", "rho")]),
                "plot_correlations: measure must be one of 'tetrachoric', 'phi', got 'rho'",
            ),
            (unit("plot_lineage", &[("colour", "red")]), "plot_lineage: unknown option colour"),
            (unit("plot_lineage", &[]), ""),
        ] {
            assert_eq!(found, wanted);
        }
    }
}
