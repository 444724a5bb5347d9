//! Kernels: the native functions behind the macros, their registration, and the name before their errors.
//!
//! A kernel never names the SQL function that calls it: the name reaches this layer with the options, or is the
//! kernel's own where there are none, and this layer alone puts it before an error.

use super::options;
use super::rows::{Failure, Rows};
use crate::interrupt;
use crate::progress;
use duckdb::Connection;
use duckdb::arrow::array::{Array, ArrayRef, RecordBatch};
use duckdb::arrow::datatypes::DataType;
use duckdb::core::DataChunkHandle;
use duckdb::vscalar::{ArrowFunctionSignature, ScalarFunctionSignature, VArrowScalar, VScalar};
use std::marker::PhantomData;
use std::sync::Arc;

/// A native function that makes a list of rows of each call.
pub(super) trait Kernel {
    const NAME: &'static str;
    /// Volatile kernels are called at execution only, once a row.
    const VOLATILE: bool = false;
    type Row: 'static;

    fn arguments() -> Vec<DataType>;

    /// The columns of its rows.
    fn rows() -> Rows<Self::Row>;

    /// The rows of one call.
    ///
    /// # Errors
    ///
    /// An argument that is wrong, and whatever the engine fails with; without the name of a function.
    fn call(input: &RecordBatch, call: usize) -> Result<Vec<Self::Row>, Failure>;
}

/// A native function that makes lists of rows of all calls of a vector together.
pub(super) trait VectorKernel {
    const NAME: &'static str;
    const VOLATILE: bool = false;
    type Row: 'static;

    fn arguments() -> Vec<DataType>;

    /// The columns of its rows.
    fn rows() -> Rows<Self::Row>;

    /// The number of rows of each call, and the rows of all calls one after the other.
    ///
    /// # Errors
    ///
    /// As [`Kernel::call`].
    fn calls(input: &RecordBatch) -> Result<(Vec<usize>, Vec<Self::Row>), Failure>;
}

/// A native function that makes a value of any type of each row.
pub(super) trait Scalar {
    const NAME: &'static str;
    const VOLATILE: bool = false;

    fn arguments() -> Vec<DataType>;

    fn returns() -> DataType;

    /// The values of a vector.
    ///
    /// # Errors
    ///
    /// As [`Kernel::call`].
    fn values(input: &RecordBatch) -> Result<ArrayRef, Failure>;
}

impl<K: Kernel> VectorKernel for K {
    const NAME: &'static str = K::NAME;
    const VOLATILE: bool = K::VOLATILE;
    type Row = K::Row;

    fn arguments() -> Vec<DataType> {
        K::arguments()
    }

    fn rows() -> Rows<K::Row> {
        K::rows()
    }

    fn calls(input: &RecordBatch) -> Result<(Vec<usize>, Vec<K::Row>), Failure> {
        let (mut lengths, mut rows) = (Vec::with_capacity(input.num_rows()), Vec::new());
        for call in 0..input.num_rows() {
            interrupt::check();
            let more = K::call(input, call)?;
            lengths.push(more.len());
            rows.extend(more);
        }
        Ok((lengths, rows))
    }
}

impl<K: VectorKernel> Scalar for K {
    const NAME: &'static str = K::NAME;
    const VOLATILE: bool = K::VOLATILE;

    fn arguments() -> Vec<DataType> {
        K::arguments()
    }

    fn returns() -> DataType {
        K::rows().data_type()
    }

    fn values(input: &RecordBatch) -> Result<ArrayRef, Failure> {
        let (lengths, rows) = K::calls(input)?;
        K::rows().lists(lengths, &rows)
    }
}

/// Registers a native function by its own name.
///
/// # Errors
///
/// Whatever the database says.
pub(super) fn register<S: Scalar>(connection: &Connection) -> Result<(), Failure> {
    register_as::<S>(connection, S::NAME)
}

/// Registers a native function by another name: one that is made for several types.
///
/// # Errors
///
/// As [`register`].
pub(super) fn register_as<S: Scalar>(connection: &Connection, name: &str) -> Result<(), Failure> {
    if S::VOLATILE {
        connection.register_scalar_function::<Volatile<Bound<S>>>(name)?;
    } else {
        connection.register_scalar_function::<Bound<S>>(name)?;
    }
    Ok(())
}

/// The error as the user sees it: behind the name of the SQL function that `native` or its options belong to.
pub(super) fn named(native: &str, options: Option<String>, error: &dyn std::fmt::Display) -> Failure {
    format!("{}: {error}", called(native, options)).into()
}

/// The SQL function that `native` or its options belong to.
fn called(native: &str, options: Option<String>) -> String {
    options.unwrap_or_else(|| native.trim_start_matches("muster_").to_string())
}

/// A native function as the binding wants it.
struct Bound<S>(PhantomData<S>);

impl<S: Scalar> VArrowScalar for Bound<S> {
    type State = ();

    fn invoke(_: &(), input: RecordBatch) -> Result<Arc<dyn Array>, Failure> {
        let function = || options::function(&input, S::arguments().iter().position(|kind| *kind == options::kind())?);
        // around what unwinds at an interrupt: nothing is drawn, nor taken away, meanwhile
        let work = || interrupt::stoppable(|| S::values(&input));
        let values = progress::shown(|| called(S::NAME, function()), work);
        let values = values.unwrap_or_else(|interrupted| Err(interrupted.into()));
        values.map_err(|error| named(S::NAME, function(), &error))
    }

    fn signatures() -> Vec<ArrowFunctionSignature> {
        vec![ArrowFunctionSignature::exact(S::arguments(), S::returns())]
    }
}

/// A function that DuckDB must not fold: the binding does not pass on `VArrowScalar::volatile`.
struct Volatile<F>(PhantomData<F>);

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
