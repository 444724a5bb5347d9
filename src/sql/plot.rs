//! The kernel behind all plots.

use super::kernel::{Kernel, register as kernel};
use super::options;
use super::rows::{Failure, Rows, list, list_of, text};
use crate::plot::{Row, plot};
use duckdb::Connection;
use duckdb::arrow::array::{Array, AsArray, RecordBatch};
use duckdb::arrow::datatypes::{DataType, Field, Float64Type};

pub fn register(connection: &Connection) -> Result<(), Failure> {
    kernel::<Plot>(connection)
}

/// `muster_plot(rows, options, caller)`: the picture or the specification that the function `caller` makes of rows of
/// texts and numbers.
struct Plot;

impl Kernel for Plot {
    const NAME: &'static str = "muster_plot";
    type Row = String;

    fn arguments() -> Vec<DataType> {
        let row = vec![
            Field::new("texts", list_of(DataType::Utf8), true),
            Field::new("numbers", list_of(DataType::Float64), true),
        ];
        vec![list_of(DataType::Struct(row.into())), DataType::Utf8, options::kind()]
    }

    fn rows() -> Rows<String> {
        Rows::new().text("picture", |row: &String| Some(row))
    }

    fn call(input: &RecordBatch, call: usize) -> Result<Vec<String>, Failure> {
        let given = list(input, 0, call);
        let (texts, numbers) = (given.column(0).as_list::<i32>(), given.column(1).as_list::<i32>());
        let row = |at: usize| Row {
            texts: texts.value(at).as_string::<i32>().iter().map(|text| text.map(str::to_string)).collect(),
            numbers: numbers.value(at).as_primitive::<Float64Type>().iter().collect(),
        };
        let given = (0..given.len()).map(row).collect();
        let caller = options::function(input, 2).unwrap_or_default();
        Ok(vec![plot(&caller, given, text(input, 1, call))?])
    }
}
