//! Confidence of a verdict: the probability that the answer is yes.
//!
//! There are two ways to it. A provider may give the log-probability of each token of the answer, with those of the tokens
//! that might have stood in its place: P(yes) is what the tokens of the verdict leave for words that mean yes, among
//! those that mean yes or no. Or the model is asked for a number beside its verdict, which costs a few tokens and is the model's
//! own opinion of itself.

use super::schema::Schema;
use serde_json::Value;

/// Way to the confidence of a model's verdicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Confidence {
    /// From log-probabilities of tokens.
    Logprobs,
    /// A number in the answer.
    Stated,
}

impl Confidence {
    pub(crate) const ALL: [Confidence; 2] = [Confidence::Logprobs, Confidence::Stated];

    /// Name in SQL and in requests.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Confidence::Logprobs => "logprobs",
            Confidence::Stated => "stated",
        }
    }
}

/// Number of alternatives to a token that are asked for. Some servers refuse more than five.
pub(crate) const ALTERNATIVES: u64 = 5;

/// Share of the probability of yes and no that alternatives may have which are the beginning of words of both kinds.
const UNDECIDED: f64 = 0.01;

/// A token of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Token {
    /// A part of a character, at times.
    text: Vec<u8>,
    probability: f64,
    /// Tokens that might have stood in its place, this one mostly among them.
    alternatives: Vec<(Vec<u8>, f64)>,
}

/// Tokens of an answer as OpenAI and those who follow it give them.
pub(crate) fn openai(list: &Value) -> impl Iterator<Item = Token> {
    let candidate = |entry: &Value| candidate(entry, "logprob");
    list.as_array().into_iter().flatten().filter_map(move |entry| {
        let (text, probability) = candidate(entry)?;
        let alternatives = entry["top_logprobs"].as_array().into_iter().flatten().filter_map(candidate).collect();
        Some(Token { text, probability, alternatives })
    })
}

/// Tokens of an answer as Google gives them: what was chosen, and the alternatives in a list of their own.
pub(crate) fn google(result: &Value) -> Vec<Token> {
    let list = |name: &str| result[name].as_array().map(Vec::as_slice).unwrap_or_default();
    let tops =
        list("topCandidates").iter().map(|top| top["candidates"].as_array().map(Vec::as_slice).unwrap_or_default());
    let candidate = |entry: &Value| candidate(entry, "logProbability");
    let token = |(entry, top): (&Value, &[Value])| {
        let (text, probability) = candidate(entry)?;
        Some(Token { text, probability, alternatives: top.iter().filter_map(candidate).collect() })
    };
    list("chosenCandidates").iter().zip(tops.chain(std::iter::repeat(&[][..]))).filter_map(token).collect()
}

/// Text and probability of a token; the bytes count where they are given.
fn candidate(entry: &Value, logprob: &str) -> Option<(Vec<u8>, f64)> {
    let bytes =
        |list: &Vec<Value>| list.iter().map(|byte| u8::try_from(byte.as_u64()?).ok()).collect::<Option<Vec<u8>>>();
    let text = || entry["token"].as_str().map(|text| text.as_bytes().to_vec());
    let probability = entry[logprob].as_f64()?.min(0.0).exp();
    Some((entry["bytes"].as_array().and_then(bytes).or_else(text)?, probability))
}

/// Meaning of the beginning of a value.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Said {
    /// A word of this label, whatever follows.
    Label(Option<bool>),
    /// Words of several labels begin so.
    Open,
    /// No word of the schema begins so.
    Nothing,
}

/// P(yes) / (P(yes) + P(no)) by the tokens of an answer whose verdict is `word`; `None` where they do not tell.
///
/// Words may be spread over several tokens. As long as what was chosen is the beginning of words of both kinds, its probability
/// is that of getting to the next token, which decides. Alternatives that are no word of the schema count for neither; where
/// they are the beginning of words of both kinds nobody knows for which, and they may not be many.
pub(crate) fn p_yes(tokens: &[Token], schema: &Schema, word: &str) -> Option<f64> {
    let text: Vec<u8> = tokens.iter().flat_map(|token| token.text.iter().copied()).collect();
    let start = value_start(&text, &schema.field, word)?;
    let words = words(schema);
    let (mut yes, mut no, mut undecided, mut reached, mut at) = (0.0, 0.0, 0.0, 1.0, 0);
    for token in tokens {
        let end = at + token.text.len();
        if end <= start {
            at = end;
            continue;
        }
        if token.alternatives.is_empty() {
            return None;
        }
        // of the first token a part may stand before the value
        let (before, lead) = (&text[start..at.max(start)], &text[at..start.max(at)]);
        let said = |other: &[u8]| match other.strip_prefix(lead) {
            Some(rest) => said(&words, &[before, rest].concat()),
            None => Said::Nothing,
        };
        let mut count = |said: Said, probability: f64| match said {
            Said::Label(Some(true)) => yes += reached * probability,
            Said::Label(Some(false)) => no += reached * probability,
            Said::Open => undecided += reached * probability,
            Said::Label(None) | Said::Nothing => {}
        };
        let others = token.alternatives.iter().filter(|(other, _)| *other != token.text);
        others.for_each(|(other, probability)| count(said(other), *probability));
        match said(&token.text) {
            Said::Open => reached *= token.probability,
            chosen => {
                count(chosen, token.probability);
                break;
            }
        }
        at = end;
    }
    let all = yes + no;
    (all > 0.0 && undecided <= UNDECIDED * all).then(|| yes / all)
}

/// The words of a schema as they stand in JSON, with their labels.
fn words(schema: &Schema) -> Vec<(String, Option<bool>)> {
    let lists = [(&schema.yes, Some(true)), (&schema.no, Some(false)), (&schema.abstain, None)];
    let all = lists.into_iter().flat_map(|(words, label)| words.iter().map(move |word| (quoted(word.trim()), label)));
    all.collect()
}

/// A text in JSON, without its quotes.
fn quoted(text: &str) -> String {
    let json = Value::from(text).to_string();
    json[1..json.len() - 1].to_string()
}

/// Position at which the value of the last property `field` begins that is `word`.
fn value_start(text: &[u8], field: &str, word: &str) -> Option<usize> {
    let (key, word) = (format!("\"{field}\""), quoted(word.trim()));
    let is_verdict = |at: &usize| {
        let value = &text[*at..];
        let end = value.iter().position(|byte| *byte == b'"').unwrap_or(value.len());
        value[..end].trim_ascii().eq_ignore_ascii_case(word.as_bytes())
    };
    let ends = text.windows(key.len()).enumerate().rev().filter(|(_, window)| *window == key.as_bytes());
    let starts = ends.filter_map(|(at, _)| {
        let colon = text[at + key.len()..].trim_ascii_start().strip_prefix(b":")?;
        let value = colon.trim_ascii_start().strip_prefix(b"\"")?;
        Some(text.len() - value.len())
    });
    starts.into_iter().find(is_verdict)
}

/// Meaning of a value that begins with `text`; a quotation mark ends it, and where it has not begun it says nothing.
fn said(words: &[(String, Option<bool>)], text: &[u8]) -> Said {
    let text = text.trim_ascii_start();
    if text.is_empty() {
        return Said::Nothing;
    }
    let begins = |word: &[u8], text: &[u8]| word.get(..text.len()).is_some_and(|part| part.eq_ignore_ascii_case(text));
    let fits = |(word, _): &&(String, Option<bool>)| match text.iter().position(|byte| *byte == b'"') {
        Some(end) => text[..end].trim_ascii_end().eq_ignore_ascii_case(word.as_bytes()),
        None => begins(word.as_bytes(), text),
    };
    let mut labels = words.iter().filter(fits).map(|(_, label)| *label);
    match labels.next() {
        None => Said::Nothing,
        Some(first) if labels.all(|label| label == first) => Said::Label(first),
        Some(_) => Said::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// Text and probability of a token, and those of its alternatives.
    type Plain<'t> = (&'t str, f64, &'t [(&'t str, f64)]);

    fn tokens(list: &[Plain]) -> Vec<Token> {
        let bytes = |text: &str| text.as_bytes().to_vec();
        let token = |(text, probability, others): &Plain| Token {
            text: bytes(text),
            probability: *probability,
            alternatives: others.iter().map(|(text, p)| (bytes(text), *p)).collect(),
        };
        list.iter().map(token).collect()
    }

    fn near(found: Option<f64>, expected: f64) {
        assert!((found.unwrap() - expected).abs() < 1e-12, "{found:?} {expected}");
    }

    #[test]
    fn one_token_decides() {
        let schema = Schema::default();
        let begin = ("{\"evaluation\": \"", 1.0, &[][..]);
        let decides =
            ("ACC", 0.6, &[("ACC", 0.6), ("REJECT", 0.3), (" ACCEPT", 0.05), ("The", 0.03), ("acc", 0.01)][..]);
        let rest = ("EPT\", \"reason\": \"x\"}", 1.0, &[][..]);
        near(p_yes(&tokens(&[begin, decides, rest]), &schema, "ACCEPT"), 0.66 / 0.96);
        // the mark may be a part of the token, as one of an alternative that begins otherwise is not
        let begin = ("{\"evaluation\":", 1.0, &[][..]);
        let decides = ("\"ACC", 0.6, &[("\"ACC", 0.6), ("\"REJ", 0.2), ("REJ", 0.1), ("\"", 0.1)][..]);
        near(p_yes(&tokens(&[begin, decides, rest]), &schema, "ACCEPT"), 0.6 / 0.8);
        // what was chosen counts where it is not among the alternatives
        let decides = ("\"ACC", 0.1, &[("\"REJ", 0.9)][..]);
        near(p_yes(&tokens(&[begin, decides, rest]), &schema, "ACCEPT"), 0.1);
    }

    /// Two words for no and one for yes that begin alike: P(yes) is that of the path to it.
    #[test]
    fn several_tokens_decide_together() {
        let schema = Schema::parse(&json!({"yes": "PRO", "no": ["PROBABLY NOT", "CON"], "abstain": "PASS"})).unwrap();
        let begin = ("{\"evaluation\":\"", 1.0, &[][..]);
        let first = ("P", 0.8, &[("P", 0.8), ("C", 0.2)][..]);
        let second = ("RO", 0.5, &[("RO", 0.5), ("ASS", 0.5)][..]);
        let third = ("\"}", 0.75, &[("\"}", 0.75), ("BABLY", 0.25)][..]);
        let (yes, no) = (0.8 * 0.5 * 0.75, 0.2 + 0.8 * 0.5 * 0.25);
        near(p_yes(&tokens(&[begin, first, second, third]), &schema, "PRO"), yes / (yes + no));
        let third = ("BABLY NOT\"}", 0.25, &[("\"}", 0.75), ("BABLY NOT\"}", 0.25)][..]);
        near(p_yes(&tokens(&[begin, first, second, third]), &schema, "PROBABLY NOT"), yes / (yes + no));
        // after an abstention nobody knows where half of it would have gone
        let second = ("ASS\"}", 0.5, &[("RO", 0.5), ("ASS\"}", 0.5)][..]);
        assert_eq!(p_yes(&tokens(&[begin, first, second]), &schema, "PASS"), None);
        // without that, how yes and no stand to each other
        let first = ("PASS\"}", 0.6, &[("PASS\"}", 0.6), ("PRO\"}", 0.1), ("CON", 0.3)][..]);
        near(p_yes(&tokens(&[begin, first]), &schema, "PASS"), 0.25);
    }

    #[test]
    fn where_tokens_do_not_tell_nothing_is_known() {
        let schema = Schema::default();
        let whole = "{\"evaluation\":\"ACCEPT\"}";
        for list in [
            vec![],
            tokens(&[(whole, 1.0, &[])]),
            tokens(&[("{\"verdict\":\"ACCEPT\"}", 1.0, &[("{", 0.5)])]),
            // the tokens of another verdict
            tokens(&[("{\"evaluation\":\"REJECT\"}", 1.0, &[("{", 0.5)])]),
            tokens(&[("{\"evaluation\":\"", 1.0, &[]), ("ACCEPT", 0.0, &[("ACCEPT", 0.0), ("The", 1.0)])]),
        ] {
            assert_eq!(p_yes(&list, &schema, "ACCEPT"), None, "{list:?}");
        }
        // the last property of this name counts, and one in a quotation is none
        let text = "{\"evaluation\":\"ACCEPT\"} no: {\"evaluation\" : \" reject \", \"reason\":\"\\\"evaluation\\\":\\\"ACCEPT\\\"\"}";
        assert_eq!(value_start(text.as_bytes(), "evaluation", "REJECT"), text.find(" reject"));
    }

    #[test]
    fn the_shapes_of_providers() {
        let chat = json!([
            {"token": "Z", "logprob": -0.5, "bytes": [90], "top_logprobs": [{"token": "Y", "logprob": -9999.0, "bytes": null}]},
            {"token": "\\xc3", "logprob": 0.0, "bytes": [195], "top_logprobs": []},
            {"token": "x", "logprob": null}, "no token"
        ]);
        let read: Vec<Token> = openai(&chat).collect();
        assert_eq!(read.len(), 2);
        assert_eq!((read[0].text.as_slice(), read[0].probability), (&b"Z"[..], (-0.5f64).exp()));
        assert_eq!(read[0].alternatives, [(b"Y".to_vec(), 0.0)]);
        assert_eq!(read[1].text, [195]);
        let gemini = json!({
            "topCandidates": [{"candidates": [{"token": "a", "tokenId": 1, "logProbability": -1.0}, {"token": "b", "logProbability": -2.0}]}],
            "chosenCandidates": [{"token": "b", "tokenId": 2, "logProbability": -2.0}, {"token": "c", "logProbability": 0}]
        });
        let read = google(&gemini);
        assert_eq!((read[0].text.as_slice(), read[0].alternatives.len()), (&b"b"[..], 2));
        assert_eq!((read[1].probability, read[1].alternatives.len()), (1.0, 0));
        for nothing in [json!(null), json!({"chosenCandidates": 5}), json!([1])] {
            assert_eq!((openai(&nothing).count(), google(&nothing).len()), (0, 0));
        }
    }

    proptest! {
        /// Whatever a server sends, and however it cuts an answer into tokens.
        #[test]
        fn any_tokens_give_a_probability_or_none(
            cuts in prop::collection::vec(1usize..40, 0..6),
            others in prop::collection::vec(("(\"?(ACC|REJ|A|R|x)?|\\PC{0,3})", -20.0f64..1.0), 0..5),
            bytes in prop::collection::vec(any::<u8>(), 0..3),
            logprob in -5.0f64..1.0,
        ) {
            let text = "{\"evaluation\": \"ACCEPT\", \"reason\": \"é\"}".as_bytes();
            let mut at = 0;
            let mut list = Vec::new();
            for end in cuts.into_iter().map(|cut| cut.min(text.len())).chain([text.len()]) {
                if end > at {
                    let top: Vec<Value> = others.iter().map(|(t, l)| json!({"token": t, "logprob": l}))
                        .chain([json!({"token": "?", "bytes": bytes, "logprob": 0.0})]).collect();
                    list.push(json!({"token": "?", "bytes": text[at..end], "logprob": logprob, "top_logprobs": top}));
                    at = end;
                }
            }
            let tokens: Vec<Token> = openai(&json!(list)).collect();
            let p = p_yes(&tokens, &Schema::default(), "ACCEPT");
            prop_assert!(p.is_none_or(|p| (0.0..=1.0).contains(&p)), "{:?}", p);
        }
    }
}
