//! Waits and rate limits as servers write them.

use reqwest::header::HeaderMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// `retry-after-ms`, else `retry-after` in seconds or as a date.
pub fn from_headers(headers: &HeaderMap) -> Option<Duration> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let number = |text: &str| text.parse::<f64>().ok().filter(|x| (0.0..1e9).contains(x));
    if let Some(milliseconds) = header("retry-after-ms").and_then(number) {
        return Some(Duration::from_secs_f64(milliseconds / 1000.0));
    }
    let after = header("retry-after")?;
    number(after).map(Duration::from_secs_f64).or_else(|| until(http_date(after)?))
}

/// How long nothing should be sent, because a limit's remainder is down to nothing: the longest such reset.
pub fn exhausted(headers: &HeaderMap) -> Option<Duration> {
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
        let wait = duration(reset).or_else(|| until(timestamp(reset)?))?;
        (left == 0.0 && !wait.is_zero()).then_some(wait)
    });
    limits.max()
}

/// `31s`, `3.5s`, `120ms`, `6m0s`, `1h2m3s`, and a bare number as seconds.
pub fn duration(text: &str) -> Option<Duration> {
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

/// From now to a moment in seconds since 1970; nothing if it has passed.
fn until(moment: i64) -> Option<Duration> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs() as i64;
    Some(Duration::from_secs((moment - now).max(0) as u64))
}

/// `2026-11-23T10:20:30Z`, with or without fractions, in UTC; seconds since 1970.
fn timestamp(text: &str) -> Option<i64> {
    let (date, time) = text.split_once('T')?;
    let part = |text: Option<&str>| text?.parse::<i64>().ok();
    let mut date = date.split('-');
    let (year, month, day) = (part(date.next())?, part(date.next())?, part(date.next())?);
    let time = time.strip_suffix('Z').or_else(|| time.strip_suffix("+00:00"))?;
    seconds(year, month, day, time.split('.').next()?)
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`; seconds since 1970.
fn http_date(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let words: Vec<&str> = text.split_whitespace().collect();
    let [_, day, month, year, time, "GMT"] = words[..] else { return None };
    let month = MONTHS.iter().position(|name| *name == month)? as i64 + 1;
    seconds(year.parse().ok()?, month, day.parse().ok()?, time)
}

fn seconds(year: i64, month: i64, day: i64, time: &str) -> Option<i64> {
    let parts: Vec<i64> = time.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let [hour, minute, second] = parts[..] else { return None };
    if !(1970..10_000).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // days of the Gregorian calendar, with years that begin in March so that the leap day comes last
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
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
    fn moments() {
        // 784111777 is the example of RFC 9110's date
        assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(timestamp("1994-11-06T08:49:37Z"), Some(784_111_777));
        assert_eq!(timestamp("2024-02-29T00:00:00.5Z"), Some(1_709_164_800));
        assert_eq!(timestamp("1994-13-06T08:49:37Z"), None);
        assert_eq!(http_date("tomorrow"), None);
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
    }
}
