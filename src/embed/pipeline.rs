//! Steps around the transformer, as a model's folder describes them: pooling, normalisation, prompt and longest text.
//!
//! The files are those of `sentence-transformers`: `modules.json` names the steps, of which the first is the transformer with
//! its `config.json` and `sentence_bert_config.json`, followed by pooling and normalisation. A folder without `modules.json`
//! is a plain transformer and gets mean pooling, as there.

use super::error::EmbedError;
use super::json::Json;
use serde_json::Value;
use std::path::{Component, Path, PathBuf};

/// Function that makes one vector of those of a text's tokens. The names of the variants are part of a model's hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pooling {
    Mean,
    /// The first token.
    First,
    /// The last token.
    Last,
    /// The largest value in each dimension.
    Max,
}

/// Folder of the transformer, and the steps before and behind it.
#[derive(Debug, PartialEq)]
pub(crate) struct Pipeline {
    /// Folder of the transformer's files.
    pub(crate) transformer: PathBuf,
    /// Poolings whose results stand one after the other in the vector.
    pub(crate) pooling: Vec<Pooling>,
    /// Whether vectors get length 1.
    pub(crate) normalize: bool,
    /// Text that is put before each text.
    pub(crate) prompt: String,
    /// Maximum number of tokens of a text, those of the template included; `None` where the folder does not say.
    pub(crate) max_tokens: Option<usize>,
    /// Whether texts are lower-cased before they come to the tokenizer.
    pub(crate) lower_case: bool,
}

impl Pipeline {
    /// The steps that `folder` describes.
    ///
    /// # Errors
    ///
    /// Where a file cannot be read or asks for a step that is not known here.
    pub(crate) fn read(folder: &Path) -> Result<Pipeline, EmbedError> {
        let mut pipeline = Pipeline {
            transformer: folder.to_path_buf(),
            pooling: vec![Pooling::Mean],
            normalize: false,
            prompt: prompt(folder)?,
            max_tokens: None,
            lower_case: false,
        };
        let path = folder.join("modules.json");
        if path.exists() {
            pipeline.read_modules(&Json::read(&path)?, folder)?;
        }
        let sentence = Json::read_optional(&pipeline.transformer.join("sentence_bert_config.json"))?;
        pipeline.lower_case = sentence.flag("do_lower_case", false)?;
        pipeline.max_tokens = match sentence.optional_whole("max_seq_length")? {
            Some(tokens) => Some(tokens),
            None => Json::read_optional(&pipeline.transformer.join("tokenizer_config.json"))?
                .optional_whole("model_max_length")?,
        };
        Ok(pipeline)
    }

    fn read_modules(&mut self, modules: &Json, folder: &Path) -> Result<(), EmbedError> {
        let steps = modules.value.as_array().map(Vec::as_slice).unwrap_or_default();
        for (i, step) in steps.iter().enumerate() {
            let kind = step["type"].as_str().unwrap_or_default();
            let path = Path::new(step["path"].as_str().unwrap_or_default());
            if !path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
                return Err(modules.invalid(
                    &format!("the path of step {i}"),
                    "lead to a folder inside",
                    &step["path"],
                ));
            }
            let inside = folder.join(path);
            match (kind.rsplit('.').next().unwrap_or_default(), i) {
                ("Transformer", 0) => self.transformer = inside,
                ("Pooling", 1) => {
                    self.pooling = pooling(&Json::read(&inside.join("config.json"))?, !self.prompt.is_empty())?
                }
                ("Normalize", 2..) => self.normalize = true,
                ("StaticEmbedding", 0) => {
                    let config = Json::read_optional(&folder.join("config.json"))?;
                    let allowed = "be 'model2vec' where modules.json begins with StaticEmbedding";
                    return Err(config.invalid("model_type", allowed, &config.value["model_type"]));
                }
                _ => {
                    let allowed = "be Transformer, then Pooling, then perhaps Normalize";
                    return Err(modules.invalid(&format!("the type of step {i}"), allowed, &step["type"]));
                }
            }
        }
        match steps.len() {
            0 | 1 => Err(modules.invalid("the list of steps", "hold Transformer and Pooling", &modules.value)),
            _ => Ok(()),
        }
    }
}

/// The prompt that the model puts before every text; empty for most models.
fn prompt(folder: &Path) -> Result<String, EmbedError> {
    let config = Json::read_optional(&folder.join("config_sentence_transformers.json"))?;
    match config.text("default_prompt_name", "")? {
        name if name.is_empty() => Ok(String::new()),
        name => match config.value["prompts"][&name].as_str() {
            Some(prompt) => Ok(prompt.to_string()),
            None => Err(config.invalid("default_prompt_name", "be the name of a prompt", &Value::String(name))),
        },
    }
}

/// The poolings that the file of a pooling step names; `prompted`: texts have a prompt.
fn pooling(config: &Json, prompted: bool) -> Result<Vec<Pooling>, EmbedError> {
    if prompted && !config.flag("include_prompt", true)? {
        return Err(config.invalid("include_prompt", "be true", &Value::Bool(false)));
    }
    const NAMES: [(&str, &str, Pooling); 4] = [
        ("cls", "pooling_mode_cls_token", Pooling::First),
        ("max", "pooling_mode_max_tokens", Pooling::Max),
        ("mean", "pooling_mode_mean_tokens", Pooling::Mean),
        ("lasttoken", "pooling_mode_lasttoken", Pooling::Last),
    ];
    let allowed = "be one or more of cls, max, mean, lasttoken";
    let named = |mode: &Value| -> Result<Pooling, EmbedError> {
        let found = NAMES.iter().find(|(name, _, _)| mode.as_str() == Some(name));
        found.map(|(_, _, pooling)| *pooling).ok_or_else(|| config.invalid("pooling_mode", allowed, mode))
    };
    match config.get("pooling_mode") {
        Some(Value::Array(modes)) if !modes.is_empty() => return modes.iter().map(named).collect(),
        Some(mode) => return Ok(vec![named(mode)?]),
        None => {}
    }
    // the older form: one flag a mode
    for unknown in ["pooling_mode_mean_sqrt_len_tokens", "pooling_mode_weightedmean_tokens"] {
        if config.flag(unknown, false)? {
            return Err(config.invalid(unknown, "be false", &Value::Bool(true)));
        }
    }
    let mut modes = Vec::new();
    for (_, flag, pooling) in NAMES {
        if config.flag(flag, false)? {
            modes.push(pooling);
        }
    }
    match modes.is_empty() {
        true => Ok(vec![Pooling::Mean]),
        false => Ok(modes),
    }
}
