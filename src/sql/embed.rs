//! The scalar kernel `muster_embed(text, options)`.

use super::table::{Failure, list_of};
use crate::embed::{self, Device, Dtype, Embedder, Settings};
use crate::options::{OptionError, Options};
use crate::store;
use duckdb::arrow::array::{Array, AsArray, Float32Builder, ListBuilder, RecordBatch};
use duckdb::arrow::datatypes::DataType;
use duckdb::vscalar::{ArrowFunctionSignature, VArrowScalar};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Takes `device` out of the options.
pub fn device(options: &mut Options) -> Result<Device, OptionError> {
    options.choice("device", &[("auto", Device::Auto), ("cpu", Device::Cpu), ("cuda", Device::Cuda)])
}

/// Takes `store` out of the options: a file, `default` for the user's own, NULL for none.
pub fn store(options: &mut Options) -> Result<Option<PathBuf>, Failure> {
    let name = options.optional_text("store", "name a file")?;
    Ok(name.map(|name| store::path(Some(&name))).transpose()?)
}

/// The model of the options and the threads it may use.
fn open(json: &str) -> Result<(Arc<Embedder>, usize), Failure> {
    let mut options = Options::parse("embed", json)?;
    let settings = Settings {
        model: options.required_text("model", "name a model")?,
        device: device(&mut options)?,
        dtype: options.choice("dtype", &[("f32", Dtype::F32), ("f16", Dtype::F16), ("bf16", Dtype::Bf16)])?,
        store: store(&mut options)?,
    };
    let threads = options.whole("threads", 1, 1 << 20)? as usize;
    options.finish()?;
    Ok((embed::open(&settings)?, threads))
}

/// `muster_embed(text, options)`
pub struct Embed;

impl VArrowScalar for Embed {
    type State = ();

    fn invoke(_: &(), input: RecordBatch) -> Result<Arc<dyn Array>, Failure> {
        let texts = input.column(0).as_string::<i32>();
        let options = input.column(1).as_string::<i32>();
        // mostly one model for all rows
        let mut rows: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for row in (0..input.num_rows()).filter(|&row| !texts.is_null(row) && !options.is_null(row)) {
            rows.entry(options.value(row)).or_default().push(row);
        }
        let mut vectors: Vec<Option<Arc<[f32]>>> = vec![None; input.num_rows()];
        for (json, rows) in rows {
            let (embedder, threads) = open(json).map_err(|error| prefixed(&error.to_string()))?;
            let wanted: Vec<&str> = rows.iter().map(|&row| texts.value(row)).collect();
            let computed = embedder.embed(&wanted, threads).map_err(|error| prefixed(&error.to_string()))?;
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

    fn signatures() -> Vec<ArrowFunctionSignature> {
        vec![ArrowFunctionSignature::exact(vec![DataType::Utf8; 2], list_of(DataType::Float32))]
    }
}

/// The message with the function's name before it, which those about options have already.
fn prefixed(message: &str) -> Failure {
    let message = message.strip_prefix("embed: ").unwrap_or(message);
    format!("embed: {message}").into()
}
