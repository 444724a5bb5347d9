//! The kernel behind `embed`.

use super::kernel::{Scalar, register as kernel};
use super::options::{self, OptionError, Options, runs};
use super::rows::{Failure, list_of};
use crate::embed::{self, Chunks, Device, Dtype, Settings};
use crate::store;
use duckdb::Connection;
use duckdb::arrow::array::{Array, ArrayRef, AsArray, Float32Builder, ListBuilder, RecordBatch};
use duckdb::arrow::datatypes::DataType;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) fn register(connection: &Connection) -> Result<(), Failure> {
    kernel::<Embed>(connection)
}

/// The options `model`, `device` and `store`, with `chunks` as given: a file, `default` for the user's own, NULL for none.
///
/// # Errors
///
/// Where one of them is wrong, there is no place for a store, or the database is closed to files and the network.
pub(super) fn model(options: &mut Options, dtype: Dtype, chunks: Chunks) -> Result<Settings, Failure> {
    options.outside()?;
    let model = options.required_text("model", "name a model")?;
    let devices = [("auto", Device::Auto), ("cpu", Device::Cpu), ("cuda", Device::Cuda)];
    let device = options.choice("device", &devices)?;
    let store = options.optional_text("store", "name a file")?;
    let store = store.map(|name| store::path(Some(&name))).transpose()?;
    Ok(Settings { model, device, dtype, chunks, store })
}

fn dtype(options: &mut Options) -> Result<Dtype, OptionError> {
    options.choice("dtype", &[("f32", Dtype::F32), ("f16", Dtype::F16), ("bf16", Dtype::Bf16)])
}

/// The option `chunks`: what counts of a long text.
pub(super) fn chunks(options: &mut Options) -> Result<Chunks, OptionError> {
    options.choice("chunks", &[("first", Chunks::First), ("mean", Chunks::Mean)])
}

/// `muster_embed(text, options)`
struct Embed;

impl Scalar for Embed {
    const NAME: &'static str = "muster_embed";

    fn arguments() -> Vec<DataType> {
        vec![DataType::Utf8, options::kind()]
    }

    fn returns() -> DataType {
        list_of(DataType::Float32)
    }

    fn values(input: &RecordBatch) -> Result<ArrayRef, Failure> {
        let texts = input.column(0).as_string::<i32>();
        // mostly one model for all rows
        let mut models: BTreeMap<String, (Options, Vec<usize>)> = BTreeMap::new();
        for run in runs(input, 1) {
            let options = Options::read(input, 1, run.start)?;
            let (_, rows) = models.entry(options.key()).or_insert_with(|| (options, Vec::new()));
            rows.extend(run.filter(|&row| texts.is_valid(row)));
        }
        let mut vectors: Vec<Option<Arc<[f32]>>> = vec![None; input.num_rows()];
        for (mut options, rows) in models.into_values().filter(|(_, rows)| !rows.is_empty()) {
            let threads = options.threads();
            let (dtype, chunks) = (dtype(&mut options)?, chunks(&mut options)?);
            let settings = model(&mut options, dtype, chunks)?;
            options.finish()?;
            let embedder = embed::open(&settings)?;
            let wanted: Vec<&str> = rows.iter().map(|&row| texts.value(row)).collect();
            let computed = embedder.embed(&wanted, threads)?;
            rows.iter().zip(computed).for_each(|(&row, vector)| vectors[row] = Some(vector));
        }
        let mut lists = ListBuilder::new(Float32Builder::new());
        for vector in vectors {
            if let Some(vector) = &vector {
                lists.values().append_slice(vector);
            }
            lists.append(vector.is_some());
        }
        Ok(Arc::new(lists.finish()))
    }
}
