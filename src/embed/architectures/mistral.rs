//! Mistral ([Jiang et al. 2023](https://arxiv.org/abs/2310.06825)), with x the vectors of the tokens:
//!
//! ```text
//! each layer:  q k v = rms(x) W          q and k rotated by position
//!              x = x + softmax(q kᵀ / √d + mask) v W
//!              x = x + (silu(rms(x) W) * (rms(x) W)) W
//! x = rms(x)
//! ```
//!
//! Token i sees token j when i - window < j <= i, so padding behind a text changes nothing. Some heads share keys and values.
//! Normalisation, softmax and rotation are computed in `f32` whatever the number type.

use crate::embed::error::EmbedError;
use crate::embed::json::Json;
use crate::embed::tensors::{Linear, RmsNorm, Rotation, attention, by_head, joined};
use crate::embed::weights::Tensors;
use crate::interrupt;
use candle_core::Tensor;
use serde_json::Value;

/// Configuration of a Mistral.
#[derive(Debug, Clone)]
pub(crate) struct MistralConfig {
    pub(crate) hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    /// Number of heads of keys and values, each for `num_attention_heads / num_key_value_heads` heads of queries.
    num_key_value_heads: usize,
    /// Width of a head.
    head_dim: usize,
    pub(crate) vocab_size: usize,
    pub(crate) max_position_embeddings: usize,
    rms_norm_eps: f64,
    rope_theta: f64,
    sliding_window: Option<usize>,
}

impl MistralConfig {
    /// Length of a token's vector, width of the inner layer, number of heads.
    pub(crate) fn widths(&self) -> (usize, usize, usize) {
        (self.hidden_size, self.intermediate_size, self.num_attention_heads)
    }
}

/// The configuration of a Mistral.
///
/// # Errors
///
/// For a configuration that cannot be computed.
pub(crate) fn config(json: &Json) -> Result<MistralConfig, EmbedError> {
    let (hidden_size, num_attention_heads) = (json.whole("hidden_size")?, json.whole("num_attention_heads")?);
    let num_key_value_heads = json.optional_whole("num_key_value_heads")?.unwrap_or(num_attention_heads);
    if num_attention_heads % num_key_value_heads != 0 {
        let allowed = format!("divide {num_attention_heads}");
        return Err(json.invalid("num_key_value_heads", &allowed, &num_key_value_heads.into()));
    }
    let head_dim = json.optional_whole("head_dim")?.unwrap_or(hidden_size / num_attention_heads);
    if head_dim % 2 != 0 {
        return Err(json.invalid("head_dim", "be even", &head_dim.into()));
    }
    let activation = json.text("hidden_act", "silu")?;
    if activation != "silu" {
        return Err(json.invalid("hidden_act", "be silu", &activation.into()));
    }
    // newer files keep it inside of rope_parameters
    let parameters = json.get("rope_parameters").or(json.get("rope_scaling"));
    let inside = parameters.and_then(|inside| inside.get("rope_theta")).and_then(Value::as_f64);
    let rope_type = parameters.and_then(|inside| inside.get("rope_type").or(inside.get("type")));
    if let Some(unknown) = rope_type.filter(|rope_type| rope_type.as_str() != Some("default")) {
        return Err(json.invalid("rope_type", "be default", unknown));
    }
    Ok(MistralConfig {
        hidden_size,
        intermediate_size: json.whole("intermediate_size")?,
        num_hidden_layers: json.whole("num_hidden_layers")?,
        num_attention_heads,
        num_key_value_heads,
        head_dim,
        vocab_size: json.whole("vocab_size")?,
        max_position_embeddings: json.whole("max_position_embeddings")?,
        rms_norm_eps: json.real("rms_norm_eps", 1e-6)?,
        rope_theta: json.real("rope_theta", inside.unwrap_or(10_000.0))?,
        sliding_window: json.optional_whole("sliding_window")?,
    })
}

#[derive(Debug)]
struct Layer {
    input_layernorm: RmsNorm,
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    o_proj: Linear,
    post_attention_layernorm: RmsNorm,
    gate_proj: Linear,
    up_proj: Linear,
    down_proj: Linear,
}

/// A Mistral over `candle`.
#[derive(Debug)]
pub(crate) struct Mistral {
    config: MistralConfig,
    embed_tokens: Tensor,
    layers: Vec<Layer>,
    norm: RmsNorm,
}

impl Mistral {
    /// The encoder of `config` with its weights out of `tensors`.
    ///
    /// # Errors
    ///
    /// Where a tensor is missing or has another shape than the configuration says.
    pub(crate) fn new(config: MistralConfig, tensors: &mut Tensors<Tensor>) -> Result<Mistral, EmbedError> {
        let (hidden, inner, epsilon) = (config.hidden_size, config.intermediate_size, config.rms_norm_eps);
        let (all, shared) =
            (config.num_attention_heads * config.head_dim, config.num_key_value_heads * config.head_dim);
        let mut layers = Vec::new();
        for number in 0..config.num_hidden_layers {
            let name = |part: &str| format!("layers.{number}.{part}");
            layers.push(Layer {
                input_layernorm: tensors.rms_norm(&name("input_layernorm"), hidden, epsilon)?,
                q_proj: tensors.linear(&name("self_attn.q_proj"), hidden, all, false)?,
                k_proj: tensors.linear(&name("self_attn.k_proj"), hidden, shared, false)?,
                v_proj: tensors.linear(&name("self_attn.v_proj"), hidden, shared, false)?,
                o_proj: tensors.linear(&name("self_attn.o_proj"), all, hidden, false)?,
                post_attention_layernorm: tensors.rms_norm(&name("post_attention_layernorm"), hidden, epsilon)?,
                gate_proj: tensors.linear(&name("mlp.gate_proj"), hidden, inner, false)?,
                up_proj: tensors.linear(&name("mlp.up_proj"), hidden, inner, false)?,
                down_proj: tensors.linear(&name("mlp.down_proj"), inner, hidden, false)?,
            });
        }
        let embed_tokens = tensors.take("embed_tokens.weight", &[config.vocab_size, hidden])?;
        Ok(Mistral { embed_tokens, layers, norm: tensors.rms_norm("norm", hidden, epsilon)?, config })
    }

    /// Vectors (batch x length x hidden) of the tokens `ids` (batch x length).
    pub(crate) fn forward(&self, ids: &Tensor) -> candle_core::Result<Tensor> {
        let MistralConfig { num_attention_heads: heads, num_key_value_heads, head_dim, .. } = self.config;
        let (rope_theta, window) = (self.config.rope_theta, self.config.sliding_window);
        let (batch, longest) = ids.dims2()?;
        let device = ids.device();
        let rotation = Rotation::new(rope_theta, head_dim, longest, device)?;
        let seen = |i: usize, j: usize| j <= i && window.is_none_or(|window| j + window > i);
        let mask = |i: usize| (0..longest).map(move |j| if seen(i, j) { 0.0 } else { f32::MIN });
        let mask = Tensor::from_vec((0..longest).flat_map(mask).collect::<Vec<f32>>(), (longest, longest), device)?;
        // each head of keys stands for several heads of queries
        let spread = |x: Tensor| -> candle_core::Result<Tensor> {
            let (batch, shared, length, width) = x.dims4()?;
            let each = heads / shared;
            x.unsqueeze(2)?
                .expand((batch, shared, each, length, width))?
                .contiguous()?
                .reshape((batch, heads, length, width))
        };
        let mut x = self.embed_tokens.embedding(&ids.flatten_all()?)?.reshape((batch, longest, ()))?;
        for layer in &self.layers {
            interrupt::check();
            let normed = layer.input_layernorm.apply(&x)?;
            let query = rotation.apply(&by_head(&layer.q_proj.apply(&normed)?, heads)?)?;
            let key = spread(rotation.apply(&by_head(&layer.k_proj.apply(&normed)?, num_key_value_heads)?)?)?;
            let value = spread(by_head(&layer.v_proj.apply(&normed)?, num_key_value_heads)?)?;
            x = (x + layer.o_proj.apply(&joined(&attention(&query, &key, &value, &mask)?)?)?)?;
            let normed = layer.post_attention_layernorm.apply(&x)?;
            let inner = (layer.gate_proj.apply(&normed)?.silu()? * layer.up_proj.apply(&normed)?)?;
            x = (x + layer.down_proj.apply(&inner)?)?;
        }
        self.norm.apply(&x)
    }
}
