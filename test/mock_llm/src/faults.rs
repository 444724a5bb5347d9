//! Faults, asked for by a marker in the text: `[[fault:NAME]]`, or `[[fault:NAME:2]]` for the first two times that
//! this text is sent to this model, after which it is answered. `[[fault:NAME@openai]]` is a fault of one provider.
//!
//! | name | what comes |
//! | --- | --- |
//! | `400` … `599` | that status in the provider's own error shape; 429 with the provider's own signal how long to wait |
//! | `error_200` | 200 with an error that names status 429, as gateways pass it on |
//! | `insufficient_quota`, `per_day` | a quota that waiting does not fill |
//! | `echo_key` | 401 whose message repeats the key that was sent |
//! | `echo_json`, `echo_percent`, `echo_base64` | 400 whose message is the key: in escapes of JSON, percent-encoded, in base64 |
//! | `echo_cut` | 400 with the key behind 190 characters |
//! | `echo_answer` | an answer whose reason, model and `x-request-id` are the key in all of these |
//! | `html` | 502 with a page of a proxy |
//! | `hang` | no answer, ever |
//! | `drop` | the connection ends before an answer |
//! | `cut` | the connection ends in the middle of the body |
//! | `broken_body` | 200 with a body that is not JSON |
//! | `endless` | an answer with 128 MiB of blanks behind it, which is JSON all the same |
//! | `redirect`, `redirect_here` | 307 to another host, and to another path of this one |
//! | `truncated` | an answer that is the beginning of JSON, with a normal finish |
//! | `length` | no text, since the cap on tokens was reached |
//! | `eos` | Chat Completions: an answer that ends with `eos_token` |
//! | `refusal` | a refusal, as each provider puts it |
//! | `safety` | blocked: Gemini without candidates, the others by their content filter |
//! | `spii` | Gemini: a candidate that ended for personal data, without content |
//! | `enum` | an answer outside the enum of the schema |
//! | `empty`, `prose`, `fenced` | no text; a sentence without JSON; JSON in a Markdown fence |
//! | `parts` | Chat Completions: an answer in a list of parts, the first of them a thought |
//! | `thinking`, `thought_word` | a thought that quotes the opposite, before the answer and before a bare word |
//! | `quoted`, `two` | a sentence that quotes the opposite; both verdicts |
//! | `loose`, `surrogate` | JSON that breaks the standard: in the answer, and half a surrogate pair in the body |
//! | `dear` | an answer of a million tokens |
//! | `no_usage` | an answer without token counts |
//! | `no_logprobs` | an answer without the log-probabilities that were asked for |
//! | `thought` | the answer beside a thought that contradicts it |
//! | `fickle` | an answer that is another each time, with its number as the reason |
//! | `other_model` | an answer of another model than was asked |
//! | `expired`, `batch_error` | in a batch: this request expired (the first time), or failed |

/// A fault that a text asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    pub name: String,
    /// Number of times before the text is answered.
    pub times: u64,
}

impl Fault {
    /// The first marker of `text`, if it is for this provider.
    pub fn of(text: &str, provider: &str) -> Option<Fault> {
        let (_, rest) = text.split_once("[[fault:")?;
        let (inside, _) = rest.split_once("]]")?;
        let (name, times) = match inside.split_once(':') {
            Some((name, times)) => (name, times.parse().ok()?),
            None => (inside, if inside == "expired" { 1 } else { u64::MAX }),
        };
        let name = match name.split_once('@') {
            Some((name, of)) => (of == provider).then_some(name)?,
            None => name,
        };
        Some(Fault { name: name.to_string(), times })
    }

    /// The status that the name is, if it is one.
    pub fn status(&self) -> Option<u16> {
        self.name.parse().ok().filter(|status| (400..600).contains(status))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(name: &str, times: u64) -> Option<Fault> {
        Some(Fault { name: name.to_string(), times })
    }

    #[test]
    fn markers() {
        let of = |text| Fault::of(text, "google");
        assert_eq!(of("a CV"), None);
        assert_eq!(of("a [[fault:429]] CV"), fault("429", u64::MAX));
        assert_eq!(of("[[fault:429:2]]"), fault("429", 2));
        assert_eq!(of("[[fault:429@google:2]]"), fault("429", 2));
        assert_eq!(of("[[fault:429@openai:2]]"), None);
        assert_eq!(of("[[fault:expired]]"), fault("expired", 1));
        assert_eq!(of("[[fault:hang"), None);
        assert_eq!(of("[[fault:429]]").and_then(|fault| fault.status()), Some(429));
        assert_eq!(of("[[fault:200]]").and_then(|fault| fault.status()), None);
    }
}
