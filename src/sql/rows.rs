//! Between Arrow arrays and plain Rust: lists of rows in, lists of rows out.
//!
//! Each column is stated once. [`Rows`] holds the columns of a kernel's result, each with its name, its type and
//! how its value is taken from a row, so that schema and values come from the same line. [`listed!`] makes a struct
//! whose fields are the columns of a list that a macro hands over; they are read by name.

use duckdb::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, Int64Builder, ListArray, ListBuilder,
    RecordBatch, StringArray, StringBuilder, StructArray,
};
use duckdb::arrow::buffer::OffsetBuffer;
use duckdb::arrow::datatypes::{DataType, Field, Fields, Float64Type, Int64Type};
use std::error::Error;
use std::sync::Arc;

/// Anything a kernel may fail with.
pub(super) type Failure = Box<dyn Error>;

/// The type of a list of `element`.
pub(super) fn list_of(element: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("item", element, true)))
}

/// The columns of a kernel's result, whose rows are made of `T`.
pub(super) struct Rows<T> {
    columns: Vec<Column<T>>,
}

struct Column<T> {
    field: Field,
    array: Box<ArrayOf<T>>,
}

/// The array of a column's values, one a row.
type ArrayOf<T> = dyn Fn(&[T]) -> ArrayRef;

impl<T: 'static> Rows<T> {
    pub(super) fn new() -> Rows<T> {
        Rows { columns: Vec::new() }
    }

    fn with(mut self, name: String, kind: DataType, array: impl Fn(&[T]) -> ArrayRef + 'static) -> Rows<T> {
        self.columns.push(Column { field: Field::new(name, kind, true), array: Box::new(array) });
        self
    }

    /// A column of texts, `None` for NULL.
    pub(super) fn text(self, name: &str, of: impl Fn(&T) -> Option<&str> + 'static) -> Rows<T> {
        let array = move |rows: &[T]| -> ArrayRef { Arc::new(rows.iter().map(&of).collect::<StringArray>()) };
        self.with(name.to_string(), DataType::Utf8, array)
    }

    /// A column of numbers. NaN and infinity say nothing to a user: they are NULL.
    pub(super) fn real<V: Into<Option<f64>>>(self, name: impl Into<String>, of: impl Fn(&T) -> V + 'static) -> Rows<T> {
        let finite = move |row: &T| of(row).into().filter(|x: &f64| x.is_finite());
        let array = move |rows: &[T]| -> ArrayRef { Arc::new(rows.iter().map(&finite).collect::<Float64Array>()) };
        self.with(name.into(), DataType::Float64, array)
    }

    /// Three columns of numbers: a value by `name`, and its limits by `name_lower` and `name_upper`.
    pub(super) fn interval(self, name: &str, of: fn(&T) -> Option<[f64; 3]>) -> Rows<T> {
        self.real(name, move |row| of(row).map(|[value, _, _]| value))
            .real(format!("{name}_lower"), move |row| of(row).map(|[_, lower, _]| lower))
            .real(format!("{name}_upper"), move |row| of(row).map(|[_, _, upper]| upper))
    }

    /// A column of whole numbers.
    pub(super) fn integer<V: Whole>(self, name: &str, of: impl Fn(&T) -> V + 'static) -> Rows<T> {
        let array =
            move |rows: &[T]| -> ArrayRef { Arc::new(rows.iter().map(|row| of(row).whole()).collect::<Int64Array>()) };
        self.with(name.to_string(), DataType::Int64, array)
    }

    /// A column of truth values.
    pub(super) fn boolean<V: Into<Option<bool>>>(self, name: &str, of: impl Fn(&T) -> V + 'static) -> Rows<T> {
        let array =
            move |rows: &[T]| -> ArrayRef { Arc::new(rows.iter().map(|row| of(row).into()).collect::<BooleanArray>()) };
        self.with(name.to_string(), DataType::Boolean, array)
    }

    /// A column of lists of whole numbers.
    pub(super) fn integers(self, name: &str, of: impl Fn(&T) -> Option<&[u64]> + 'static) -> Rows<T> {
        let array = move |rows: &[T]| -> ArrayRef {
            let mut lists = ListBuilder::new(Int64Builder::new());
            for row in rows {
                let list = of(row);
                list.unwrap_or_default().iter().for_each(|number| lists.values().append_option(number.whole()));
                lists.append(list.is_some());
            }
            Arc::new(lists.finish())
        };
        self.with(name.to_string(), list_of(DataType::Int64), array)
    }

    /// A column of lists of texts.
    pub(super) fn texts(self, name: &str, of: impl Fn(&T) -> Option<&[String]> + 'static) -> Rows<T> {
        let array = move |rows: &[T]| -> ArrayRef {
            let mut lists = ListBuilder::new(StringBuilder::new());
            for row in rows {
                let list = of(row);
                list.unwrap_or_default().iter().for_each(|text| lists.values().append_value(text));
                lists.append(list.is_some());
            }
            Arc::new(lists.finish())
        };
        self.with(name.to_string(), list_of(DataType::Utf8), array)
    }

    fn fields(&self) -> Fields {
        self.columns.iter().map(|column| column.field.clone()).collect()
    }

    /// The type of a list of these rows.
    pub(super) fn data_type(&self) -> DataType {
        list_of(DataType::Struct(self.fields()))
    }

    /// Lists of rows, as long as `lengths` say, of the rows of all lists one after the other.
    ///
    /// # Errors
    ///
    /// Where the lengths are not those of the rows.
    pub(super) fn lists(&self, lengths: Vec<usize>, rows: &[T]) -> Result<ArrayRef, Failure> {
        let arrays = self.columns.iter().map(|column| (column.array)(rows)).collect();
        let rows = StructArray::try_new(self.fields(), arrays, None)?;
        let item = Arc::new(Field::new("item", DataType::Struct(self.fields()), true));
        Ok(Arc::new(ListArray::try_new(item, OffsetBuffer::from_lengths(lengths), Arc::new(rows), None)?))
    }
}

/// A whole number of any width, or none, as a BIGINT.
pub(super) trait Whole {
    fn whole(self) -> Option<i64>;
}

macro_rules! whole {
    ($($number:ty),+) => {
        $(impl Whole for $number {
            fn whole(self) -> Option<i64> {
                Some(self as i64)
            }
        })+
    };
}

whole!(i64, u32, u64, usize);

impl Whole for &u64 {
    fn whole(self) -> Option<i64> {
        (*self).whole()
    }
}

impl<N: Whole> Whole for Option<N> {
    fn whole(self) -> Option<i64> {
        self?.whole()
    }
}

/// A type of a field of a row of [`listed!`]. Where it is no `Option`, NULL is its default.
pub(super) trait Value<'l>: Sized {
    fn data_type() -> DataType;

    /// The values of a column by row; `None` where the column has another type.
    fn column(array: &'l ArrayRef) -> Option<impl Fn(usize) -> Self>;
}

impl<'l> Value<'l> for Option<&'l str> {
    fn data_type() -> DataType {
        DataType::Utf8
    }

    fn column(array: &'l ArrayRef) -> Option<impl Fn(usize) -> Self> {
        let texts = array.as_string_opt::<i32>()?;
        Some(move |row| texts.is_valid(row).then(|| texts.value(row)))
    }
}

impl<'l> Value<'l> for &'l str {
    fn data_type() -> DataType {
        DataType::Utf8
    }

    fn column(array: &'l ArrayRef) -> Option<impl Fn(usize) -> Self> {
        let text = Option::<&str>::column(array)?;
        Some(move |row| text(row).unwrap_or_default())
    }
}

impl<'l> Value<'l> for Option<f64> {
    fn data_type() -> DataType {
        DataType::Float64
    }

    fn column(array: &'l ArrayRef) -> Option<impl Fn(usize) -> Self> {
        let numbers = array.as_primitive_opt::<Float64Type>()?;
        Some(move |row| numbers.is_valid(row).then(|| numbers.value(row)))
    }
}

impl<'l> Value<'l> for Option<i64> {
    fn data_type() -> DataType {
        DataType::Int64
    }

    fn column(array: &'l ArrayRef) -> Option<impl Fn(usize) -> Self> {
        let numbers = array.as_primitive_opt::<Int64Type>()?;
        Some(move |row| numbers.is_valid(row).then(|| numbers.value(row)))
    }
}

impl<'l> Value<'l> for u64 {
    fn data_type() -> DataType {
        DataType::Int64
    }

    fn column(array: &'l ArrayRef) -> Option<impl Fn(usize) -> Self> {
        let number = Option::<i64>::column(array)?;
        Some(move |row| number(row).unwrap_or_default() as u64)
    }
}

impl<'l> Value<'l> for Option<bool> {
    fn data_type() -> DataType {
        DataType::Boolean
    }

    fn column(array: &'l ArrayRef) -> Option<impl Fn(usize) -> Self> {
        let values = array.as_boolean_opt()?;
        Some(move |row| values.is_valid(row).then(|| values.value(row)))
    }
}

/// A list of texts, and each of them, may be NULL.
impl<'l> Value<'l> for Option<Vec<Option<String>>> {
    fn data_type() -> DataType {
        list_of(DataType::Utf8)
    }

    fn column(array: &'l ArrayRef) -> Option<impl Fn(usize) -> Self> {
        let lists = array.as_list_opt::<i32>()?;
        lists.values().as_string_opt::<i32>()?;
        let texts = |row| lists.value(row).as_string::<i32>().iter().map(|text| text.map(str::to_string)).collect();
        Some(move |row| lists.is_valid(row).then(|| texts(row)))
    }
}

/// A row of a list of structs that a macro hands over. Made by [`listed!`].
pub(super) trait Listed<'l>: Sized {
    /// The type of the list.
    fn data_type() -> DataType;

    /// The rows of a list.
    ///
    /// # Errors
    ///
    /// Where the list lacks a column.
    fn rows(list: &'l StructArray) -> Result<Vec<Self>, Failure>;
}

/// The values of the column `name` by row.
///
/// # Errors
///
/// Where there is no such column, or it has another type.
pub(super) fn field<'l, V: Value<'l>>(list: &'l StructArray, name: &str) -> Result<impl Fn(usize) -> V, Failure> {
    let column = list.column_by_name(name).and_then(V::column);
    column.ok_or_else(|| format!("the kernel needs a column {name} of type {}", V::data_type()).into())
}

/// Makes a struct the row of a list that a macro hands over: its fields are the columns, by name and type.
macro_rules! listed {
    ($(#[$meta:meta])* $vis:vis struct $row:ident<$life:lifetime> {
        $($(#[$note:meta])* $field:ident: $kind:ty),+ $(,)?
    }) => {
        $(#[$meta])*
        $vis struct $row<$life> { $($(#[$note])* $field: $kind),+ }

        impl<$life> $crate::sql::rows::Listed<$life> for $row<$life> {
            $crate::sql::rows::listed!(@body $life $row $($field: $kind),+);
        }
    };
    ($(#[$meta:meta])* $vis:vis struct $row:ident { $($(#[$note:meta])* $field:ident: $kind:ty),+ $(,)? }) => {
        $(#[$meta])*
        $vis struct $row { $($(#[$note])* $field: $kind),+ }

        impl<'l> $crate::sql::rows::Listed<'l> for $row {
            $crate::sql::rows::listed!(@body 'l $row $($field: $kind),+);
        }
    };
    (@body $life:lifetime $row:ident $($field:ident: $kind:ty),+) => {
        fn data_type() -> duckdb::arrow::datatypes::DataType {
            use duckdb::arrow::datatypes::{DataType, Field};
            $crate::sql::rows::list_of(DataType::Struct(
                vec![$(Field::new(stringify!($field), <$kind as $crate::sql::rows::Value>::data_type(), true)),+].into(),
            ))
        }

        fn rows(
            list: &$life duckdb::arrow::array::StructArray,
        ) -> Result<Vec<Self>, $crate::sql::rows::Failure> {
            $(let $field = $crate::sql::rows::field::<$kind>(list, stringify!($field))?;)+
            let rows = 0..duckdb::arrow::array::Array::len(list);
            let read = |row| {
                $crate::interrupt::check();
                $row { $($field: $field(row)),+ }
            };
            Ok(rows.map(read).collect())
        }
    };
}
pub(crate) use listed;

/// The list of structs in an argument of one call.
pub(super) fn list(input: &RecordBatch, argument: usize, call: usize) -> StructArray {
    input.column(argument).as_list::<i32>().value(call).as_struct().clone()
}

/// The text in an argument of one call; empty for NULL, which the macros never pass.
pub(super) fn text(input: &RecordBatch, argument: usize, call: usize) -> &str {
    let column = input.column(argument).as_string::<i32>();
    if column.is_null(call) { "" } else { column.value(call) }
}

#[cfg(test)]
mod tests {
    use super::*;

    listed! {
        #[derive(Debug, PartialEq)]
        struct Person<'l> {
            name: &'l str,
            company: Option<&'l str>,
            headcount: Option<f64>,
            count: u64,
        }
    }

    fn people() -> Rows<(Option<String>, f64, u64)> {
        Rows::new()
            .text("company", |row: &(Option<String>, f64, u64)| row.0.as_deref())
            .real("headcount", |row| row.1)
            .text("name", |_| Some("x"))
            .integer("count", |row| row.2)
    }

    #[test]
    fn what_is_written_is_read_by_name() {
        let rows = [(Some("a".to_string()), 2.0, 7), (None, f64::NAN, 0)];
        let lists = people().lists(vec![2], &rows).unwrap();
        let list = lists.as_list::<i32>().value(0).as_struct().clone();
        let read = Person::rows(&list).unwrap();
        assert_eq!(read[0], Person { name: "x", company: Some("a"), headcount: Some(2.0), count: 7 });
        assert_eq!(read[1], Person { name: "x", company: None, headcount: None, count: 0 });
    }

    #[test]
    fn a_missing_column_or_one_of_another_type_is_an_error() {
        listed! {
            #[allow(dead_code)]
            struct Flagged { headcount: Option<bool> }
        }
        let lists = people().lists(vec![0], &[]).unwrap();
        let list = lists.as_list::<i32>().values().as_struct().clone();
        let error = Flagged::rows(&list).err().unwrap().to_string();
        assert_eq!(error, "the kernel needs a column headcount of type Boolean");
        listed! {
            #[allow(dead_code)]
            struct Unknown<'l> { nobody: &'l str }
        }
        assert!(Unknown::rows(&list).is_err());
    }

    #[test]
    fn lists_are_split_by_their_lengths() {
        let rows = [(None, 1.0, 1), (None, 2.0, 2), (None, 3.0, 3)];
        let lists = people().lists(vec![1, 0, 2], &rows).unwrap();
        let lengths: Vec<usize> = (0..3).map(|row| lists.as_list::<i32>().value(row).len()).collect();
        assert_eq!(lengths, [1, 0, 2]);
        assert_eq!(lists.data_type(), &people().data_type());
    }
}
