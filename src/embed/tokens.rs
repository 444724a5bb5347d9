//! Texts to the numbers of tokens, by the model's own `tokenizer.json`.
//!
//! A model reads some hundred tokens, a text may have a hundred million letters. So a long text is cut before it comes to the
//! tokenizer, where that cannot change a token that is kept: at a break, a place over which no token reaches. The piece
//! before it is tokenised; if that gives as many tokens as the model reads, what follows does not matter, else the piece is
//! made four times as long. What is a break depends on the tokenizer:
//!
//! * always: before the first character of ASCII white space after another character, unless a token of the vocabulary or an
//!   added token holds white space behind another character;
//! * BERT's tokenizer: also before any other white space, which is the same to it, and before a Chinese character or ASCII
//!   punctuation, each of which is a token of its own.
//!
//! With BERT's tokenizer a text without breaks can be one single word. A word of more than 100 letters is one unknown token
//! however long it is, so of long runs of letters only the beginning is read. What still is longer than [`LONGEST`] is cut there.

use super::error::EmbedError;
use crate::interrupt;
use crate::process::PerProcess;
use base64::Engine;
use base64::prelude::BASE64_STANDARD as STANDARD;
use regex::Regex;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{LazyLock, Mutex, PoisonError};
use tokenizers::normalizers::{Lowercase, NormalizerWrapper, Sequence};
use tokenizers::{Encoding, ModelWrapper, PostProcessor, PreTokenizerWrapper, Token, Tokenizer, TruncationDirection};

/// Number of bytes up to which a text is not cut.
const SHORT: usize = 16 * 1024;

/// Number of bytes that are read of a text at most, which no model's tokens are longer than together. Tokenizers take some
/// hundred bytes of memory a byte.
pub(super) const LONGEST: usize = 256 * 1024;

/// Turn of a text of more than [`SHORT`] bytes, for whose memory a process has room once and not once a thread.
static TURN: PerProcess<Mutex<()>> = PerProcess::new();

/// The tokenizer of a model.
#[derive(Debug)]
pub(crate) struct Tokens {
    tokenizer: Tokenizer,
    prompt: String,
    /// Maximum number of tokens of a text.
    max: usize,
    /// Maximum number of characters of a text, of a static model.
    characters: usize,
    /// Whether texts get the tokens of the template.
    template: bool,
    /// Number of these tokens.
    added: usize,
    /// Token that is left out.
    left_out: Option<u32>,
    breaks: Breaks,
}

/// Rule for the places where a text may be cut.
#[derive(Debug)]
struct Breaks {
    white_space: bool,
    bert: bool,
    /// Characters inside of added tokens, before which there is no break.
    inside: Vec<char>,
}

impl Tokens {
    /// The tokenizer of `folder`, from the `bytes` of its file, of which texts get at most `max` tokens.
    ///
    /// # Errors
    ///
    /// Where the file is no tokenizer, or its template leaves no room for tokens of a text.
    pub(crate) fn read(
        folder: &Path,
        bytes: &[u8],
        max: usize,
        prompt: &str,
        lower_case: bool,
    ) -> Result<Tokens, EmbedError> {
        checked(folder, bytes, |tokenizer| Tokens::make(tokenizer, max, prompt, lower_case))
    }

    fn make(mut tokenizer: Tokenizer, max: usize, prompt: &str, lower_case: bool) -> Result<Tokens, String> {
        if lower_case {
            let rest = tokenizer.get_normalizer().cloned();
            let first: NormalizerWrapper = Lowercase.into();
            let all: Vec<NormalizerWrapper> = std::iter::once(first).chain(rest).collect();
            tokenizer.with_normalizer(Some(Sequence::new(all))).map_err(|error| error.to_string())?;
        }
        let added = tokenizer.get_post_processor().map_or(0, |template| template.added_tokens(false));
        if max <= added {
            return Err(format!("its template adds {added} tokens, the model reads {max}"));
        }
        whole_texts(&mut tokenizer)?;
        let breaks = Breaks::of(&tokenizer);
        let prompt = prompt.to_string();
        Ok(Tokens { tokenizer, prompt, max, characters: usize::MAX, template: true, added, left_out: None, breaks })
    }

    /// The tokenizer of a static model in `folder`, from the `bytes` of its file. Texts get at most `max` tokens; of what they say
    /// only as many characters count as `max` tokens of middling length have. Neither the template's tokens are added, nor is
    /// the token for what is unknown.
    ///
    /// # Errors
    ///
    /// Where the file is no tokenizer.
    pub(crate) fn of_static(folder: &Path, bytes: &[u8], max: Option<usize>) -> Result<Tokens, EmbedError> {
        checked(folder, bytes, |tokenizer| Tokens::make_static(tokenizer, bytes, max))
    }

    fn make_static(mut tokenizer: Tokenizer, bytes: &[u8], max: Option<usize>) -> Result<Tokens, String> {
        whole_texts(&mut tokenizer)?;
        let unknown: Contents = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let Unknown { unk_token, unk_id } = unknown.model;
        let left_out = unk_id.or_else(|| unk_token.and_then(|token| tokenizer.token_to_id(&token)));
        let characters = max.map_or(usize::MAX, |max| max.saturating_mul(middling_length(&tokenizer)));
        let breaks = Breaks::of(&tokenizer);
        let max = max.unwrap_or(usize::MAX);
        Ok(Tokens { tokenizer, prompt: String::new(), max, characters, template: false, added: 0, left_out, breaks })
    }

    /// Number of rows that a table of tokens must have: one more than the largest number of a token.
    pub(crate) fn vocabulary(&self) -> usize {
        self.tokenizer.get_vocab(true).into_values().max().map_or(0, |largest| largest as usize + 1)
    }

    /// The numbers of the tokens of `text`, at most as many as the model reads, with those that the template adds.
    ///
    /// # Errors
    ///
    /// Where the tokenizer cannot cut the text.
    pub(crate) fn encode(&self, text: &str) -> Result<Vec<u32>, EmbedError> {
        self.encode_all(text).map(|ids| self.known(ids))
    }

    /// The tokens of all of `text`, up to [`LONGEST`] bytes of it, in consecutive windows, in each as many as the model reads, with
    /// those that the template adds. The prompt stands in the first.
    ///
    /// # Errors
    ///
    /// Where the tokenizer cannot cut the text.
    pub(crate) fn windows(&self, text: &str) -> Result<Vec<Vec<u32>>, EmbedError> {
        let prompted = self.prompted(text);
        let shorter = self.breaks.shorten(&prompted);
        let encoding = self.encoding(beginning(&shorter))?;
        let window = |ids: &[u32]| -> Result<Vec<u32>, EmbedError> {
            interrupt::check();
            let tokens = ids.iter().map(|&id| Token::new(id, String::new(), (0, 0))).collect();
            self.with_template(Encoding::from_tokens(tokens, 0)).map(|ids| self.known(ids))
        };
        match encoding.get_ids() {
            [] => Ok(vec![window(&[])?]),
            ids => ids.chunks(self.max - self.added).map(window).collect(),
        }
    }

    /// Number of the tokens of a window that are not the template's.
    pub(crate) fn own(&self, ids: &[u32]) -> usize {
        ids.len().saturating_sub(self.added)
    }

    /// Tokens without the one that is left out.
    fn known(&self, mut ids: Vec<u32>) -> Vec<u32> {
        if let Some(left_out) = self.left_out {
            ids.retain(|id| *id != left_out);
        }
        ids
    }

    /// The text with the prompt before it.
    fn prompted<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.prompt.is_empty() {
            true => text.into(),
            false => (self.prompt.clone() + text).into(),
        }
    }

    /// The tokens of `text`, those that are left out among them.
    fn encode_all(&self, text: &str) -> Result<Vec<u32>, EmbedError> {
        let text = match text.len() > self.characters {
            true => &text[..text.char_indices().nth(self.characters).map_or(text.len(), |(at, _)| at)],
            false => text,
        };
        let prompted = self.prompted(text);
        if prompted.len() <= SHORT {
            return self.encode_whole(&prompted);
        }
        let shorter = self.breaks.shorten(&prompted);
        let shorter = beginning(&shorter);
        let mut length = SHORT;
        // where no piece has as many tokens as the model reads, all is read at once
        while length < shorter.len() && self.max < shorter.len() {
            let end = (length..).find(|&at| shorter.is_char_boundary(at)).unwrap_or(shorter.len());
            interrupt::check();
            if let Some(at) = self.breaks.last(&shorter[..end]) {
                let ids = self.encode_whole(&shorter[..at])?;
                if ids.len() == self.max {
                    return Ok(ids);
                }
            }
            length *= 4;
        }
        self.encode_whole(shorter)
    }

    /// The numbers of the tokens of `text` as it is, neither with the prompt nor cut before it comes to the tokenizer.
    pub(super) fn encode_whole(&self, text: &str) -> Result<Vec<u32>, EmbedError> {
        let mut encoding = self.encoding(text)?;
        encoding.truncate(self.max - self.added, 0, TruncationDirection::Right);
        self.with_template(encoding)
    }

    /// The numbers of tokens with those that the template adds.
    fn with_template(&self, encoding: Encoding) -> Result<Vec<u32>, EmbedError> {
        if !self.template {
            return Ok(encoding.get_ids().to_vec());
        }
        let encoded = self.tokenizer.post_process(encoding, None, true);
        Ok(encoded.map_err(|error| EmbedError::Tokens(error.to_string()))?.get_ids().to_vec())
    }

    /// All tokens of `text`, without the template's.
    fn encoding(&self, text: &str) -> Result<Encoding, EmbedError> {
        let _turn = (text.len() > SHORT)
            .then(|| TURN.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner));
        let encoded = guarded(|| self.tokenizer.encode_fast(text, false));
        let encoded = encoded.ok_or_else(|| EmbedError::Tokens("tokenizer.json is damaged".to_string()))?;
        encoded.map_err(|error| EmbedError::Tokens(error.to_string()))
    }
}

/// Tokens that `make` makes of the tokenizer in the `bytes` of its file; the crate that reads it panics over some damage.
///
/// # Errors
///
/// Where the file is no tokenizer, or `make` says so.
fn checked(
    folder: &Path,
    bytes: &[u8],
    make: impl FnOnce(Tokenizer) -> Result<Tokens, String>,
) -> Result<Tokens, EmbedError> {
    let path = folder.join("tokenizer.json").display().to_string();
    let failed = |message: String| EmbedError::File { path: path.clone(), message };
    let fields = serde_json::from_slice(bytes).map_err(|error| failed(format!("not JSON: {error}")))?;
    if !has_its_tables(&fields) {
        return Err(failed("its precompiled_charsmap is damaged".to_string()));
    }
    let made = guarded(|| make(Tokenizer::from_bytes(bytes).map_err(|error| error.to_string())?));
    made.unwrap_or_else(|| Err("it is damaged".to_string())).map_err(failed)
}

/// Takes out what the tokenizer would cut or fill of its own accord.
fn whole_texts(tokenizer: &mut Tokenizer) -> Result<(), String> {
    tokenizer.with_padding(None);
    tokenizer.with_truncation(None).map_err(|error| error.to_string())?;
    Ok(())
}

/// The part of `tokenizer.json` that names the token for what is unknown.
#[derive(Deserialize)]
struct Contents {
    model: Unknown,
}

/// The token for what is unknown: by its text, or with Unigram by its number.
#[derive(Deserialize)]
struct Unknown {
    unk_token: Option<String>,
    unk_id: Option<u32>,
}

/// The median length of a token in characters, rounded down.
fn middling_length(tokenizer: &Tokenizer) -> usize {
    let mut lengths: Vec<usize> = tokenizer.get_vocab(true).keys().map(|token| token.chars().count()).collect();
    lengths.sort_unstable();
    match lengths.len() {
        0 => 0,
        n => (lengths[(n - 1) / 2] + lengths[n / 2]) / 2,
    }
}

/// Result of `work` of the crate; `None` where it panics, as it does over some damage.
fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

/// The beginning of a text that is read at most.
pub(super) fn beginning(text: &str) -> &str {
    let end = (0..=LONGEST.min(text.len())).rev().find(|&at| text.is_char_boundary(at));
    &text[..end.unwrap_or(0)]
}

/// Whether every table of normalisation that `tokenizer.json` holds has the size that it says of itself: the crate that
/// reads it sets aside what is said.
fn has_its_tables(fields: &HashMap<String, &RawValue>) -> bool {
    fn whole(value: &Value) -> bool {
        match value {
            Value::Array(list) => list.iter().all(whole),
            Value::Object(fields) => fields.iter().all(|(name, value)| match value {
                Value::String(table) if name == "precompiled_charsmap" => is_whole(table),
                value => whole(value),
            }),
            _ => true,
        }
    }
    fn is_whole(table: &str) -> bool {
        let Ok(bytes) = STANDARD.decode(table) else { return false };
        bytes.split_first_chunk::<4>().is_some_and(|(size, rest)| u32::from_le_bytes(*size) as usize <= rest.len())
    }
    fields.get("normalizer").is_none_or(|json| serde_json::from_str(json.get()).is_ok_and(|value| whole(&value)))
}

/// The Chinese characters that BERT's tokenizer sets apart.
fn chinese(c: char) -> bool {
    matches!(c, '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}' | '\u{20000}'..='\u{2a6df}')
}

impl Breaks {
    /// The rule for texts that come to `tokenizer`.
    fn of(tokenizer: &Tokenizer) -> Breaks {
        // white space as it stands in vocabularies: itself, SentencePiece's sign, and the signs for bytes 9, 10, 13 and 32
        let blank =
            |c: char| c.is_whitespace() || matches!(c, '\u{2581}' | '\u{109}' | '\u{10a}' | '\u{10d}' | '\u{120}');
        let spans = |token: &String| token.chars().zip(token.chars().skip(1)).any(|(a, b)| !blank(a) && blank(b));
        let added = tokenizer.get_added_tokens_decoder();
        Breaks {
            white_space: !tokenizer.get_vocab(true).keys().any(spans),
            bert: is_bert(tokenizer),
            inside: added.values().flat_map(|token| token.content.chars().skip(1)).collect(),
        }
    }

    /// The last break of `text` behind its first character.
    fn last(&self, text: &str) -> Option<usize> {
        let mut characters = text.char_indices().rev().peekable();
        while let Some((at, c)) = characters.next() {
            let (_, before) = characters.peek()?;
            let blank =
                |c: char| matches!(c, ' ' | '\t' | '\n' | '\r') || self.bert && c.is_whitespace() && !c.is_control();
            let found = match blank(c) {
                true => self.white_space && !before.is_whitespace(),
                false => self.bert && (c.is_ascii_punctuation() || chinese(c)),
            };
            if found && !self.inside.contains(&c) {
                return Some(at);
            }
        }
        None
    }

    /// `text` with long runs of one kind of characters cut down, where BERT's tokenizer sees no difference: white space is as
    /// one blank, control characters are nothing, accents are nothing or part of a word, and a word is unknown once it is long.
    fn shorten<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if !self.bert {
            return text.into();
        }
        let kinds = &*KINDS;
        let simple = cut(text, &kinds.simple, |_| true);
        // letters that stay letters, whatever becomes of the accents between them
        let letter = |c: char| !kinds.accent.is_match(c.encode_utf8(&mut [0; 4]));
        match simple {
            Cow::Borrowed(text) => cut(text, &kinds.word, letter),
            Cow::Owned(text) => cut(&text, &kinds.word, letter).into_owned().into(),
        }
    }
}

/// `text` in which each long run ends behind the first characters that count.
fn cut<'a>(text: &'a str, run: &Regex, counts: impl Fn(char) -> bool) -> Cow<'a, str> {
    /// Number of characters kept of a run, more than the longest word has that can be known.
    const KEPT: usize = 256;
    let mut shorter = String::new();
    let mut done = 0;
    for run in run.find_iter(text).filter(|run| run.len() > 4 * KEPT) {
        let mut counted = run.as_str().char_indices().filter(|(_, c)| counts(*c));
        if let Some((at, _)) = counted.nth(KEPT) {
            shorter.push_str(&text[done..run.start() + at]);
            done = run.end();
        }
    }
    match done {
        0 => text.into(),
        _ => (shorter + &text[done..]).into(),
    }
}

/// Kinds of characters as BERT's tokenizer treats them.
struct Kinds {
    accent: Regex,
    /// Runs of accents of the common block, of white space, of control characters.
    simple: Regex,
    /// Runs of letters and figures with accents between them, without Chinese characters.
    word: Regex,
}

static KINDS: LazyLock<Kinds> = LazyLock::new(|| {
    let compiled = |pattern: &str| Regex::new(pattern).unwrap_or_else(|error| unreachable!("{error}"));
    Kinds {
        accent: compiled(r"^\p{Mn}$"),
        simple: compiled(
            r"[\x{300}-\x{36f}]+|[ \t\n\r\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]+|[\x00-\x08\x0e-\x1f\x7f]+",
        ),
        word: compiled(
            r"[[\p{L}\p{N}\p{Mn}]--[\x{3400}-\x{4dbf}\x{4e00}-\x{9fff}\x{f900}-\x{faff}\x{20000}-\x{3ffff}]]+",
        ),
    }
});

/// Whether the tokenizer cleans, sets Chinese characters apart and splits as that of BERT.
fn is_bert(tokenizer: &Tokenizer) -> bool {
    let cleans = |normalizer: &NormalizerWrapper| match normalizer {
        NormalizerWrapper::BertNormalizer(bert) => bert.clean_text && bert.handle_chinese_chars,
        _ => false,
    };
    let normalizer = match tokenizer.get_normalizer() {
        Some(NormalizerWrapper::Sequence(all)) => {
            matches!(all.as_ref(), [NormalizerWrapper::Lowercase(_), bert] if cleans(bert))
        }
        Some(one) => cleans(one),
        None => false,
    };
    let model = matches!(tokenizer.get_model(), ModelWrapper::WordPiece(model) if model.max_input_chars_per_word < 200);
    normalizer && model && matches!(tokenizer.get_pre_tokenizer(), Some(PreTokenizerWrapper::BertPreTokenizer(_)))
}
