//! The form of an answer: one word of a fixed set under a name, and a reason.
//!
//! The default is `{"evaluation": "ACCEPT" | "REJECT", "reason": string}`. A schema names the words that mean yes,
//! those that mean no, and those by which the model may abstain. A provider holds its model to the schema in
//! its own way; what comes back is read defensively all the same.

use serde_json::{Value, json};

/// The words of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Schema {
    /// The property that holds the word.
    pub field: String,
    pub yes: Vec<String>,
    pub no: Vec<String>,
    /// Words that give no label.
    pub abstain: Vec<String>,
}

impl Default for Schema {
    fn default() -> Self {
        Schema {
            field: "evaluation".to_string(),
            yes: vec!["ACCEPT".to_string()],
            no: vec!["REJECT".to_string()],
            abstain: Vec::new(),
        }
    }
}

/// Verdict of a model.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Verdict {
    /// The word, as the schema spells it.
    pub word: String,
    pub label: Option<bool>,
    pub reason: Option<String>,
}

impl Schema {
    /// Schema from `{"field": …, "yes": [words], "no": [words], "abstain": [words]}`; the error completes "schema must".
    pub(crate) fn parse(json: &Value) -> Result<Schema, String> {
        const SHAPE: &str = "be a struct {field, yes, no, abstain} with lists of words";
        let Some(object) = json.as_object() else { return Err(SHAPE.to_string()) };
        let words = |name: &str| -> Result<Vec<String>, String> {
            match object.get(name) {
                None | Some(Value::Null) => Ok(Vec::new()),
                Some(Value::String(word)) => Ok(vec![word.clone()]),
                Some(Value::Array(list)) => {
                    list.iter().map(|word| word.as_str().map(str::to_string).ok_or(SHAPE.to_string())).collect()
                }
                Some(_) => Err(SHAPE.to_string()),
            }
        };
        let field = match object.get("field") {
            None | Some(Value::Null) => "evaluation".to_string(),
            Some(Value::String(name)) => name.clone(),
            Some(_) => return Err(SHAPE.to_string()),
        };
        if let Some(name) = object.keys().find(|k| !["field", "yes", "no", "abstain"].contains(&k.as_str())) {
            return Err(format!("{SHAPE}, without {name}"));
        }
        let plain = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !plain(&field) || field == "reason" {
            return Err("have as field a name of ASCII letters, digits and _, other than reason".to_string());
        }
        let schema = Schema { field, yes: words("yes")?, no: words("no")?, abstain: words("abstain")? };
        if schema.yes.is_empty() || schema.no.is_empty() {
            return Err("name at least one word for yes and one for no".to_string());
        }
        let mut folded: Vec<String> = schema.words().map(|word| word.trim().to_lowercase()).collect();
        folded.sort();
        if folded.iter().any(String::is_empty) || folded.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err("have words that are not empty and differ by more than their case".to_string());
        }
        Ok(schema)
    }

    fn words(&self) -> impl Iterator<Item = &String> {
        self.yes.iter().chain(&self.no).chain(&self.abstain)
    }

    /// The canonical text that goes into the request hash: keys in alphabetical order, no spaces.
    pub(crate) fn canonical(&self) -> String {
        json_text(&json!({ "abstain": self.abstain, "field": self.field, "no": self.no, "yes": self.yes }))
    }

    /// The schema as JSON Schema.
    pub(crate) fn json_schema(&self) -> Value {
        let words: Vec<&String> = self.words().collect();
        json!({
            "type": "object",
            "properties": {
                self.field.as_str(): { "type": "string", "enum": words },
                "reason": { "type": "string" }
            },
            "required": [self.field, "reason"],
            "additionalProperties": false
        })
    }

    /// The schema in Google's dialect of OpenAPI.
    pub(crate) fn google_schema(&self) -> Value {
        let words: Vec<&String> = self.words().collect();
        json!({
            "type": "OBJECT",
            "properties": {
                self.field.as_str(): { "type": "STRING", "format": "enum", "enum": words },
                "reason": { "type": "STRING" }
            },
            "propertyOrdering": [self.field, "reason"],
            "required": [self.field, "reason"]
        })
    }

    /// Reads an answer: JSON, perhaps between fences or other text. The error says what is wrong with it.
    pub(crate) fn read(&self, text: &str) -> Result<Verdict, String> {
        let text = text.trim();
        if text.is_empty() {
            return Err("empty answer".to_string());
        }
        let object = serde_json::from_str::<Value>(text).ok().filter(Value::is_object).or_else(|| {
            let (from, to) = (text.find('{')?, text.rfind('}')?);
            serde_json::from_str(text.get(from..=to)?).ok().filter(Value::is_object)
        });
        match object {
            Some(object) => self.read_object(&object),
            None => Err(format!("answer is not JSON: {}", shorten(text))),
        }
    }

    /// Reads an answer that the provider has parsed already.
    pub(crate) fn read_object(&self, object: &Value) -> Result<Verdict, String> {
        let field = &self.field;
        let said = match object.get(field) {
            Some(Value::String(word)) => word.trim(),
            Some(other) => return Err(format!("answer has {field} {}", shorten(&other.to_string()))),
            None => return Err(format!("answer has no {field}: {}", shorten(&object.to_string()))),
        };
        let folded = said.to_lowercase();
        match self.words().find(|word| word.trim().to_lowercase() == folded) {
            Some(word) => Ok(Verdict {
                word: word.clone(),
                label: self.label(word),
                reason: object.get("reason").and_then(Value::as_str).map(str::to_string),
            }),
            None => Err(format!("answer outside the schema: {field} {}", shorten(&format!("'{said}'")))),
        }
    }

    /// Meaning of a word of the schema.
    fn label(&self, word: &String) -> Option<bool> {
        if self.yes.contains(word) {
            return Some(true);
        }
        self.no.contains(word).then_some(false)
    }
}

/// JSON without spaces, keys in alphabetical order.
fn json_text(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            let members: Vec<String> =
                keys.iter().map(|key| format!("{}:{}", Value::from(key.as_str()), json_text(&map[*key]))).collect();
            format!("{{{}}}", members.join(","))
        }
        other => other.to_string(),
    }
}

/// Beginning of a text for an error, at most 200 characters.
pub(crate) fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(200).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_whatever_surrounds_them() {
        let schema = Schema::default();
        let plain = schema.read(r#"{"evaluation":"ACCEPT","reason":"wrote CUDA kernels"}"#).unwrap();
        assert_eq!((plain.label, plain.reason.as_deref()), (Some(true), Some("wrote CUDA kernels")));
        let fenced = schema.read("```json\n{\"evaluation\": \" reject \", \"reason\": \"a } brace\"}\n```").unwrap();
        assert_eq!((fenced.word.as_str(), fenced.label), ("REJECT", Some(false)));
        assert_eq!(schema.read(r#"{"evaluation":"ACCEPT"}"#).unwrap().reason, None);
    }

    #[test]
    fn other_answers_are_errors_and_never_no() {
        let schema = Schema::default();
        for (text, error) in [
            ("", "empty answer"),
            ("  \n", "empty answer"),
            ("I would say yes", "answer is not JSON: I would say yes"),
            (r#"{"evaluation":"ACC"#, r#"answer is not JSON: {"evaluation":"ACC"#),
            (r#"{"evaluation":"MAYBE","reason":""}"#, "answer outside the schema: evaluation 'MAYBE'"),
            (r#"{"evaluation":true}"#, "answer has evaluation true"),
            (r#"{"reason":"x"}"#, r#"answer has no evaluation: {"reason":"x"}"#),
            (r#"["ACCEPT"]"#, r#"answer is not JSON: ["ACCEPT"]"#),
        ] {
            assert_eq!(schema.read(text), Err(error.to_string()), "{text}");
        }
    }

    #[test]
    fn own_words_and_abstention() {
        let given = json!({"field": "role", "yes": ["RESEARCHER", "ENGINEER"], "no": "OTHER", "abstain": ["UNCLEAR"]});
        let schema = Schema::parse(&given).unwrap();
        assert_eq!(schema.read(r#"{"role":"engineer"}"#).unwrap().label, Some(true));
        assert_eq!(schema.read(r#"{"role":"Other"}"#).unwrap().label, Some(false));
        let unclear = schema.read(r#"{"role":"UNCLEAR","reason":"two lines"}"#).unwrap();
        assert_eq!((unclear.word.as_str(), unclear.label), ("UNCLEAR", None));
        let canonical = r#"{"abstain":["UNCLEAR"],"field":"role","no":["OTHER"],"yes":["RESEARCHER","ENGINEER"]}"#;
        assert_eq!(schema.canonical(), canonical);
        let words = json!(["RESEARCHER", "ENGINEER", "OTHER", "UNCLEAR"]);
        assert_eq!(schema.json_schema()["properties"]["role"]["enum"], words);
        assert_eq!(schema.google_schema()["properties"]["role"]["enum"], words);
    }

    #[test]
    fn schemas_are_checked() {
        for wrong in [
            json!("ACCEPT"),
            json!({"yes": ["A"]}),
            json!({"yes": ["A"], "no": ["a"]}),
            json!({"yes": ["A"], "no": [1]}),
            json!({"yes": ["A"], "no": ["B"], "maybe": ["C"]}),
            json!({"field": "reason", "yes": ["A"], "no": ["B"]}),
            json!({"field": "two words", "yes": ["A"], "no": ["B"]}),
        ] {
            assert!(Schema::parse(&wrong).is_err(), "{wrong}");
        }
    }
}
