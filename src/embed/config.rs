//! What a model's folder says about itself: architecture, pooling, normalisation, prompt and longest text.
//!
//! The files are those of `sentence-transformers`: `modules.json` names the steps, of which the first is the transformer with
//! its `config.json` and `sentence_bert_config.json`, followed by pooling and normalisation. A folder without `modules.json`
//! is a plain transformer and gets mean pooling, as there.

use super::EmbedError;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// One JSON file, read with errors that name it.
#[derive(Debug)]
pub struct Json {
    path: PathBuf,
    pub value: Value,
}

impl Json {
    pub fn read(path: &Path) -> Result<Json, EmbedError> {
        let failed = |message: String| EmbedError::File { path: path.display().to_string(), message };
        let text = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
        let value = serde_json::from_slice(&text).map_err(|error| failed(format!("not JSON: {error}")))?;
        Ok(Json { path: path.to_path_buf(), value })
    }

    /// As [`Json::read`], an empty object where there is no file.
    pub fn read_optional(path: &Path) -> Result<Json, EmbedError> {
        if path.exists() {
            return Json::read(path);
        }
        Ok(Json { path: path.to_path_buf(), value: Value::Object(serde_json::Map::new()) })
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        self.value.get(name).filter(|value| !value.is_null())
    }

    /// A whole number from 1 on; `None` where it is absent or null.
    pub fn optional_whole(&self, name: &str) -> Result<Option<usize>, EmbedError> {
        // some files write the largest length as 1e30: that is none
        let number = |value: &Value| match value.as_u64() {
            Some(0) | None => value.as_f64().filter(|x| *x > u32::MAX.into()).map(|_| u32::MAX as usize),
            Some(whole) => Some(usize::try_from(whole).unwrap_or(usize::MAX)),
        };
        match self.get(name) {
            None => Ok(None),
            Some(value) => {
                number(value).map(Some).ok_or_else(|| self.invalid(name, "be a whole number of at least 1", value))
            }
        }
    }

    pub fn whole(&self, name: &str) -> Result<usize, EmbedError> {
        self.optional_whole(name)?.ok_or_else(|| self.invalid(name, "be a whole number of at least 1", &Value::Null))
    }

    pub fn real(&self, name: &str, default: f64) -> Result<f64, EmbedError> {
        match self.get(name) {
            None => Ok(default),
            Some(value) => value.as_f64().ok_or_else(|| self.invalid(name, "be a number", value)),
        }
    }

    pub fn flag(&self, name: &str, default: bool) -> Result<bool, EmbedError> {
        match self.get(name) {
            None => Ok(default),
            Some(value) => value.as_bool().ok_or_else(|| self.invalid(name, "be true or false", value)),
        }
    }

    pub fn text(&self, name: &str, default: &str) -> Result<String, EmbedError> {
        match self.get(name) {
            None => Ok(default.to_string()),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(value) => Err(self.invalid(name, "be a text", value)),
        }
    }

    pub fn invalid(&self, name: &str, allowed: &str, value: &Value) -> EmbedError {
        EmbedError::Config {
            path: self.path.display().to_string(),
            name: name.to_string(),
            allowed: allowed.to_string(),
            value: value.to_string(),
        }
    }
}

/// How the vectors of a text's tokens become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    Mean,
    /// The first token.
    First,
    /// The last token.
    Last,
    /// The largest value in each dimension.
    Max,
}

/// The steps around the transformer.
#[derive(Debug, PartialEq)]
pub struct Pipeline {
    /// The folder of the transformer's files.
    pub transformer: PathBuf,
    /// What is pooled, one after the other in one vector.
    pub pooling: Vec<Pooling>,
    /// Whether vectors get length 1.
    pub normalize: bool,
    /// What is put before each text.
    pub prompt: String,
    /// Tokens beyond are left out, those of the template counted; `None` where the folder does not say.
    pub max_tokens: Option<usize>,
    /// Whether texts are lower-cased before they come to the tokenizer.
    pub lower_case: bool,
}

impl Pipeline {
    pub fn read(folder: &Path) -> Result<Pipeline, EmbedError> {
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
            let inside = folder.join(step["path"].as_str().unwrap_or_default());
            match (kind.rsplit('.').next().unwrap_or_default(), i) {
                ("Transformer", 0) => self.transformer = inside,
                ("Pooling", 1) => {
                    self.pooling = pooling(&Json::read(&inside.join("config.json"))?, !self.prompt.is_empty())?
                }
                ("Normalize", 2..) => self.normalize = true,
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

/// The prompt that the model puts before every text, empty for most.
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
    for other in ["pooling_mode_mean_sqrt_len_tokens", "pooling_mode_weightedmean_tokens"] {
        if config.flag(other, false)? {
            return Err(config.invalid(other, "be false", &Value::Bool(true)));
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
