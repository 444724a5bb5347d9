//! The canonical text of a request, and the hash by which its answer is found again.
//!
//! The canonical text of a request, version 1, is JSON without spaces whose keys stand in this order:
//!
//! ```text
//! {"base_url":…,"model":…,"parameters":{…},"prompt":…,"provider":…,"schema":{…},"text":…,"version":1}
//! ```
//!
//! `parameters` holds `confidence` (`logprobs` or `stated`), `max_tokens`, `reasoning` and `temperature` as far as they are
//! sent, `schema` the keys `abstain`, `field`, `no` and `yes`. Strings escape `"`, `\` and control characters, the latter as
//! `\b \t \n \f \r` or `\u00xx`; everything else stands as UTF-8. The request hash is the SHA-256 of these bytes,
//! in hexadecimal. Limits, prices, keys, and whether a request went out in a batch are not part of it.

use super::model::Model;
use super::schema::Schema;
use super::task::Task;
use crate::hash::Hash;
use serde_json::Value;
use sha2::{Digest, Sha256};

const TAIL: &str = ",\"version\":1}";

/// Part of a canonical request before the text: the same for all documents of a model.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    head: String,
    begun: Sha256,
}

impl Template {
    pub(crate) fn new(model: &Model, task: &Task) -> Template {
        let quoted = |text: &str| Value::from(text).to_string();
        let mut parameters = Vec::new();
        if let Some(confidence) = model.confidence {
            parameters.push(format!("\"confidence\":{}", quoted(confidence.name())));
        }
        if let Some(tokens) = model.max_tokens {
            parameters.push(format!("\"max_tokens\":{tokens}"));
        }
        if let Some(reasoning) = &model.reasoning {
            parameters.push(format!("\"reasoning\":{}", quoted(reasoning)));
        }
        if let Some(temperature) = model.temperature {
            parameters.push(format!("\"temperature\":{temperature}"));
        }
        Template::from_head(format!(
            "{{\"base_url\":{},\"model\":{},\"parameters\":{{{}}},\"prompt\":{},\"provider\":{},\"schema\":{},\"text\":",
            quoted(&model.base_url),
            quoted(&model.name),
            parameters.join(","),
            quoted(&task.prompt),
            quoted(model.provider.facts().name),
            task.schema.canonical(),
        ))
    }

    pub(crate) fn from_head(head: String) -> Template {
        let begun = Sha256::new().chain_update(head.as_bytes());
        Template { head, begun }
    }

    pub(crate) fn head(&self) -> &str {
        &self.head
    }

    /// Hash of the template alone.
    pub(crate) fn hash(&self) -> Hash {
        self.begun.clone().finalize().into()
    }

    pub(crate) fn request_hash(&self, text: &str) -> Hash {
        let mut digest = self.begun.clone();
        digest.update(Value::from(text).to_string().as_bytes());
        digest.update(TAIL.as_bytes());
        digest.finalize().into()
    }
}

/// The canonical request of a template and a text.
pub(crate) fn request(head: &str, text: &str) -> String {
    format!("{head}{}{TAIL}", Value::from(text))
}

/// Takes a canonical request apart, into the head and the text; `None` for other JSON.
pub(crate) fn split(request: &str) -> Option<(String, String)> {
    let text = serde_json::from_str::<Value>(request).ok()?.get("text")?.as_str()?.to_string();
    let quoted = Value::from(text.as_str()).to_string();
    let head = request.strip_suffix(TAIL)?.strip_suffix(quoted.as_str())?;
    head.ends_with("\"text\":").then(|| (head.to_string(), text))
}

/// The schema of a canonical request; `None` for other JSON.
pub(crate) fn schema(request: &Value) -> Option<Schema> {
    Schema::parse(request.get("schema")?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::hexadecimal;
    use crate::llm::confidence::Confidence;
    use crate::llm::providers::compatible::Compatible;
    use crate::llm::providers::openai::OpenAi;

    fn model() -> Model {
        Model {
            base_url: "https://host/v1".to_string(),
            max_tokens: Some(1024),
            temperature: Some(0.5),
            ..Model::test(&OpenAi, "m-1")
        }
    }

    fn task() -> Task {
        Task { prompt: "Judge \"this\".".to_string(), schema: Schema::default() }
    }

    #[test]
    fn the_canonical_text_is_as_documented() {
        let expected = concat!(
            r#"{"base_url":"https://host/v1","model":"m-1","parameters":{"max_tokens":1024,"temperature":0.5},"#,
            r#""prompt":"Judge \"this\".","provider":"openai","#,
            r#""schema":{"abstain":[],"field":"evaluation","no":["REJECT"],"yes":["ACCEPT"]},"#,
            r#""text":"Zoë\n\"lab\"","version":1}"#
        );
        let template = Template::new(&model(), &task());
        assert_eq!(request(template.head(), "Zoë\n\"lab\""), expected);
        let digest: Hash = Sha256::digest(expected.as_bytes()).into();
        assert_eq!(template.request_hash("Zoë\n\"lab\""), digest);
    }

    #[test]
    fn the_hash_of_version_1_does_not_change() {
        // from Python: hashlib.sha256(expected.encode()).hexdigest() over the text of the test above
        let hash = hexadecimal(&Template::new(&model(), &task()).request_hash("Zoë\n\"lab\""));
        assert_eq!(hash, "703c247afe9c1baecc22c1ad0b7fb4ad1ef2dc88ce266ad76dcc4555be7a26da");
    }

    #[test]
    fn confidence_is_the_first_parameter() {
        let model = Model { confidence: Some(Confidence::Stated), ..model() };
        let head = Template::new(&model, &task()).head().to_string();
        assert!(
            head.contains(r#""parameters":{"confidence":"stated","max_tokens":1024,"temperature":0.5},"#),
            "{head}"
        );
    }

    #[test]
    fn a_request_can_be_taken_apart() {
        let template = Template::new(&model(), &task());
        for text in ["", "plain", "a \"text\":\"x\",\"version\":1}"] {
            let (head, again) = split(&request(template.head(), text)).unwrap();
            assert_eq!((head.as_str(), again.as_str()), (template.head(), text));
        }
        assert_eq!(split("{}"), None);
        assert_eq!(split("no"), None);
    }

    #[test]
    fn everything_that_is_sent_changes_the_hash() {
        let base = Template::new(&model(), &task()).request_hash("t");
        let changed = [
            Model { name: "m-2".to_string(), ..model() },
            Model { base_url: "https://other/v1".to_string(), ..model() },
            Model { provider: &Compatible, ..model() },
            Model { temperature: None, ..model() },
            Model { max_tokens: None, ..model() },
            Model { reasoning: Some("low".to_string()), ..model() },
            Model { confidence: Some(Confidence::Logprobs), ..model() },
            Model { confidence: Some(Confidence::Stated), ..model() },
        ];
        for model in &changed {
            assert_ne!(Template::new(model, &task()).request_hash("t"), base);
        }
        let prompt = Task { prompt: "Other.".to_string(), ..task() };
        assert_ne!(Template::new(&model(), &prompt).request_hash("t"), base);
        let same = Model { annotator: "renamed".to_string(), concurrency: 3, batch: true, ..model() };
        assert_eq!(Template::new(&same, &task()).request_hash("t"), base);
    }
}
