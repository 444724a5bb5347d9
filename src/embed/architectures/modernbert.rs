//! ModernBERT ([Warner et al. 2024](https://arxiv.org/abs/2412.13663)), with x the vectors of the tokens:
//!
//! ```text
//! x = norm(word)
//! each layer:  q k v = norm(x) W         q and k rotated by position; the first layer has no norm here
//!              x = x + softmax(q kᵀ / √d + mask) v W
//!              a b = norm(x) W
//!              x = x + (GELU(a) * b) W
//! x = norm(x)
//! ```
//!
//! In some layers, every third as a rule, a token sees all of its text; in the others those at most half a window away, and the
//! rotation has another base. Maps and norms have biases where the configuration says so.

use crate::embed::error::EmbedError;
use crate::embed::json::Json;
use crate::embed::tensors::{LayerNorm, Linear, Rotation, attention, by_head, joined, right_padding_mask};
use crate::embed::weights::Tensors;
use crate::interrupt;
use candle_core::{D, Device, Tensor};
use serde_json::Value;

/// Layers in which a token sees its neighbours alone.
#[derive(Debug, Clone)]
enum Local {
    /// All but every so many, from the first on.
    AllBut(usize),
    Named(Vec<bool>),
}

/// Configuration of a ModernBERT.
#[derive(Debug, Clone)]
pub(crate) struct ModernBertConfig {
    pub(crate) hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    pub(crate) vocab_size: usize,
    pub(crate) max_position_embeddings: usize,
    norm_eps: f64,
    norm_bias: bool,
    attention_bias: bool,
    mlp_bias: bool,
    local: Local,
    /// Largest distance of a token that is seen in a local layer.
    half_window: usize,
    global_rope_theta: f64,
    local_rope_theta: f64,
}

impl ModernBertConfig {
    /// Length of a token's vector, width of the inner layer, number of heads.
    pub(crate) fn widths(&self) -> (usize, usize, usize) {
        (self.hidden_size, self.intermediate_size, self.num_attention_heads)
    }

    fn is_local(&self, layer: usize) -> bool {
        match &self.local {
            Local::AllBut(every) => !layer.is_multiple_of(*every),
            Local::Named(local) => local[layer],
        }
    }
}

/// The configuration of a ModernBERT.
///
/// # Errors
///
/// For a configuration that cannot be computed.
pub(crate) fn config(json: &Json) -> Result<ModernBertConfig, EmbedError> {
    let (hidden_size, num_attention_heads) = (json.whole("hidden_size")?, json.whole("num_attention_heads")?);
    if !hidden_size.is_multiple_of(2 * num_attention_heads) {
        let allowed = format!("divide half of hidden_size, {hidden_size}");
        return Err(json.invalid("num_attention_heads", &allowed, &num_attention_heads.into()));
    }
    let activation = json.text("hidden_activation", "gelu")?;
    if activation != "gelu" {
        return Err(json.invalid("hidden_activation", "be gelu", &activation.into()));
    }
    if let Some(scaling) = json.get("rope_scaling") {
        return Err(json.invalid("rope_scaling", "be null", scaling));
    }
    let num_hidden_layers = json.whole("num_hidden_layers")?;
    Ok(ModernBertConfig {
        hidden_size,
        intermediate_size: json.whole("intermediate_size")?,
        num_hidden_layers,
        num_attention_heads,
        vocab_size: json.whole("vocab_size")?,
        max_position_embeddings: json.whole("max_position_embeddings")?,
        norm_eps: json.real("norm_eps", 1e-5)?,
        norm_bias: json.flag("norm_bias", false)?,
        attention_bias: json.flag("attention_bias", false)?,
        mlp_bias: json.flag("mlp_bias", false)?,
        local: local(json, num_hidden_layers)?,
        half_window: json.optional_whole("local_attention")?.unwrap_or(128) / 2,
        global_rope_theta: rope_theta(json, FULL, "global_rope_theta", 160_000.0)?,
        local_rope_theta: rope_theta(json, SLIDING, "local_rope_theta", 10_000.0)?,
    })
}

/// Names of the kinds of layers.
const FULL: &str = "full_attention";
const SLIDING: &str = "sliding_attention";

/// The local layers: one by one in newer files, by their number in older ones.
fn local(json: &Json, layers: usize) -> Result<Local, EmbedError> {
    let Some(kinds) = json.get("layer_types") else {
        return Ok(Local::AllBut(json.optional_whole("global_attn_every_n_layers")?.unwrap_or(3)));
    };
    let named = kinds.as_array().filter(|kinds| kinds.len() == layers).and_then(|kinds| {
        let local = |kind: &Value| match kind.as_str()? {
            FULL => Some(false),
            SLIDING => Some(true),
            _ => None,
        };
        kinds.iter().map(local).collect()
    });
    let allowed = format!("say {FULL} or {SLIDING} for each of {layers} layers");
    named.map(Local::Named).ok_or_else(|| json.invalid("layer_types", &allowed, kinds))
}

/// The base of the rotation in layers of a kind; newer files keep it inside of `rope_parameters`.
fn rope_theta(json: &Json, kind: &str, older: &str, default: f64) -> Result<f64, EmbedError> {
    let parameters = json.get("rope_parameters").and_then(|parameters| parameters.get(kind));
    if let Some(unknown) = parameters.and_then(|inside| inside.get("rope_type")).filter(|name| *name != "default") {
        return Err(json.invalid("rope_type", "be default", unknown));
    }
    match parameters.and_then(|inside| inside.get("rope_theta")).and_then(Value::as_f64) {
        Some(theta) => Ok(theta),
        None => json.real(older, default),
    }
}

#[derive(Debug)]
struct Layer {
    attn_norm: Option<LayerNorm>,
    query_key_value: Linear,
    attention_output: Linear,
    mlp_norm: LayerNorm,
    expand: Linear,
    output: Linear,
    is_local: bool,
}

/// A ModernBERT over `candle`.
#[derive(Debug)]
pub(crate) struct ModernBert {
    config: ModernBertConfig,
    tok_embeddings: Tensor,
    embeddings_norm: LayerNorm,
    layers: Vec<Layer>,
    final_norm: LayerNorm,
}

impl ModernBert {
    /// The encoder of `config` with its weights out of `tensors`.
    ///
    /// # Errors
    ///
    /// Where a tensor is missing or has another shape than the configuration says.
    pub(crate) fn new(config: ModernBertConfig, tensors: &mut Tensors<Tensor>) -> Result<ModernBert, EmbedError> {
        let (hidden, inner) = (config.hidden_size, config.intermediate_size);
        let norm = |tensors: &mut Tensors<Tensor>, name: &str| {
            tensors.layer_norm(name, hidden, config.norm_eps, config.norm_bias)
        };
        let mut layers = Vec::new();
        for number in 0..config.num_hidden_layers {
            let name = |part: &str| format!("layers.{number}.{part}");
            layers.push(Layer {
                attn_norm: (number > 0).then(|| norm(tensors, &name("attn_norm"))).transpose()?,
                query_key_value: tensors.linear(&name("attn.Wqkv"), hidden, 3 * hidden, config.attention_bias)?,
                attention_output: tensors.linear(&name("attn.Wo"), hidden, hidden, config.attention_bias)?,
                mlp_norm: norm(tensors, &name("mlp_norm"))?,
                expand: tensors.linear(&name("mlp.Wi"), hidden, 2 * inner, config.mlp_bias)?,
                output: tensors.linear(&name("mlp.Wo"), inner, hidden, config.mlp_bias)?,
                is_local: config.is_local(number),
            });
        }
        Ok(ModernBert {
            tok_embeddings: tensors.take("embeddings.tok_embeddings.weight", &[config.vocab_size, hidden])?,
            embeddings_norm: norm(tensors, "embeddings.norm")?,
            layers,
            final_norm: norm(tensors, "final_norm")?,
            config,
        })
    }

    /// Vectors (batch x length x hidden) of the tokens `ids` (batch x length), which are `texts` padded on the right.
    pub(crate) fn forward(&self, ids: &Tensor, texts: &[&[u32]]) -> candle_core::Result<Tensor> {
        let (batch, length) = ids.dims2()?;
        let (device, heads) = (ids.device(), self.config.num_attention_heads);
        let (hidden, inner, width) =
            (self.config.hidden_size, self.config.intermediate_size, self.config.hidden_size / heads);
        let everywhere = (
            Rotation::new(self.config.global_rope_theta, width, length, device)?,
            right_padding_mask(texts, length, device)?,
        );
        let nearby = (
            Rotation::new(self.config.local_rope_theta, width, length, device)?,
            window_mask(texts, length, self.config.half_window, device)?,
        );
        let words = self.tok_embeddings.embedding(&ids.flatten_all()?)?.reshape((batch, length, ()))?;
        let mut x = self.embeddings_norm.apply(&words)?;
        for layer in &self.layers {
            interrupt::check();
            let (rotation, mask) = if layer.is_local { &nearby } else { &everywhere };
            let normed = match &layer.attn_norm {
                Some(norm) => norm.apply(&x)?,
                None => x.clone(),
            };
            let all = layer.query_key_value.apply(&normed)?;
            let part = |kind: usize| by_head(&all.narrow(D::Minus1, kind * hidden, hidden)?, heads);
            let (query, key) = (rotation.apply(&part(0)?)?, rotation.apply(&part(1)?)?);
            let context = joined(&attention(&query, &key, &part(2)?, mask)?)?;
            x = (x + layer.attention_output.apply(&context)?)?;
            let expanded = layer.expand.apply(&layer.mlp_norm.apply(&x)?)?;
            let half = |from: usize| expanded.narrow(D::Minus1, from, inner)?.contiguous();
            x = (x + layer.output.apply(&(half(0)?.gelu_erf()? * half(inner)?)?)?)?;
        }
        self.final_norm.apply(&x)
    }
}

/// Mask (batch, 1, length, length) that keeps tokens from seeing those further away than `reach`, and the padding.
fn window_mask(texts: &[&[u32]], length: usize, reach: usize, device: &Device) -> candle_core::Result<Tensor> {
    let mut mask = Vec::with_capacity(texts.len() * length * length);
    for text in texts {
        let seen = |i: usize, j: usize| j < text.len() && i.abs_diff(j) <= reach;
        mask.extend((0..length).flat_map(|i| (0..length).map(move |j| if seen(i, j) { 0.0 } else { f32::MIN })));
    }
    Tensor::from_vec(mask, (texts.len(), 1, length, length), device)
}
