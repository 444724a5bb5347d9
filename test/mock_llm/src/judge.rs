//! What a model says about a text: a noisy function of its words.
//!
//! ```text
//! score = sum of the weights of the words found, squashed
//!       + 0.7 * noise(text)            the part that all models share, so that they err together
//!       + 0.6 * noise(text, model)     each model's own part
//! yes   = score > threshold(model)     some models are easily impressed, some are not
//! ```
//!
//! The noises are standard logistic, the threshold uniform in -0.6 to 0.6, all from SHA-256: the same at every start.

use sha2::{Digest, Sha256};

/// Words of people who build models, and of people who talk about them.
const WEIGHTS: [(&str, f64); 44] = [
    ("architecture", 0.4),
    ("artificial intelligence", -0.1),
    ("backpropagation", 1.2),
    ("bayesian", 0.6),
    ("computer vision", 0.7),
    ("convolution", 0.8),
    ("cuda", 0.9),
    ("deep learning", 0.8),
    ("diffusion models", 0.8),
    ("distributed training", 1.0),
    ("embeddings", 0.4),
    ("fine-tuning", 0.5),
    ("generative models", 0.6),
    ("gradient", 0.8),
    ("iclr", 1.2),
    ("icml", 1.2),
    ("jax", 0.9),
    ("language models", 0.4),
    ("loss function", 0.9),
    ("machine learning", 0.3),
    ("neural networks", 0.7),
    ("neurips", 1.2),
    ("optimisation", 0.3),
    ("phd", 0.5),
    ("publication", 0.4),
    ("pytorch", 0.8),
    ("reinforcement learning", 0.8),
    ("research scientist", 0.9),
    ("segmentation", 0.5),
    ("tensorflow", 0.6),
    ("transformers", 0.7),
    ("account manager", -1.0),
    ("accountant", -1.0),
    ("administration", -0.7),
    ("customers", -0.4),
    ("dashboards", -0.6),
    ("excel", -0.7),
    ("marketing", -0.9),
    ("nurse", -1.2),
    ("power bi", -0.6),
    ("prompt engineering", -0.8),
    ("recruiting", -1.0),
    ("sales", -0.9),
    ("stakeholders", -0.4),
];

/// Whether the model says yes, and in how many words of evidence.
pub fn judge(text: &str, model: &str) -> (bool, String) {
    let lower = text.to_lowercase();
    let found: Vec<&(&str, f64)> = WEIGHTS.iter().filter(|(word, _)| lower.contains(word)).collect();
    let sum: f64 = found.iter().map(|(_, weight)| weight).sum();
    let score = 4.0 * ((sum - 1.2) / 2.0).tanh() + 0.7 * noise(&[text]) + 0.6 * noise(&[text, model]);
    let yes = score > 1.2 * uniform(&[model]) - 0.6;
    let evidence = if yes { found.iter().rfind(|w| w.1 > 0.0) } else { found.iter().rfind(|w| w.1 < 0.0) };
    let reason = match (yes, evidence) {
        (true, Some((word, _))) => format!("The profile shows work of one's own with {word}."),
        (true, None) => "The profile suggests work of one's own on models.".to_string(),
        (false, Some((word, _))) => format!("The profile is about {word}, not about building models."),
        (false, None) => "Nothing in the profile shows that models were built.".to_string(),
    };
    (yes, reason)
}

/// Uniform in (0, 1), by the parts alone.
fn uniform(parts: &[&str]) -> f64 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let digest = hash.finalize();
    let number = digest.iter().take(6).fold(0u64, |number, byte| (number << 8) | u64::from(*byte));
    (number as f64 + 0.5) / (1u64 << 48) as f64
}

/// Standard logistic, by the parts alone.
fn noise(parts: &[&str]) -> f64 {
    let u = uniform(parts);
    (u / (1.0 - u)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_mostly_agree_and_are_mostly_right() {
        let models = ["gemini-3-flash", "claude-sonnet-5", "gpt-6-mini"];
        let (mut right, mut agree) = (0, 0);
        for person in 0..300 {
            let expert = person % 2 == 0;
            let text = if expert {
                format!("{person}: research scientist, PyTorch, transformers, published at NeurIPS")
            } else {
                format!("{person}: account manager, sales, Excel dashboards")
            };
            let answers = models.map(|model| judge(&text, model).0);
            right += answers.iter().filter(|yes| **yes == expert).count();
            agree += usize::from(answers[0] == answers[1]);
        }
        assert!((720..900).contains(&right), "{right} of 900 right: better than chance, not perfect");
        assert!((225..300).contains(&agree), "{agree} of 300 agreed");
    }
}
