//! The question that every document is asked.

use super::schema::{Schema, is_blank};

/// Prompt and form of the answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Task {
    pub prompt: String,
    pub schema: Schema,
}

impl Default for Task {
    fn default() -> Self {
        Task { prompt: include_str!("prompt.txt").trim_end().to_string(), schema: Schema::default() }
    }
}

/// The text as it is sent, or the reason why it is not.
pub(crate) fn readable(text: Option<&str>, max_chars: usize) -> Result<&str, String> {
    let Some(text) = text else { return Err("text is NULL".to_string()) };
    if is_blank(text) {
        return Err("text is empty".to_string());
    }
    // counting is only needed where bytes leave a doubt
    if text.len() > max_chars {
        let chars = text.chars().count();
        if chars > max_chars {
            return Err(format!("text has {chars} characters, more than max_text_chars := {max_chars}"));
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_cannot_be_judged() {
        assert_eq!(readable(None, 9), Err("text is NULL".to_string()));
        for blank in ["", " \n", "\u{200b}", "\u{feff}\u{ad} \u{2060}", "\u{3164}", "\u{2800}\u{202e}"] {
            assert_eq!(readable(Some(blank), 9), Err("text is empty".to_string()), "{blank:?}");
        }
        for text in ["\u{200b}.", "\u{feff}\u{1}"] {
            assert_eq!(readable(Some(text), 9), Ok(text));
        }
        // characters, not bytes
        assert_eq!(readable(Some("ééééé"), 5), Ok("ééééé"));
        assert_eq!(
            readable(Some("éééééé"), 5),
            Err("text has 6 characters, more than max_text_chars := 5".to_string())
        );
    }
}
