//! A kernel: a native scalar function that takes lists and texts and gives back a list of rows.

use super::table::{Column, Failure, Schema, lists, rows_of};
use duckdb::arrow::array::{Array, RecordBatch};
use duckdb::arrow::datatypes::DataType;
use duckdb::core::DataChunkHandle;
use duckdb::vscalar::{ArrowFunctionSignature, ScalarFunctionSignature, VArrowScalar, VScalar};
use std::marker::PhantomData;
use std::sync::Arc;

/// One native function behind one or more table macros.
pub trait Kernel {
    const NAME: &'static str;
    /// Volatile kernels are called at execution only, once a row.
    const VOLATILE: bool = false;
    const COLUMNS: &'static Schema;

    fn arguments() -> Vec<DataType>;

    /// The columns of the rows of one call, in the order of `COLUMNS`.
    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Column>, Failure>;
}

/// A kernel as the binding wants it.
pub struct Bound<K>(PhantomData<K>);

impl<K: Kernel> VArrowScalar for Bound<K> {
    type State = ();

    fn invoke(_: &(), input: RecordBatch) -> Result<Arc<dyn Array>, Failure> {
        let calls = (0..input.num_rows()).map(|call| K::call(&input, call)).collect::<Result<_, _>>()?;
        lists(K::COLUMNS, calls)
    }

    fn signatures() -> Vec<ArrowFunctionSignature> {
        vec![ArrowFunctionSignature::exact(K::arguments(), rows_of(K::COLUMNS))]
    }
}

/// A function that DuckDB must not fold: the binding does not pass on `VArrowScalar::volatile`.
pub struct Volatile<F>(PhantomData<F>);

impl<F: VArrowScalar> VScalar for Volatile<F> {
    type State = F::State;

    fn invoke(
        state: &Self::State,
        input: &mut DataChunkHandle,
        output: &mut dyn duckdb::vtab::arrow::WritableVector,
    ) -> Result<(), Failure> {
        <F as VScalar>::invoke(state, input, output)
    }

    fn signatures() -> Vec<ScalarFunctionSignature> {
        <F as VScalar>::signatures()
    }

    fn volatile() -> bool {
        true
    }
}
