//! The kernel behind all plots.

use super::kernel::Kernel;
use super::table::{Column, Failure, Kind, Schema, list_of, rows, text};
use crate::plot::{Row, plot};
use duckdb::arrow::array::{Array, AsArray, RecordBatch};
use duckdb::arrow::datatypes::{DataType, Field, Float64Type};

/// `muster_plot(plot, rows, options)`: the picture or the specification that the function named `plot` makes of rows of
/// texts and numbers.
pub struct Plot;

impl Kernel for Plot {
    const NAME: &'static str = "muster_plot";
    const COLUMNS: &'static Schema = &[("picture", Kind::Text)];

    fn arguments() -> Vec<DataType> {
        let row = vec![
            Field::new("texts", list_of(DataType::Utf8), true),
            Field::new("numbers", list_of(DataType::Float64), true),
        ];
        vec![DataType::Utf8, list_of(DataType::Struct(row.into())), DataType::Utf8]
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Column>, Failure> {
        let given = rows(input, 1, call);
        let (texts, numbers) = (given.column(0).as_list::<i32>(), given.column(1).as_list::<i32>());
        let row = |at: usize| Row {
            texts: texts.value(at).as_string::<i32>().iter().map(|text| text.map(str::to_string)).collect(),
            numbers: numbers.value(at).as_primitive::<Float64Type>().iter().collect(),
        };
        let given = (0..given.len()).map(row).collect();
        let picture = plot(text(input, 0, call), given, text(input, 2, call))?;
        Ok(vec![Column::Text(vec![Some(picture)])])
    }
}
