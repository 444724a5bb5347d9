//! Waits and rate limits as servers write them.

use chrono::{DateTime, FixedOffset, NaiveDateTime, TimeZone};
use reqwest::header::HeaderMap;
use serde_json::Value;
use std::time::{Duration, SystemTime};

/// Longest wait that a server may ask for before the model is stopped instead.
pub(crate) const LONGEST: Duration = Duration::from_secs(3600);

/// Wait of the headers: `retry-after-ms`, else `retry-after` in seconds or as a date.
pub(crate) fn from_headers(headers: &HeaderMap) -> Option<Duration> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let number = |text: &str| text.parse::<f64>().ok().filter(|x| (0.0..1e9).contains(x));
    if let Some(milliseconds) = header("retry-after-ms").and_then(number) {
        return Some(Duration::from_secs_f64(milliseconds / 1000.0));
    }
    let after = header("retry-after")?;
    number(after).map(Duration::from_secs_f64).or_else(|| until(date(after)?))
}

/// Date of HTTP in one of the three forms that may come (RFC 9110, section 5.6.7), or as RFC 3339 has it. The day of
/// the week says nothing new, and is not compared.
fn date(text: &str) -> Option<DateTime<FixedOffset>> {
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Some(moment);
    }
    let (_, rest) = text.split_once(|c: char| c == ',' || c.is_whitespace())?;
    let rest = rest.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Ok(moment) = DateTime::parse_from_rfc2822(&rest) {
        return Some(moment);
    }
    let forms = ["%d-%b-%y %H:%M:%S GMT", "%b %d %H:%M:%S %Y"];
    let moment = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(&rest, form).ok())?;
    Some(moment.and_utc().fixed_offset())
}

/// Time in which nothing should be sent, because a limit's remainder is down to nothing: the longest such reset.
pub(crate) fn exhausted(headers: &HeaderMap) -> Option<Duration> {
    const LIMITS: [(&str, &str); 5] = [
        ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
        ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
        ("anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"),
        ("anthropic-ratelimit-input-tokens-remaining", "anthropic-ratelimit-input-tokens-reset"),
        ("anthropic-ratelimit-output-tokens-remaining", "anthropic-ratelimit-output-tokens-reset"),
    ];
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let limits = LIMITS.iter().filter_map(|(remaining, reset)| {
        // some servers send 0 or -1 with an empty reset for a limit that they do not have
        let left: f64 = header(remaining)?.parse().ok()?;
        let reset = header(reset)?;
        let wait = duration(reset).or_else(|| until(DateTime::parse_from_rfc3339(reset).ok()?))?;
        (left == 0.0 && !wait.is_zero()).then_some(wait)
    });
    limits.max()
}

/// Wait in the details of an error, as Google writes it.
pub(crate) fn from_details(error: &Value) -> Option<Duration> {
    let details = error["details"].as_array()?;
    details.iter().find_map(|detail| duration(detail["retryDelay"].as_str()?))
}

/// Duration as servers write it: `31s`, `3.5s`, `120ms`, `6m0s`, `1h2m3s`, and a bare number as seconds.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let mut rest = text;
    let mut seconds = 0.0;
    if let Ok(bare) = text.parse::<f64>() {
        return (0.0..1e9).contains(&bare).then(|| Duration::from_secs_f64(bare));
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        seconds += number
            * match &rest[..end] {
                "ms" => 1e-3,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                "d" => 86_400.0,
                _ => return None,
            };
        rest = &rest[end..];
    }
    (!text.is_empty() && (0.0..1e9).contains(&seconds)).then(|| Duration::from_secs_f64(seconds))
}

/// Time from now to a moment; nothing if it has passed.
fn until<Zone: TimeZone>(moment: DateTime<Zone>) -> Option<Duration> {
    Some(SystemTime::from(moment).duration_since(SystemTime::now()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::{HeaderName, HeaderValue};

    #[test]
    fn durations() {
        for (text, milliseconds) in
            [("31s", 31_000), ("3.5s", 3500), ("120ms", 120), ("6m0s", 360_000), ("1h2m3s", 3_723_000), ("15", 15_000)]
        {
            assert_eq!(duration(text), Some(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "soon", "s", "5x", "-3", "-1s"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn dates_in_headers() {
        let of = |date: &'static str| {
            let pair = (HeaderName::from_static("retry-after"), HeaderValue::from_static(date));
            from_headers(&[pair].into_iter().collect())
        };
        // the example of RFC 9110, long past; one that is not yet near; and words
        assert_eq!(of("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        let far = of("Sat, 06 Nov 2094 08:49:37 GMT").unwrap();
        assert!(far > LONGEST, "{far:?}");
        assert_eq!(of("tomorrow"), None);
        for past in ["Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(of(past), Some(Duration::ZERO), "{past}");
        }
        for far in ["Saturday, 06-Nov-60 08:49:37 GMT", "Sat Nov  6 08:49:37 2060", "Sat Nov 16 08:49:37 2060"] {
            assert!(of(far).is_some_and(|wait| wait > LONGEST), "{far}");
        }
        // the examples of RFC 9110 are one moment: 784111777 seconds since 1970
        for form in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "1994-11-06T08:49:37Z",
            "1994-11-06T09:49:37+01:00",
        ] {
            assert_eq!(date(form).map(|moment| moment.timestamp()), Some(784_111_777), "{form}");
        }
        for form in ["", "soon", "Sun, 06 Nov", "Sun Foo  6 08:49:37 1994", "06-Nov-94"] {
            assert_eq!(date(form), None, "{form}");
        }
    }

    #[test]
    fn a_remainder_of_nothing_is_waited_for() {
        let of = |pairs: &[(&'static str, &'static str)]| {
            let headers: HeaderMap = pairs
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
                .collect();
            exhausted(&headers)
        };
        let requests = [("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "6m0s")];
        assert_eq!(of(&requests), Some(Duration::from_secs(360)));
        assert_eq!(of(&[("x-ratelimit-remaining-requests", "3"), ("x-ratelimit-reset-requests", "6m0s")]), None);
        assert_eq!(of(&[("x-ratelimit-remaining-requests", "-1"), ("x-ratelimit-reset-requests", "0")]), None);
        assert_eq!(of(&[("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "")]), None);
        let past = [
            ("anthropic-ratelimit-requests-remaining", "0"),
            ("anthropic-ratelimit-requests-reset", "1994-11-06T08:49:37Z"),
        ];
        assert_eq!(of(&past), None);
        let [_, (name, _)] = past;
        let ahead = [past[0], (name, "2094-11-06T08:49:37.5Z")];
        assert!(of(&ahead).is_some_and(|wait| wait > LONGEST));
    }
}
