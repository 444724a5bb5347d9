//! Rows by the names of their fields: what a plot reads is a struct, whose fields are the columns of its query.

/// Type of a field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Text,
    Number,
    Truth,
    Numbers,
}

/// Name and type of a field.
pub(crate) type Field = (&'static str, Kind);

/// Values of one row by the names of its fields; `None` for NULL.
pub(crate) trait Source {
    fn text(&self, field: &str) -> Option<String>;
    fn number(&self, field: &str) -> Option<f64>;
    fn truth(&self, field: &str) -> Option<bool>;
    fn numbers(&self, field: &str) -> Option<Vec<Option<f64>>>;
}

/// Type that a field of a row may have.
pub(crate) trait Value: Sized {
    const KIND: Kind;

    fn read(source: &impl Source, field: &str) -> Self;
}

impl Value for Option<String> {
    const KIND: Kind = Kind::Text;

    fn read(source: &impl Source, field: &str) -> Self {
        source.text(field)
    }
}

impl Value for Option<f64> {
    const KIND: Kind = Kind::Number;

    fn read(source: &impl Source, field: &str) -> Self {
        source.number(field).and_then(drawable)
    }
}

impl Value for Option<bool> {
    const KIND: Kind = Kind::Truth;

    fn read(source: &impl Source, field: &str) -> Self {
        source.truth(field)
    }
}

impl Value for Vec<Option<f64>> {
    const KIND: Kind = Kind::Numbers;

    fn read(source: &impl Source, field: &str) -> Self {
        let numbers = source.numbers(field).unwrap_or_default();
        numbers.into_iter().map(|number| number.and_then(drawable)).collect()
    }
}

/// The number if it can be drawn, up to 1e15 in size; 0 for one below 1e-15.
fn drawable(x: f64) -> Option<f64> {
    (x.is_finite() && x.abs() <= 1e15).then_some(if x.abs() < 1e-15 { 0.0 } else { x })
}

/// Row of a plot.
pub(crate) trait Record: Sized {
    const FIELDS: &'static [Field];

    fn read(source: &impl Source) -> Self;
}

/// A struct that is a [`Record`], of its fields and their types.
macro_rules! record {
    ($(#[$doc:meta])* $record:ident {
        $($(#[$field_doc:meta])* $field:ident: $value:ty,)*
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub(crate) struct $record {
            $($(#[$field_doc])* $field: $value,)*
        }

        impl crate::plot::row::Record for $record {
            const FIELDS: &'static [crate::plot::row::Field] =
                &[$((stringify!($field), <$value as crate::plot::row::Value>::KIND),)*];

            fn read(source: &impl crate::plot::row::Source) -> $record {
                $record { $($field: crate::plot::row::Value::read(source, stringify!($field)),)* }
            }
        }
    };
}

pub(crate) use record;
