//! The kernels behind `functions` and `version`.

use super::kernel::Kernel;
use super::table::{Column, Failure, Kind, Schema};
use crate::functions::{HELPERS, functions, versions};
use duckdb::arrow::array::RecordBatch;
use duckdb::arrow::datatypes::DataType;

/// `muster_functions('')`
pub struct Functions;

impl Kernel for Functions {
    const NAME: &'static str = "muster_functions";
    const COLUMNS: &'static Schema = &[
        ("name", Kind::Text),
        ("section", Kind::Text),
        ("kind", Kind::Text),
        ("signature", Kind::Text),
        ("description", Kind::Text),
        ("details", Kind::Text),
        ("example", Kind::Text),
    ];

    fn arguments() -> Vec<DataType> {
        vec![DataType::Utf8]
    }

    fn call(_: &RecordBatch, _: usize) -> Result<Vec<Column>, Failure> {
        let list: Vec<_> = functions().into_iter().filter(|f| f.section != HELPERS).collect();
        let kind = |table| if table { "table" } else { "scalar" };
        Ok(vec![
            Column::Text(list.iter().map(|f| Some(f.name.clone())).collect()),
            Column::Text(list.iter().map(|f| Some(f.section.clone())).collect()),
            Column::Text(list.iter().map(|f| Some(kind(f.table).to_string())).collect()),
            Column::Text(list.iter().map(|f| Some(f.signature.clone())).collect()),
            Column::Text(list.iter().map(|f| Some(f.description.clone())).collect()),
            Column::Text(list.iter().map(|f| Some(f.details.clone())).collect()),
            Column::Text(list.iter().map(|f| Some(f.example.clone())).collect()),
        ])
    }
}

/// `muster_version('')`
pub struct Version;

impl Kernel for Version {
    const NAME: &'static str = "muster_version";
    const COLUMNS: &'static Schema = &[("component", Kind::Text), ("version", Kind::Text)];

    fn arguments() -> Vec<DataType> {
        vec![DataType::Utf8]
    }

    fn call(_: &RecordBatch, _: usize) -> Result<Vec<Column>, Failure> {
        let (components, versions) = versions().into_iter().map(|(c, v)| (Some(c), Some(v))).unzip();
        Ok(vec![Column::Text(components), Column::Text(versions)])
    }
}
