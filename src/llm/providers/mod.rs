//! The providers, each a file that implements `Provider`: how a request is written, and how an answer, an error and
//! the results of a batch are read.
//!
//! A new provider is a file here and a line in [`ALL`].
//!
//! Sources: the reference pages of the interfaces (Gemini API v1beta, Anthropic Messages 2023-06-01, OpenAI
//! Responses and Chat Completions, Azure OpenAI 2024-10-21).

pub(crate) mod anthropic;
pub(crate) mod azure;
mod chat;
pub(crate) mod compatible;
pub(crate) mod google;
pub(crate) mod openai;

use super::model::Provider;

/// All providers, in the order in which errors and pages list them.
pub(crate) static ALL: [&dyn Provider; 5] =
    [&google::Google, &anthropic::Anthropic, &openai::OpenAi, &azure::Azure, &compatible::Compatible];

/// The provider of a name in SQL.
pub(crate) fn by_name(name: &str) -> Option<&'static dyn Provider> {
    ALL.into_iter().find(|provider| provider.facts().name == name)
}

#[cfg(test)]
mod tests {
    use super::anthropic::Anthropic;
    use super::compatible::Compatible;
    use super::google::Google;
    use super::openai::OpenAi;
    use super::*;
    use crate::hash::hexadecimal;
    use crate::llm::key::Key;
    use crate::llm::model::{Home, Model};
    use crate::llm::request::Template;
    use crate::llm::task::Task;
    use proptest::prelude::*;
    use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
    use serde_json::{Value, json};
    use sha2::{Digest, Sha256};

    fn headers_of(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    fn check(
        provider: &dyn Provider,
        status: u16,
        pairs: &[(&'static str, &'static str)],
        body: Value,
        expected: (&str, bool, Option<u64>, bool),
    ) {
        let error = provider.error(status, &headers_of(pairs), &body.to_string());
        let got = (error.message.as_str(), error.retry, error.wait.map(|w| w.as_millis() as u64), error.stop);
        assert_eq!(got, expected);
    }

    #[test]
    fn each_provider_says_wait_in_its_own_way() {
        let google = json!([{"error": {"code": 429, "message": "slow", "status": "RESOURCE_EXHAUSTED", "details": [
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "31.5s"}]}}]);
        check(&Google, 429, &[], google, ("HTTP 429 RESOURCE_EXHAUSTED: slow", true, Some(31_500), false));
        let anthropic = json!({"type": "error", "error": {"type": "rate_limit_error", "message": "slow"}});
        check(
            &Anthropic,
            429,
            &[("retry-after", "7")],
            anthropic,
            ("HTTP 429 rate_limit_error: slow", true, Some(7000), false),
        );
        let openai = json!({"error": {"message": "slow", "type": "requests", "code": "rate_limit_exceeded"}});
        let pairs = [("retry-after", "2"), ("retry-after-ms", "1250")];
        check(&OpenAi, 429, &pairs, openai, ("HTTP 429 rate_limit_exceeded: slow", true, Some(1250), false));
    }

    #[test]
    fn what_will_not_pass_today_stops_the_model() {
        let daily = json!({"error": {"status": "RESOURCE_EXHAUSTED", "message": "quota", "details": [
            {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [
                {"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}]}});
        check(&Google, 429, &[], daily, ("HTTP 429 RESOURCE_EXHAUSTED: quota", false, None, true));
        let unpaid = json!({"error": {"message": "pay", "type": "insufficient_quota", "code": "insufficient_quota"}});
        check(&OpenAi, 429, &[], unpaid, ("HTTP 429 insufficient_quota: pay", false, None, true));
        let retired = json!({"type": "error", "error": {"type": "not_found_error", "message": "model: x"}});
        check(&Anthropic, 404, &[], retired, ("HTTP 404 not_found_error: model: x", false, None, true));
        let long = json!({"error": "later"});
        check(&Compatible, 503, &[("retry-after", "7200")], long, ("HTTP 503 later", false, Some(7_200_000), true));
    }

    #[test]
    fn errors_of_every_shape_are_read() {
        check(&Compatible, 400, &[], json!({"error": "no such model"}), ("HTTP 400 no such model", false, None, false));
        let overloaded = json!({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}});
        check(&Anthropic, 529, &[], overloaded, ("HTTP 529 overloaded_error: busy", true, None, false));
        check(&Anthropic, 529, &[("x-should-retry", "false")], json!({}), ("HTTP 529 {}", false, None, false));
        let plain = OpenAi.error(502, &HeaderMap::new(), "<html>Bad gateway</html>");
        assert_eq!((plain.message.as_str(), plain.retry), ("HTTP 502 <html>Bad gateway</html>", true));
        let moved = OpenAi.error(307, &headers_of(&[("location", "https://evil.example/x?y")]), "");
        assert_eq!((moved.message.as_str(), moved.stop), ("HTTP 307: redirect to evil.example is not followed", true));
    }

    /// The status of the response is no answer to whether there is one.
    #[test]
    fn errors_under_the_status_of_a_success() {
        for provider in ALL {
            let of = |body: Value| {
                let error = provider.read(&Task::default(), &HeaderMap::new(), &body).unwrap_err();
                (error.message, error.retry, error.stop)
            };
            let limited = json!({"error": {"message": "slow down", "code": 429}});
            assert_eq!(of(limited), ("HTTP 200 with error 429 slow down".to_string(), true, false));
            let text = json!({"error": {"message": "upstream", "code": "502"}});
            assert_eq!(of(text), ("HTTP 200 with error 502 upstream".to_string(), true, false));
            let wrong = json!({"error": {"message": "no such field", "code": 400}});
            assert_eq!(of(wrong), ("HTTP 200 with error 400 no such field".to_string(), false, false));
            let unpaid = json!({"error": {"message": "no credits", "code": 402}});
            assert_eq!(of(unpaid), ("HTTP 200 with error 402 no credits".to_string(), false, true));
            assert_eq!(of(json!({"error": "loading"})), ("HTTP 200 with error: loading".to_string(), true, false));
        }
        let wait = json!({"error": {"message": "slow", "code": 429}});
        let error = Compatible.read(&Task::default(), &headers_of(&[("retry-after", "9")]), &wait).unwrap_err();
        assert_eq!((error.wait.map(|wait| wait.as_secs()), error.overloaded), (Some(9), true));
    }

    #[test]
    fn bodies_without_an_error_are_read() {
        for (body, message) in
            [("", "HTTP 500"), ("[]", "HTTP 500 []"), ("7", "HTTP 500 7"), (r#""busy""#, r#"HTTP 500 "busy""#)]
        {
            assert_eq!(OpenAi.error(500, &HeaderMap::new(), body).message, message);
        }
    }

    /// JSON of the names and words that servers use, in any order.
    fn bodies() -> impl Strategy<Value = Value> {
        const NAMES: [&str; 36] = [
            "choices",
            "message",
            "content",
            "candidates",
            "parts",
            "text",
            "finishReason",
            "finish_reason",
            "stop_reason",
            "usage",
            "usageMetadata",
            "prompt_tokens",
            "output",
            "status",
            "type",
            "error",
            "code",
            "details",
            "label",
            "input",
            "name",
            "model",
            "id",
            "custom_id",
            "key",
            "response",
            "body",
            "result",
            "incomplete_details",
            "reason",
            "refusal",
            "metadata",
            "state",
            "thought",
            "promptFeedback",
            "retryDelay",
        ];
        const WORDS: [&str; 20] = [
            "stop",
            "length",
            "STOP",
            "SAFETY",
            "tool_use",
            "text",
            "output_text",
            "message",
            "completed",
            "ended",
            "succeeded",
            "errored",
            "refusal",
            "ACCEPT",
            "{\"label\":\"ACCEPT\"}",
            "<think>",
            "</think>",
            "31.5s",
            "-1s",
            "429",
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            prop::sample::select(&WORDS[..]).prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(6, 60, 5, |inner| {
            let named = prop::collection::vec((prop::sample::select(&NAMES[..]), inner.clone()), 0..6);
            prop_oneof![
                prop::collection::vec(inner, 0..4).prop_map(Value::from),
                named.prop_map(|named| named.into_iter().map(|(name, value)| (name.to_string(), value)).collect()),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        /// Errors are of a length that a row may have, and an answer's label is that of its word.
        #[test]
        fn any_body_is_read(body in bodies(), status in 100_u16..600, text in any::<String>()) {
            let (task, none) = (Task::default(), HeaderMap::new());
            for provider in ALL {
                match provider.read(&task, &none, &body) {
                    Ok(reply) => if let Ok(verdict) = reply.said {
                        prop_assert_eq!(task.schema.meaning(&verdict.word), Some(verdict.label));
                    },
                    Err(error) => prop_assert!(error.message.chars().count() < 400, "{}", error.message),
                }
                for text in [&body.to_string(), &text] {
                    prop_assert!(provider.error(status, &none, text).message.chars().count() < 400);
                }
                if let Some(batches) = provider.batches() {
                    batches.has_ended(&body);
                    batches.line(&body);
                    batches.results(&Model::test(provider, "m"), "id", &body);
                }
            }
        }
    }

    #[test]
    fn keys_are_marked_in_headers() {
        for provider in ALL {
            let mut model = Model::test(provider, "m");
            assert_eq!(model.headers().iter().filter(|(_, value)| value.is_sensitive()).count(), 0);
            model.key = Some(Key::new("k-1"));
            let shown = format!("{:?}", model.headers());
            assert!(shown.contains("Sensitive") && !shown.contains("k-1"), "{shown}");
        }
    }

    #[test]
    fn names_and_variables_are_of_one_provider_each() {
        let mut variables: Vec<&str> = ALL.iter().flat_map(|p| p.facts().variables).map(|(_, v)| v.name).collect();
        let count = variables.len();
        variables.sort_unstable();
        variables.dedup();
        assert_eq!(variables.len(), count);
        for provider in ALL {
            let name = provider.facts().name;
            assert!(std::ptr::eq(by_name(name).unwrap().facts(), provider.facts()), "{name}");
        }
        assert!(by_name("nobody").is_none());
    }

    /// The SHA-256 of requests as they were sent and stored before: a change here asks, and pays, for everything anew.
    #[test]
    fn what_is_sent_and_the_keys_of_the_store_do_not_change() {
        let full = (Some("512".to_string()), Some(2048));
        for (provider, (reasoning, max_tokens), body, key) in [
            (
                &Google as &'static dyn Provider,
                (None, None),
                "51cab7685b7921ad4dd073b259561c6154e5ce764eb5d4571bf4e2dc25282ecb",
                "b41a41a55a89f04082ac9ea0e55ae9c40001745c9b1ac2d110ff6844a447b198",
            ),
            (
                &Google as &'static dyn Provider,
                full.clone(),
                "8f646612800e5d21fea2efa95a265b0c4b134e72bf846c019ff8835fc817cf66",
                "e863a058d2dc3f8d23427bb1875d466cb33751dbb3b8975589e6f9bec256411a",
            ),
            (
                &Anthropic as &'static dyn Provider,
                (None, None),
                "90be1d373675cb6e240076f55f9c36afba37b22ef63b047ed86836c97fb26561",
                "3f3189760c99704b711ba2e99fd00dbd9d6141829c8fd3e1c2a88244aa236d66",
            ),
            (
                &Anthropic as &'static dyn Provider,
                full.clone(),
                "3506db3ce0b4054946823dfb98ff283aa307d1a61347818edb5e16be46121af9",
                "094ccdccfad30c139a0931b7fbd69a4d534f3ca631056e8f082affb7f65a3e6f",
            ),
            (
                &OpenAi as &'static dyn Provider,
                (None, None),
                "c4a04afbbdac144ab93449ed50941b0fa1407c8683c45ef21cecdd2812cea774",
                "bcb6e4738df1555769a79024471cc1cb1c1129f0715c4e153fe43b0b56966cf4",
            ),
            (
                &OpenAi as &'static dyn Provider,
                full.clone(),
                "02d15c4d94e1afecf3db2c243dd95efa094cfd6c1600bb8e38f048f14de5061c",
                "51904cd9772cb3c70c56e0a23939a3f2914bd4e0e882046ac4ec052f4cdc4f17",
            ),
            (
                &Compatible as &'static dyn Provider,
                (None, None),
                "9622382f257bfa86f79fc139a6eef68750204c08d2a0fe824b7bf65ad0fb8049",
                "d375335ebb456a8e7f479af7903fa1ea8c1331ad4844feb767c92b53b9c2b3c9",
            ),
            (
                &Compatible as &'static dyn Provider,
                full.clone(),
                "bd676426798267a443a4b4a086cc513f29471d813768ef87ffca376d166593d2",
                "3f6632d369370f1a30c3886ab2853039098ea781099830a0afd63a632161e235",
            ),
        ] {
            let mut model = Model { reasoning, max_tokens, ..Model::test(provider, "m-1") };
            if let Home::Various(_) = provider.facts().home {
                model.base_url = "http://localhost:1/v1".to_string();
            }
            let (task, text) = (Task::default(), "Zoë\n\"lab\"");
            let sent = Sha256::digest(provider.body(&model, &task, text).to_string());
            assert_eq!((hexadecimal(&sent).as_str(), provider.facts().name), (body, provider.facts().name));
            assert_eq!(hexadecimal(&Template::new(&model, &task).request_hash(text)), key);
        }
    }
}
