//! The kernels behind the plots, one each: `muster_plot_x(rows, options)`.

use super::kernel::{Scalar, register_as};
use super::options::{self, OptionError, Options};
use super::rows::{Failure, list, list_of};
use crate::interrupt;
use crate::plot::correlations::Measure;
use crate::plot::picture::Picture;
use crate::plot::plots;
use crate::plot::row::{Kind, Record, Source};
use crate::plot::settings::{Frame, Top};
use crate::plot::uncertainty::Choice;
use duckdb::Connection;
use duckdb::arrow::array::{Array, ArrayRef, AsArray, ListBuilder, RecordBatch, StringBuilder, StructArray};
use duckdb::arrow::datatypes::{DataType, Field, Float64Type};
use std::marker::PhantomData;
use std::sync::Arc;

/// Registers the kernel of every plot.
pub(super) fn register(connection: &Connection) -> Result<(), Failure> {
    macro_rules! register {
        ($($name:ident: $module:ident::$plot:ident,)*) => {
            $(register_as::<Drawn<crate::plot::$module::$plot>>(connection, concat!("muster_", stringify!($name)))?;)*
        };
    }
    plots!(register);
    Ok(())
}

/// The kernel of one plot: a list of one text, the picture, or the specification where the caller's name ends in
/// `_spec`.
struct Drawn<P>(PhantomData<P>);

impl<P: Picture<Settings: Taken> + 'static> Scalar for Drawn<P> {
    const NAME: &'static str = "muster_plot";

    fn arguments() -> Vec<DataType> {
        let field = |(name, kind): &(&str, Kind)| Field::new(*name, data_type(*kind), true);
        let row = DataType::Struct(P::Row::FIELDS.iter().map(field).collect());
        vec![list_of(row), options::kind()]
    }

    fn returns() -> DataType {
        list_of(DataType::Utf8)
    }

    fn values(input: &RecordBatch) -> Result<ArrayRef, Failure> {
        let specified = options::function(input, 1).is_some_and(|name| name.ends_with("_spec"));
        let mut pictures = ListBuilder::new(StringBuilder::new());
        for call in 0..input.num_rows() {
            interrupt::check();
            let options = Options::read(input, 1, call)?;
            pictures.append_value([Some(drawn::<P>(&list(input, 0, call), options, specified)?)]);
        }
        Ok(Arc::new(pictures.finish()))
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

/// The specification of a picture where it is `specified`, else the picture.
fn drawn<P: Picture<Settings: Taken>>(
    rows: &StructArray,
    options: Options,
    specified: bool,
) -> Result<String, Failure> {
    let (frame, settings) = settings(options)?;
    let rows = (0..rows.len()).map(|row| P::Row::read(&Cells { rows, row })).collect();
    let picture = P::read(rows, settings)?;
    Ok(if specified { picture.spec(&frame).to_string() } else { picture.svg(&frame) })
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
fn settings<S: Taken>(mut options: Options) -> Result<(Frame, S), OptionError> {
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
        Ok(Choice { company: options.text("company"), level: options.level()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_options_are_errors() {
        fn message<S: Taken>(changed: &[(&str, &str)]) -> String {
            let mut values = vec![("title", None), ("subtitle", None), ("width", Some("720")), ("height", None)];
            values.extend(changed.iter().map(|(name, value)| (*name, Some(*value))));
            settings::<S>(Options::of(&values)).err().map(|error| error.to_string()).unwrap_or_default()
        }
        let (unit, top) = (message::<()>, message::<Top>);
        for (found, wanted) in [
            (unit(&[("width", "0")]), "width must be a whole number of pixels from 240 to 10000, got 0"),
            (unit(&[("height", "-5")]), "height must be a whole number of pixels from 120 to 10000, or NULL, got -5"),
            (top(&[("top", "-1")]), "top must be a whole number from 1 to 500, got -1"),
            (message::<Choice>(&[("level", "80")]), "level must lie between 0 and 1, got 80"),
            (message::<Measure>(&[("measure", "rho")]), "measure must be one of 'tetrachoric', 'phi', got 'rho'"),
            (unit(&[("colour", "red")]), "unknown option colour"),
            (unit(&[]), ""),
        ] {
            assert_eq!(found, wanted);
        }
    }
}
