//! Lines of the files of answers: JSON behind a checksum, that DuckDB can read too.
//!
//! `{"check":"c0ffee00","kind":"answer",…}`: the checksum is the CRC-32 of everything behind its comma, which finds
//! every change of a bit, and every one within four bytes. In outcomes the hash of the request and the time come first, so
//! that a file is indexed without parsing what models wrote. A line is complete with its line feed, of which JSON has
//! none inside.

use super::rows::{Batch, Entry, Record, TemplateRow};
use crate::hash::{Hash, hexadecimal, unhex};
use crate::llm::job::{Outcome, abstained};
use crate::llm::prices::Usage;
use crate::llm::request::Template;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::io;

/// Version of the format of lines.
pub(super) const VERSION: i64 = 1;

/// Length of the first line, which counts the bytes of its file: a number of fixed width.
pub(super) const HEAD: usize = 71;

/// Kind of a checked line, with what an index needs of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Head,
    Template,
    Answer {
        hash: Hash,
        at_ms: i64,
    },
    Failure {
        hash: Hash,
        at_ms: i64,
    },
    BatchOpened,
    BatchClosed,
    Converted,
    /// A kind of a later version, which earlier ones do not need.
    Other,
}

/// The first line of a file of `bytes` bytes.
pub(super) fn head(bytes: u64) -> Vec<u8> {
    checked(&format!("\"kind\":\"file\",\"version\":{VERSION},\"bytes\":{bytes:>16}}}"))
}

/// The version and the count of a first line.
pub(super) fn read_head(line: &[u8]) -> Option<(i64, u64)> {
    #[derive(Deserialize)]
    struct Head {
        version: i64,
        bytes: u64,
    }
    matches!(kind(line)?, Kind::Head).then(|| parse::<Head>(line)).flatten().map(|head| (head.version, head.bytes))
}

/// Whether a line, damaged or not, is meant to be a first one.
pub(super) fn resembles_head(line: &[u8]) -> bool {
    line.len() == HEAD && line[CHECK..].starts_with(b"\"kind\":\"file\",")
}

/// Length of a line before what is checked.
const CHECK: usize = 20;

/// A line of its body, which is the JSON but for its first bracket.
fn checked(body: &str) -> Vec<u8> {
    format!("{{\"check\":\"{:08x}\",{body}\n", crc32fast::hash(body.as_bytes())).into_bytes()
}

/// Kind of a line without its line feed; `None` where it does not fit its checksum.
pub(super) fn kind(line: &[u8]) -> Option<Kind> {
    let check = line.strip_prefix(b"{\"check\":\"")?.get(..8)?;
    let check = u32::from_str_radix(std::str::from_utf8(check).ok()?, 16).ok()?;
    let body = line.get(CHECK..)?;
    if line.get(CHECK - 2..CHECK) != Some(b"\",") || crc32fast::hash(body) != check {
        return None;
    }
    let (kind, rest) = std::str::from_utf8(body).ok()?.strip_prefix("\"kind\":\"")?.split_once('"')?;
    let outcome = || {
        let rest = rest.strip_prefix(",\"request_hash\":\"")?;
        let at = rest.get(64..)?.strip_prefix("\",\"at_ms\":")?;
        Some((unhex(&rest[..64])?, at.split_once([',', '}'])?.0.parse().ok()?))
    };
    Some(match kind {
        "file" => Kind::Head,
        "template" => Kind::Template,
        "answer" => outcome().map(|(hash, at_ms)| Kind::Answer { hash, at_ms })?,
        "failure" => outcome().map(|(hash, at_ms)| Kind::Failure { hash, at_ms })?,
        "batch" => Kind::BatchOpened,
        "batch_end" => Kind::BatchClosed,
        "converted" => Kind::Converted,
        _ => Kind::Other,
    })
}

fn line(kind: &str, fields: &impl Serialize) -> io::Result<Vec<u8>> {
    let json = serde_json::to_string(fields)?;
    Ok(checked(&format!("\"kind\":\"{kind}\",{}", &json[1..])))
}

fn parse<'l, T: Deserialize<'l>>(line: &'l [u8]) -> Option<T> {
    serde_json::from_slice(line).ok()
}

#[derive(Serialize, Deserialize)]
struct TemplateLine<'l> {
    template: Cow<'l, str>,
    provider: Cow<'l, str>,
    base_url: Cow<'l, str>,
    requested_model: Cow<'l, str>,
    head: Cow<'l, str>,
}

pub(super) fn template(row: &TemplateRow) -> io::Result<Vec<u8>> {
    let fields = TemplateLine {
        template: hexadecimal(&row.template.hash()).into(),
        provider: (&*row.provider).into(),
        base_url: (&*row.base_url).into(),
        requested_model: (&*row.requested_model).into(),
        head: row.template.head().into(),
    };
    line("template", &fields)
}

pub(super) fn read_template(line: &[u8]) -> Option<TemplateRow> {
    let fields: TemplateLine = parse(line)?;
    Some(TemplateRow {
        template: Template::from_head(fields.head.into_owned()),
        provider: fields.provider.into_owned(),
        base_url: fields.base_url.into_owned(),
        requested_model: fields.requested_model.into_owned(),
    })
}

/// Fields that an answer and a failure have in common; a reader that needs no long texts takes `IgnoredAny` for `T`.
#[derive(Serialize, Deserialize)]
struct OutcomeLine<'l, T> {
    #[serde(borrow)]
    request_hash: Cow<'l, str>,
    at_ms: i64,
    #[serde(borrow)]
    template: Cow<'l, str>,
    model: Option<Cow<'l, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<Cow<'l, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "exact")]
    p_yes: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Cow<'l, str>>,
    finish: Option<Cow<'l, str>>,
    attempts: u32,
    batch: bool,
    input_tokens: Option<u64>,
    cached_tokens: Option<u64>,
    output_tokens: Option<u64>,
    reasoning_tokens: Option<u64>,
    #[serde(deserialize_with = "exact")]
    cost_usd: Option<f64>,
    request_id: Option<Cow<'l, str>>,
    reason: Option<Cow<'l, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<T>,
    response: Option<T>,
}

/// A number as it was written: serde_json's own reading may miss the last bit.
fn exact<'d, D: Deserializer<'d>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let raw = Option::<Box<RawValue>>::deserialize(deserializer)?;
    raw.map(|raw| raw.get().parse().map_err(serde::de::Error::custom)).transpose()
}

/// The line of an outcome: an answer where there is a word, a failure where there is none.
pub(super) fn outcome(entry: &Entry) -> io::Result<Vec<u8>> {
    let Entry { outcome, .. } = entry;
    let is_answer = outcome.word.is_some();
    fn text(text: Option<&String>) -> Option<Cow<'_, str>> {
        text.map(|text| text.as_str().into())
    }
    let fields = OutcomeLine {
        request_hash: hexadecimal(&entry.hash).into(),
        at_ms: entry.at_ms,
        template: hexadecimal(&entry.template.template.hash()).into(),
        model: text(outcome.model.as_ref()),
        label: outcome.label.filter(|_| is_answer),
        answer: text(outcome.word.as_ref()),
        p_yes: outcome.p_yes.filter(|p| p.is_finite()),
        error: text(outcome.error.as_ref()).filter(|_| !is_answer),
        finish: text(outcome.finish.as_ref()),
        attempts: outcome.attempts,
        batch: outcome.batch,
        input_tokens: outcome.usage.input,
        cached_tokens: outcome.usage.cached,
        output_tokens: outcome.usage.output,
        reasoning_tokens: outcome.usage.reasoning,
        cost_usd: outcome.cost_usd.filter(|cost| cost.is_finite()),
        request_id: text(outcome.request_id.as_ref()),
        reason: text(outcome.reason.as_ref()),
        text: is_answer.then_some(&*entry.text),
        response: entry.response.as_deref(),
    };
    line(if is_answer { "answer" } else { "failure" }, &fields)
}

/// The answer in a line to the request of a hash; `None` where it is none.
pub(super) fn read_answer(line: &[u8], hash: &Hash) -> Option<Outcome> {
    match kind(line)? {
        Kind::Answer { hash: found, .. } if found == *hash => Some(answer(parse::<OutcomeLine<IgnoredAny>>(line)?)),
        _ => None,
    }
}

fn answer<T>(fields: OutcomeLine<T>) -> Outcome {
    let word = fields.answer.map(Cow::into_owned).unwrap_or_default();
    let owned = |text: Option<Cow<str>>| text.map(Cow::into_owned);
    Outcome {
        label: fields.label,
        p_yes: fields.p_yes,
        error: abstained(fields.label, &word),
        word: Some(word),
        model: owned(fields.model),
        reason: owned(fields.reason),
        finish: owned(fields.finish),
        request_id: owned(fields.request_id),
        attempts: fields.attempts,
        usage: Usage {
            input: fields.input_tokens,
            cached: fields.cached_tokens,
            cache_written: 0,
            output: fields.output_tokens,
            reasoning: fields.reasoning_tokens,
        },
        cost_usd: fields.cost_usd,
        batch: fields.batch,
    }
}

/// The row of `llm_store` in a line, with its template by `find`; `None` where it is no answer.
pub(super) fn read_record<'t>(line: &[u8], find: impl Fn(&Hash) -> Option<&'t TemplateRow>) -> Option<Record> {
    let Kind::Answer { .. } = kind(line)? else { return None };
    let mut fields: OutcomeLine<String> = parse(line)?;
    let template = find(&unhex(&fields.template)?)?;
    let text = fields.text.take()?;
    Some(Record {
        request_hash: fields.request_hash.to_string(),
        provider: template.provider.clone(),
        base_url: template.base_url.clone(),
        requested_model: template.requested_model.clone(),
        answered_ms: fields.at_ms,
        request: crate::llm::request::request(template.template.head(), &text),
        response: fields.response.take().unwrap_or_default(),
        outcome: answer(fields),
    })
}

/// Cost of an outcome, with template and model.
#[derive(Deserialize)]
pub(super) struct Bill<'l> {
    #[serde(borrow)]
    pub template: Cow<'l, str>,
    pub model: Option<String>,
    pub input_tokens: Option<u64>,
    pub cached_tokens: Option<u64>,
    pub output_tokens: Option<u64>,
    pub reasoning_tokens: Option<u64>,
    #[serde(deserialize_with = "exact")]
    pub cost_usd: Option<f64>,
}

pub(super) fn read_bill(line: &[u8]) -> Option<Bill<'_>> {
    parse(line)
}

#[derive(Serialize, Deserialize)]
struct BatchLine<'l> {
    at_ms: i64,
    batch_id: Cow<'l, str>,
    provider: Cow<'l, str>,
    base_url: Cow<'l, str>,
    model: Cow<'l, str>,
    requests: Vec<String>,
}

/// The line of a batch that was submitted, or of its end, which needs no requests.
pub(super) fn batch(batch: &Batch, at_ms: i64, closed: bool) -> io::Result<Vec<u8>> {
    let requests = batch.requests.iter().filter(|_| !closed).map(|hash| hexadecimal(hash)).collect();
    let fields = BatchLine {
        at_ms,
        batch_id: (&*batch.id).into(),
        provider: (&*batch.provider).into(),
        base_url: (&*batch.base_url).into(),
        model: (&*batch.model).into(),
        requests,
    };
    line(if closed { "batch_end" } else { "batch" }, &fields)
}

/// The batch in a line, and its time.
pub(super) fn read_batch(line: &[u8]) -> Option<(i64, Batch)> {
    let fields: BatchLine = parse(line)?;
    let batch = Batch {
        id: fields.batch_id.into_owned(),
        provider: fields.provider.into_owned(),
        base_url: fields.base_url.into_owned(),
        model: fields.model.into_owned(),
        requests: fields.requests.iter().map(|hash| unhex(hash)).collect::<Option<_>>()?,
    };
    Some((fields.at_ms, batch))
}

/// Highest numbers of the rows converted, by table of an earlier format.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Converted {
    pub answers: i64,
    pub failures: i64,
    pub batches: i64,
}

pub(super) fn converted(converted: Converted) -> io::Result<Vec<u8>> {
    line("converted", &converted)
}

pub(super) fn read_converted(line: &[u8]) -> Option<Converted> {
    parse(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::Arc;

    fn entry(outcome: Outcome) -> Entry {
        let row = TemplateRow {
            template: Template::from_head("{\"text\":".to_string()),
            provider: "openai".to_string(),
            base_url: "b".to_string(),
            requested_model: "m".to_string(),
        };
        let text = Arc::from("Zoë\n\"lab\" \u{0} 😀");
        Entry {
            hash: [9; 32],
            template: Arc::new(row),
            text,
            outcome,
            response: None,
            at_ms: 1_700_000_000_123,
            claim: None,
        }
    }

    fn answer() -> Outcome {
        let usage = Usage { input: Some(u64::MAX), output: Some(0), ..Usage::default() };
        Outcome {
            label: Some(true),
            word: Some("ACCEPT".to_string()),
            reason: Some("two\nlines".to_string()),
            attempts: 1,
            // no sums of few powers of two
            cost_usd: Some(0.1 + 0.2),
            p_yes: Some(0.7 + 0.1),
            usage,
            ..Outcome::default()
        }
    }

    #[test]
    fn an_answer_comes_back_as_it_was() {
        let written = outcome(&entry(answer())).unwrap();
        let (end, line) = written.split_last().unwrap();
        assert_eq!(*end, b'\n');
        assert!(!line.contains(&b'\n'));
        assert_eq!(kind(line), Some(Kind::Answer { hash: [9; 32], at_ms: 1_700_000_000_123 }));
        assert_eq!(read_answer(line, &[9; 32]), Some(answer()));
        assert_eq!(read_answer(line, &[8; 32]), None);
        let template = entry(answer()).template;
        let record = read_record(line, |hash| (*hash == template.template.hash()).then_some(&*template)).unwrap();
        assert_eq!(record.request, crate::llm::request::request("{\"text\":", "Zoë\n\"lab\" \u{0} 😀"));
        assert_eq!((record.provider.as_str(), record.outcome), ("openai", answer()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn any_answer_comes_back_as_it_was(
            (word, reason, model, text) in any::<(String, Option<String>, Option<String>, String)>(),
            (label, cost, input, attempts) in any::<(Option<bool>, Option<f64>, Option<u64>, u32)>(),
            p_yes in prop::option::of(0.0f64..=1.0),
        ) {
            let given = Outcome {
                label,
                p_yes,
                error: abstained(label, &word),
                word: Some(word),
                reason,
                model,
                attempts,
                cost_usd: cost.filter(|cost| cost.is_finite()),
                usage: Usage { input, ..Usage::default() },
                ..Outcome::default()
            };
            let written = outcome(&Entry { text: Arc::from(text), ..entry(given.clone()) }).unwrap();
            let (end, line) = written.split_last().unwrap();
            prop_assert!(*end == b'\n' && !line.contains(end));
            prop_assert_eq!(read_answer(line, &[9; 32]), Some(given));
        }

        /// Lines with the right checksum of anybody's making, and lines of anything.
        #[test]
        fn any_line_is_read(
            body in r#"("kind":"(file|template|answer|failure|batch|batch_end|converted|x)",)?("(request_hash|at_ms|template|bytes|version|requests|label|cost_usd|answers)":("[0-9a-fé]{0,3}"|"[0-9a-f]{64}"|-?[0-9]{1,20}|null|true|\[\]),?){0,9}\}?"#,
            bytes in prop::collection::vec(any::<u8>(), 0..120),
        ) {
            for line in [&checked(&body)[..], &bytes] {
                let line = line.strip_suffix(b"\n").unwrap_or(line);
                kind(line);
                read_head(line);
                read_template(line);
                read_answer(line, &[0; 32]);
                read_record(line, |_| None);
                read_bill(line);
                read_batch(line);
                read_converted(line);
            }
        }
    }

    #[test]
    fn every_flipped_bit_is_found() {
        for line in [outcome(&entry(answer())).unwrap(), head(12_345), template(&entry(answer()).template).unwrap()] {
            let line = &line[..line.len() - 1];
            for bit in 0..8 * line.len() {
                let mut flipped = line.to_vec();
                flipped[bit / 8] ^= 1 << (bit % 8);
                let same = |kind: Option<Kind>| kind.is_some();
                // the digits of the checksum may be of either case
                let case = (10..18).contains(&(bit / 8)) && bit % 8 == 5;
                assert!(!same(kind(&flipped)) || case, "bit {bit} of {}", String::from_utf8_lossy(&flipped));
            }
        }
    }

    #[test]
    fn heads_have_one_length() {
        for bytes in [0, 1, 9_999_999_999_999_999] {
            let head = head(bytes);
            assert_eq!(head.len(), HEAD + 1);
            assert!(resembles_head(&head[..HEAD]));
            assert_eq!(read_head(&head[..HEAD]), Some((VERSION, bytes)));
        }
    }

    #[test]
    fn failures_and_batches_come_back() {
        let failed = Outcome { cost_usd: Some(0.25), ..Outcome::failed(2, "refused".to_string()) };
        let line = outcome(&entry(failed)).unwrap();
        assert!(matches!(kind(&line[..line.len() - 1]), Some(Kind::Failure { hash: [9, ..], .. })));
        assert_eq!(read_bill(&line).unwrap().cost_usd, Some(0.25));
        let text = |text: &str| text.to_string();
        let made = Batch {
            id: text("i"),
            provider: text("p"),
            base_url: text("b"),
            model: text("m"),
            requests: vec![[1; 32]],
        };
        assert_eq!(read_batch(&batch(&made, 5, false).unwrap()), Some((5, made.clone())));
        let ended = read_batch(&batch(&made, 6, true).unwrap()).unwrap().1;
        assert_eq!(ended, Batch { requests: Vec::new(), ..made });
    }
}
