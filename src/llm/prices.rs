//! Prices of tokens: a dated table in US dollars a million tokens, which the user may replace.
//!
//! An unknown model has no price, and its cost is NULL, never 0. A price holds for the model of its name and for the
//! versions of it whose name goes on with a date or a number (`gpt-5-mini-2025-08-07`, `gemini-2.5-flash-001`).

use serde_json::Value;

/// US dollars a million tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Price {
    pub input: f64,
    /// Input that the provider had in its cache.
    pub cached: f64,
    pub output: f64,
}

/// Counts of the tokens that a request was billed for.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Usage {
    /// Tokens of the prompt, cached parts included.
    pub input: Option<u64>,
    /// Tokens of the prompt that were read from the provider's cache.
    pub cached: Option<u64>,
    /// Tokens of the prompt that were written to the provider's cache, at a quarter more than the price of input.
    pub cache_written: u64,
    /// Tokens generated, reasoning included.
    pub output: Option<u64>,
    /// Tokens of reasoning.
    pub reasoning: Option<u64>,
}

impl Price {
    /// Cost in US dollars; a batch is half the price.
    pub(crate) fn cost(&self, usage: &Usage, batch: bool) -> Option<f64> {
        let (input, output) = (usage.input? as f64, usage.output? as f64);
        let cached = (usage.cached.unwrap_or(0) as f64).min(input);
        let dollars = (input - cached) * self.input
            + cached * self.cached
            + usage.cache_written as f64 * self.input * 0.25
            + output * self.output;
        Some(dollars / 1e6 * if batch { 0.5 } else { 1.0 })
    }
}

/// The prices of models.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Prices(Vec<(String, String, Price)>);

impl Prices {
    /// The table of this version of muster.
    pub(crate) fn embedded() -> Prices {
        Prices::from_csv(include_str!("../../data/prices.csv")).unwrap_or_default()
    }

    /// Prices of a CSV text with the header `provider,model,input,cached,output` and perhaps more columns.
    pub(crate) fn from_csv(text: &str) -> Result<Prices, String> {
        let mut lines = text.lines().filter(|line| !line.trim().is_empty());
        let header: Vec<&str> = lines.next().unwrap_or("").split(',').map(str::trim).collect();
        let column = |name: &str| {
            header.iter().position(|column| *column == name).ok_or_else(|| format!("has no column {name}"))
        };
        let at = (column("provider")?, column("model")?, column("input")?, column("cached")?, column("output")?);
        let mut prices = Vec::new();
        for line in lines {
            let cells: Vec<&str> = line.split(',').map(str::trim).collect();
            let cell = |at: usize| cells.get(at).copied().unwrap_or("");
            let number = |at: usize| cell(at).parse::<f64>().ok().filter(|x| x.is_finite() && *x >= 0.0);
            match (number(at.2), number(at.4)) {
                (Some(input), Some(output)) => {
                    let price = Price { input, cached: number(at.3).unwrap_or(input), output };
                    prices.push((cell(at.0).to_string(), cell(at.1).to_string(), price));
                }
                _ => return Err(format!("has a line that is no price: {line}")),
            }
        }
        Ok(Prices(prices))
    }

    /// Prices of a JSON list of `{provider, model, input, cached, output}`; the error completes "prices must".
    pub(crate) fn from_json(json: &Value) -> Result<Prices, String> {
        const SHAPE: &str =
            "be a list of structs {provider, model, input, cached, output} in US dollars a million tokens";
        let wrong = || SHAPE.to_string();
        let number = |value: Option<&Value>| {
            let value = value?;
            value.as_f64().or_else(|| value.as_str()?.parse().ok()).filter(|x: &f64| x.is_finite() && *x >= 0.0)
        };
        let mut prices = Vec::new();
        for row in json.as_array().ok_or_else(wrong)? {
            let text = |name: &str| row.get(name).and_then(Value::as_str).map(str::to_string).ok_or_else(wrong);
            let (input, output) = (number(row.get("input")), number(row.get("output")));
            let (Some(input), Some(output)) = (input, output) else { return Err(wrong()) };
            let price = Price { input, cached: number(row.get("cached")).unwrap_or(input), output };
            prices.push((text("provider")?, text("model")?, price));
        }
        Ok(Prices(prices))
    }

    /// These prices, and those of `others` for models that are not among them.
    pub(crate) fn or(mut self, others: Prices) -> Prices {
        self.0.extend(others.0);
        self
    }

    /// The price of a model: of its own name, else of the name that it is a version of.
    pub(crate) fn find(&self, provider: &str, model: &str) -> Option<Price> {
        let of = |fits: &dyn Fn(&str) -> bool| {
            self.0.iter().find(|(p, m, _)| p == provider && fits(m)).map(|(_, _, price)| *price)
        };
        of(&|name| name == model).or_else(|| of(&|name| same_but_for_version(name, model)))
    }
}

/// Whether `model` is `name`, or `name` with a date, a number or `latest` behind it.
pub(crate) fn same_but_for_version(name: &str, model: &str) -> bool {
    let Some(rest) = model.strip_prefix(name) else { return false };
    let mut parts = rest.split(['-', '@', ':']);
    parts.next() == Some("")
        && parts.all(|part| part == "latest" || part.len() >= 2 && part.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cost_is_linear_in_each_kind_of_token() {
        let price = Price { input: 2.0, cached: 0.5, output: 8.0 };
        let usage = Usage { input: Some(1000), cached: Some(400), output: Some(100), ..Usage::default() };
        // 600 * 2 + 400 * 0.5 + 100 * 8 = 2200 dollars a million
        assert!((price.cost(&usage, false).unwrap() - 0.0022).abs() < 1e-15);
        assert!((price.cost(&usage, true).unwrap() - 0.0011).abs() < 1e-15);
        assert_eq!(price.cost(&Usage { input: Some(1), ..Usage::default() }, false), None);
    }

    #[test]
    fn prices_are_found_by_name_and_version() {
        let prices = Prices::embedded();
        let mini = prices.find("openai", "gpt-5-mini").unwrap();
        assert_eq!(prices.find("openai", "gpt-5-mini-2025-08-07"), Some(mini));
        assert_ne!(prices.find("openai", "gpt-5"), Some(mini));
        assert_eq!(prices.find("openai", "gpt-5-pro"), None);
        assert_eq!(prices.find("google", "gpt-5-mini"), None);
        assert_eq!(prices.find("openai-compatible", "gpt-5-mini"), None);
        let own = Prices::from_json(&serde_json::json!([
            {"provider": "openai", "model": "gpt-5-mini", "input": "1.5", "cached": null, "output": 3}
        ]));
        let own = own.unwrap().or(prices).find("openai", "gpt-5-mini").unwrap();
        assert_eq!(own, Price { input: 1.5, cached: 1.5, output: 3.0 });
    }

    #[test]
    fn versions_of_a_model() {
        for (name, model, same) in [
            ("claude-haiku-4-5", "claude-haiku-4-5-20251001", true),
            ("gemini-2.5-flash", "gemini-2.5-flash-001", true),
            ("gemini-2.5-flash", "gemini-2.5-flash-lite", false),
            ("gpt-5", "gpt-5", true),
            ("gpt-5", "gpt-5.4", false),
            ("claude-opus-4", "claude-opus-4-1", false),
        ] {
            assert_eq!(same_but_for_version(name, model), same, "{name} {model}");
        }
    }

    #[test]
    fn tables_are_checked() {
        assert!(Prices::from_csv("provider,model,input\nopenai,x,1").is_err());
        assert!(Prices::from_csv("provider,model,input,cached,output\nopenai,x,one,,2").is_err());
        assert!(Prices::from_json(&serde_json::json!([{"provider": "openai", "model": "x", "input": -1}])).is_err());
    }
}
