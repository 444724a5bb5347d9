//! A successful response, as every provider means it.

use super::confidence::Token;
use super::prices::Usage;
use super::schema::{EMPTY, Verdict};
use serde_json::Value;

/// Answer of a model, as far as there is one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reply {
    /// The model that answered, as the server names it.
    pub model: Option<String>,
    pub request_id: Option<String>,
    /// Reason why the model stopped, in the provider's own word.
    pub finish: Option<String>,
    pub usage: Usage,
    /// Tokens of the answer, where the server gives their probabilities.
    pub tokens: Vec<Token>,
    /// Verdict of the model, or the reason why there is none.
    pub said: Result<Verdict, String>,
}

/// Parts of the words for an end that came too early: a cap was reached.
const CUT: [&str; 6] = ["length", "max_", "limit", "exceed", "truncat", "context_window"];

/// Parts of the words for an end that leaves no answer to be trusted.
const BAD: [&str; 23] = [
    "filter",
    "safety",
    "block",
    "refus",
    "recitation",
    "spii",
    "prohibited",
    "guardrail",
    "moderation",
    "sensitive",
    "policy",
    "language",
    "error",
    "fail",
    "malformed",
    "insufficient",
    "incomplete",
    "abort",
    "cancel",
    "interrupt",
    "pause",
    "in_progress",
    "queued",
];

/// Words for a normal end, by which an answer without text is empty.
const NORMAL: [&str; 8] = ["", "stop", "end_turn", "stop_sequence", "tool_use", "completed", "eos", "eos_token"];

/// Verdict of a model that ended for the reason `finish`. Servers have many words for a normal end, so an answer
/// is none for a bad reason alone; a word that is not known explains only why there is no text.
pub(crate) fn said(finish: Option<&str>, answer: impl FnOnce() -> Result<Verdict, String>) -> Result<Verdict, String> {
    let word = finish.unwrap_or_default();
    let folded = word.to_lowercase();
    if CUT.iter().any(|part| folded.contains(part)) {
        return Err(format!("answer cut off: {word}"));
    }
    if BAD.iter().any(|part| folded.contains(part)) {
        return Err(format!("no answer: {word}"));
    }
    answer().map_err(|problem| match problem == EMPTY && !NORMAL.contains(&folded.as_str()) {
        true => format!("no answer: {word}"),
        false => problem,
    })
}

/// The text that a model says: all of it, or the parts of a list that are text and no thought, in one. Parts without a
/// type are texts.
pub(crate) fn spoken(content: &Value) -> String {
    match content {
        Value::Array(parts) => parts.iter().map(spoken).collect(),
        Value::String(text) => text.clone(),
        part => {
            let kind = part["type"].as_str().unwrap_or("text");
            let is_text = ["text", "output_text"].contains(&kind) && part["thought"] != true;
            // OpenAI's assistants have the text a level deeper
            let text = part["text"].as_str().or(part["text"]["value"].as_str());
            text.filter(|_| is_text).unwrap_or_default().to_string()
        }
    }
}

/// The words of a refusal among the parts of what a model says.
pub(crate) fn refusal(content: &Value) -> Option<&str> {
    let parts = content.as_array().map_or(std::slice::from_ref(content), Vec::as_slice);
    parts.iter().find_map(|part| part["refusal"].as_str()).filter(|words| !words.is_empty())
}

/// Number of tokens in a body.
pub(crate) fn tokens(value: &Value) -> Option<u64> {
    value.as_u64()
}

/// Text in a body.
pub(crate) fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_in_the_parts_that_are_text() {
        use serde_json::json;
        let thought = json!({"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]});
        for (content, text) in [
            (json!("a"), "a"),
            (json!([thought, {"type": "text", "text": "a"}, {"type": "output_text", "text": "b"}]), "ab"),
            (json!([{"text": "hm", "thought": true}, {"text": "a"}, "b"]), "ab"),
            (json!([{"type": "reasoning", "text": "hm"}, {"type": "redacted_thinking", "data": "x"}]), ""),
            (json!([{"type": "text", "text": {"value": "a", "annotations": []}}]), "a"),
            (json!({"type": "text", "text": "a"}), "a"),
            (json!([null, 7, {}]), ""),
            (json!(null), ""),
        ] {
            assert_eq!(spoken(&content), text, "{content}");
        }
        assert_eq!(refusal(&json!([{"type": "refusal", "refusal": "no"}])), Some("no"));
        assert_eq!(refusal(&json!("no")), None);
    }

    /// The words of vLLM, TGI, Together, Mistral, Cohere, DeepSeek, Bedrock, Zhipu, OpenRouter and the documented ones.
    #[test]
    fn an_answer_is_none_for_a_bad_reason_alone() {
        let verdict = || Ok(Verdict { word: "REJECT".to_string(), label: Some(false), reason: None, stated: None });
        let good =
            ["stop", "eos", "eos_token", "EOS", "STOP", "COMPLETE", "end_turn", "stop_sequence", "tool_calls", "x", ""];
        for finish in good.map(Some).into_iter().chain([None]) {
            assert_eq!(said(finish, verdict), verdict(), "{finish:?}");
        }
        for finish in ["length", "LENGTH", "max_tokens", "MAX_TOKENS", "model_length", "model_context_window_exceeded"]
        {
            assert_eq!(said(Some(finish), verdict), Err(format!("answer cut off: {finish}")));
        }
        let bad = ["content_filter", "content_filtered", "guardrail_intervened", "sensitive", "SPII", "error", "abort"];
        for finish in bad.into_iter().chain(["insufficient_system_resource", "BLOCKLIST", "pause_turn", "cancelled"]) {
            assert_eq!(said(Some(finish), verdict), Err(format!("no answer: {finish}")));
        }
        let empty = || Err(EMPTY.to_string());
        assert_eq!(said(Some("stop"), empty), Err("empty answer".to_string()));
        assert_eq!(said(None, empty), Err("empty answer".to_string()));
        assert_eq!(said(Some("OTHER"), empty), Err("no answer: OTHER".to_string()));
    }
}
