//! Axes and their scales, the positions of ticks, and numbers as text.

/// Unit of the numbers of an axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Unit {
    Number,
    /// Shown in percent.
    Share,
    /// Has ticks at whole numbers only.
    Whole,
}

impl Unit {
    pub(crate) fn show(self, x: f64) -> String {
        match self {
            Unit::Number | Unit::Whole => number(x),
            Unit::Share => format!("{} %", number(rounded(100.0 * x))),
        }
    }
}

/// Map from numbers to places between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    pub low: f64,
    pub high: f64,
    pub log: bool,
}

impl Scale {
    /// A linear scale over `values`, ending at round numbers; `fixed` is on it, whatever the values are.
    pub(crate) fn linear(values: impl IntoIterator<Item = f64>, fixed: Option<f64>) -> Scale {
        let (mut low, mut high) = range(values.into_iter().chain(fixed)).unwrap_or((0.0, 1.0));
        if high - low <= 1e-9 * low.abs().max(high.abs()) || high <= low {
            // one number: some room around it
            let room = if low == 0.0 { 1.0 } else { 0.5 * low.abs() };
            low -= if fixed == Some(low) { 0.0 } else { room };
            high += room;
        }
        let step = step((high - low) / 5.0);
        Scale { low: (low / step).floor() * step, high: (high / step).ceil() * step, log: false }
    }

    /// A logarithmic scale over the positive numbers of `values`, with some room at the ends, at least a decade.
    pub(crate) fn log(values: impl IntoIterator<Item = f64>) -> Scale {
        let (low, high) = range(values.into_iter().filter(|x| *x > 0.0)).unwrap_or((1.0, 10.0));
        let span = (high / low).ln();
        let room = (span * 0.04).max(0.12).max(0.5 * (std::f64::consts::LN_10 - span));
        Scale { low: low * (-room).exp(), high: high * room.exp(), log: true }
    }

    /// A linear scale from `low` to `high`.
    pub(crate) fn between(low: f64, high: f64) -> Scale {
        Scale { low, high, log: false }
    }

    /// Place of `x`: 0 at the low end and before it, 1 at the high end and beyond.
    pub(crate) fn at(&self, x: f64) -> f64 {
        let place = if self.log {
            if x <= 0.0 { 0.0 } else { (x / self.low).ln() / (self.high / self.low).ln() }
        } else {
            (x - self.low) / (self.high - self.low)
        };
        place.clamp(0.0, 1.0)
    }

    /// Round numbers on the scale, about `wanted` of them, upwards.
    pub(crate) fn ticks(&self, wanted: usize) -> Vec<f64> {
        let wanted = wanted.max(2);
        if !self.log {
            return self.even(wanted);
        }
        let decades = (self.high / self.low).log10();
        let (first, last) = (self.low.log10().floor() as i32, self.high.log10().ceil() as i32);
        let within = |x: &f64| *x >= self.low * (1.0 - 1e-9) && *x <= self.high * (1.0 + 1e-9);
        let fine: &[f64] = if decades * 3.0 <= wanted as f64 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let every = (decades / wanted as f64).ceil().max(1.0) as i32;
        let decade = |exponent: i32| -> f64 { format!("1e{exponent}").parse().unwrap_or(1.0) };
        let mut ticks: Vec<f64> = (first..=last)
            .filter(|exponent| exponent.rem_euclid(every) == 0)
            .flat_map(|exponent| fine.iter().map(move |m| m * decade(exponent)))
            .filter(within)
            .collect();
        if ticks.len() < 2 {
            ticks = self.even(wanted);
        }
        ticks
    }

    fn even(&self, wanted: usize) -> Vec<f64> {
        let step = step((self.high - self.low) / wanted as f64);
        let first = (self.low / step - 1e-6).ceil();
        let count = ((self.high / step + 1e-6).floor() - first).clamp(0.0, 100.0) as usize;
        // one number makes no scale
        if count == 0 && wanted < 20 {
            return self.even(2 * wanted);
        }
        (0..=count).map(|i| (first + i as f64) * step).map(rounded).collect()
    }
}

/// An axis of both renderings: title, scale and unit.
#[derive(Debug)]
pub(crate) struct Axis {
    pub title: String,
    pub scale: Scale,
    pub unit: Unit,
}

impl Axis {
    pub(crate) fn new(title: &str, scale: Scale, unit: Unit) -> Axis {
        Axis { title: title.to_string(), scale, unit }
    }

    /// Title that says so where the scale is logarithmic.
    pub(crate) fn heading(&self) -> String {
        if self.scale.log { format!("{} (logarithmic)", self.title) } else { self.title.clone() }
    }
}

/// Least and greatest of the finite numbers.
pub(crate) fn range(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    values.into_iter().filter(|x| x.is_finite()).fold(None, |found, x| match found {
        None => Some((x, x)),
        Some((low, high)) => Some((low.min(x), high.max(x))),
    })
}

/// The least of 1, 2 and 5 times a power of ten that is not below `wish`.
fn step(wish: f64) -> f64 {
    let wish = wish.max(f64::MIN_POSITIVE);
    let exponent = wish.log10().floor() as i32;
    let power: f64 = format!("1e{exponent}").parse().unwrap_or(1.0);
    let power = if power > 0.0 { power } else { f64::MIN_POSITIVE };
    [1.0, 2.0, 5.0].into_iter().map(|m| m * power).find(|s| *s >= wish * (1.0 - 1e-9)).unwrap_or(10.0 * power)
}

/// The number to 12 digits, without the rests of binary fractions.
fn rounded(x: f64) -> f64 {
    format!("{x:.11e}").parse().unwrap_or(x)
}

/// A number to read: three digits or all before the point, commas between thousands.
pub(crate) fn number(x: f64) -> String {
    let size = x.abs();
    let text = if x == 0.0 {
        "0".to_string()
    } else if !(1e-4..1e9).contains(&size) {
        let text = format!("{x:.2e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        format!("{}e{exponent}", trimmed(digits))
    } else {
        let digits = (2 - size.log10().floor() as i32).max(0) as usize;
        thousands(trimmed(&format!("{x:.digits$}")))
    };
    text.replace('-', "−")
}

/// A count with commas between thousands.
pub(crate) fn count(n: usize) -> String {
    thousands(&n.to_string())
}

fn trimmed(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

fn thousands(text: &str) -> String {
    let whole = text.find('.').unwrap_or(text.len());
    let mut out = String::with_capacity(text.len() + 4);
    for (i, c) in text.char_indices() {
        if i > 0 && i < whole && (whole - i).is_multiple_of(3) && !out.ends_with('-') {
            out.push(',');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_shown_short() {
        for (x, shown) in [
            (0.0, "0"),
            (1234.4, "1,234"),
            (-1234567.0, "−1,234,567"),
            (-123.0, "−123"),
            (0.05, "0.05"),
            (12.345, "12.3"),
            (0.000012, "1.2e−5"),
            (2e12, "2e12"),
            (100.0, "100"),
        ] {
            assert_eq!(number(x), shown);
        }
        assert_eq!(Unit::Share.show(0.001), "0.1 %");
        assert_eq!(Unit::Share.show(0.07), "7 %");
        assert_eq!(count(10000), "10,000");
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(Scale::between(0.0, 1.0).ticks(5), [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
        let log = Scale { low: 0.9, high: 1100.0, log: true };
        assert_eq!(log.ticks(4), [1.0, 10.0, 100.0, 1000.0]);
        assert_eq!(log.ticks(12), [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0]);
        assert_eq!(Scale::linear([3.0, 97.0], None), Scale::between(0.0, 100.0));
    }

    proptest! {
        #[test]
        fn ticks_rise_within_the_scale(values in prop::collection::vec(-1e15f64..1e15, 0..5), tiny in -15f64..15.0, log: bool, wanted in 0usize..20) {
            let values = values.into_iter().chain([10f64.powf(tiny)]);
            let scale = if log { Scale::log(values) } else { Scale::linear(values, None) };
            let ticks = scale.ticks(wanted);
            prop_assert!(ticks.len() >= 2 && ticks.len() <= 101, "{scale:?} {ticks:?}");
            let slack = 1e-6 * (scale.high - scale.low);
            for pair in ticks.windows(2) {
                prop_assert!(pair[0] < pair[1], "{scale:?} {ticks:?}");
            }
            prop_assert!(ticks[0] >= scale.low - slack && ticks[ticks.len() - 1] <= scale.high + slack, "{scale:?} {ticks:?}");
        }
    }
}
