//! Between Arrow arrays and plain Rust: lists of structs in, lists of structs out.

use duckdb::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, Int64Builder, ListArray, ListBuilder,
    RecordBatch, StringArray, StringBuilder, StructArray,
};
use duckdb::arrow::buffer::OffsetBuffer;
use duckdb::arrow::datatypes::{DataType, Field, Fields, Float64Type, Int64Type};
use std::error::Error;
use std::sync::Arc;

/// Anything a kernel may fail with.
pub type Failure = Box<dyn Error>;

/// A column type of a kernel's rows.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    Text,
    Real,
    Integer,
    Boolean,
    Integers,
    Texts,
}

impl Kind {
    fn data_type(self) -> DataType {
        match self {
            Kind::Text => DataType::Utf8,
            Kind::Real => DataType::Float64,
            Kind::Integer => DataType::Int64,
            Kind::Boolean => DataType::Boolean,
            Kind::Integers => list_of(DataType::Int64),
            Kind::Texts => list_of(DataType::Utf8),
        }
    }
}

/// Names and types of the columns of a row.
pub type Schema = [(&'static str, Kind)];

/// The type of a list of `element`.
pub fn list_of(element: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("item", element, true)))
}

/// The type of a list of rows.
pub fn rows_of(schema: &Schema) -> DataType {
    list_of(DataType::Struct(fields(schema)))
}

fn fields(schema: &Schema) -> Fields {
    schema.iter().map(|(name, kind)| Field::new(*name, kind.data_type(), true)).collect()
}

/// One column of a kernel's result.
#[derive(Debug)]
pub enum Column {
    Text(Vec<Option<String>>),
    /// Text from a fixed set of words.
    Names(Vec<&'static str>),
    Real(Vec<Option<f64>>),
    Integer(Vec<Option<i64>>),
    Boolean(Vec<Option<bool>>),
    Integers(Vec<Option<Vec<i64>>>),
    Texts(Vec<Option<Vec<String>>>),
}

impl Column {
    fn into_array(self) -> ArrayRef {
        match self {
            Column::Text(values) => Arc::new(StringArray::from(values)),
            Column::Names(values) => Arc::new(StringArray::from(values)),
            // NaN and infinity say nothing to a user: NULL
            Column::Real(values) => {
                Arc::new(values.into_iter().map(|v| v.filter(|x| x.is_finite())).collect::<Float64Array>())
            }
            Column::Integer(values) => Arc::new(Int64Array::from(values)),
            Column::Boolean(values) => Arc::new(BooleanArray::from(values)),
            Column::Integers(lists) => {
                let mut builder = ListBuilder::new(Int64Builder::new());
                for list in lists {
                    match list {
                        Some(values) => {
                            builder.values().append_slice(&values);
                            builder.append(true);
                        }
                        None => builder.append(false),
                    }
                }
                Arc::new(builder.finish())
            }
            Column::Texts(lists) => {
                let mut builder = ListBuilder::new(StringBuilder::new());
                for list in lists {
                    match list {
                        Some(texts) => builder.append_value(texts.into_iter().map(Some)),
                        None => builder.append(false),
                    }
                }
                Arc::new(builder.finish())
            }
        }
    }
}

/// One list of rows for each of the kernel's calls, of the rows of all calls one after the other.
pub fn split(schema: &Schema, lengths: Vec<usize>, columns: Vec<Column>) -> Result<ArrayRef, Failure> {
    let arrays: Vec<ArrayRef> = columns.into_iter().map(Column::into_array).collect();
    let rows = StructArray::try_new(fields(schema), arrays, None)?;
    let item = Arc::new(Field::new("item", DataType::Struct(fields(schema)), true));
    Ok(Arc::new(ListArray::try_new(item, OffsetBuffer::from_lengths(lengths), Arc::new(rows), None)?))
}

/// One list of rows for each of the kernel's calls.
pub fn lists(schema: &Schema, calls: Vec<Vec<Column>>) -> Result<ArrayRef, Failure> {
    let mut lengths = Vec::with_capacity(calls.len());
    let mut parts: Vec<Vec<ArrayRef>> = vec![Vec::new(); schema.len()];
    for columns in calls {
        let arrays: Vec<ArrayRef> = columns.into_iter().map(Column::into_array).collect();
        lengths.push(arrays.first().map_or(0, |a| a.len()));
        for (part, array) in parts.iter_mut().zip(arrays) {
            part.push(array);
        }
    }
    let mut columns = Vec::with_capacity(schema.len());
    for part in &parts {
        let slices: Vec<&dyn Array> = part.iter().map(|a| a.as_ref()).collect();
        columns.push(duckdb::arrow::compute::concat(&slices)?);
    }
    let rows = StructArray::try_new(fields(schema), columns, None)?;
    let item = Arc::new(Field::new("item", DataType::Struct(fields(schema)), true));
    Ok(Arc::new(ListArray::try_new(item, OffsetBuffer::from_lengths(lengths), Arc::new(rows), None)?))
}

/// The list of structs in an argument of one call.
pub fn rows(input: &RecordBatch, argument: usize, call: usize) -> StructArray {
    input.column(argument).as_list::<i32>().value(call).as_struct().clone()
}

/// The text in an argument of one call; empty for NULL, which the macros never pass.
pub fn text(input: &RecordBatch, argument: usize, call: usize) -> &str {
    let column = input.column(argument).as_string::<i32>();
    if column.is_null(call) { "" } else { column.value(call) }
}

/// Field `field` of row `row`.
pub fn text_at(rows: &StructArray, field: usize, row: usize) -> Option<String> {
    let column = rows.column(field).as_string::<i32>();
    column.is_valid(row).then(|| column.value(row).to_string())
}

/// Field `field` of row `row`.
pub fn boolean_at(rows: &StructArray, field: usize, row: usize) -> Option<bool> {
    let column = rows.column(field).as_boolean();
    column.is_valid(row).then(|| column.value(row))
}

/// Field `field` of row `row`.
pub fn integer_at(rows: &StructArray, field: usize, row: usize) -> Option<i64> {
    let column = rows.column(field).as_primitive::<Int64Type>();
    column.is_valid(row).then(|| column.value(row))
}

/// Field `field` of row `row`.
pub fn real_at(rows: &StructArray, field: usize, row: usize) -> Option<f64> {
    let column = rows.column(field).as_primitive::<Float64Type>();
    column.is_valid(row).then(|| column.value(row))
}
