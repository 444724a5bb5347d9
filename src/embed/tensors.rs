//! Encoders over `candle`: BERT in any number type and on graphics cards, and Mistral.
//!
//! Texts of a batch are padded on the right to the longest. For BERT a mask keeps tokens from seeing padding; in
//! Mistral a token sees none but those before it, so padding behind the text changes nothing.
//!
//! Mistral (Jiang et al. 2023), with x the vectors of the tokens:
//!
//! ```text
//! each layer:  q k v = rms(x) W          rotated by position: (a, b) -> (a cos t - b sin t, b cos t + a sin t),
//!                                        t = position * theta^(-2 i / d), a and b the halves of a head
//!              x = x + softmax(q kᵀ / √d + mask) v W
//!              x = x + (silu(rms(x) W) * (rms(x) W)) W
//! x = rms(x)
//! ```
//!
//! Token i sees token j when i - window < j <= i. Some heads share keys and values. Normalisation, softmax and rotation
//! are computed in `f32` whatever the number type.

use super::bert::Shape;
use super::config::Json;
use super::weights::Files;
use super::{BATCH, Batching, Dtype, EmbedError};
use candle_core::{D, DType, Device, Tensor};
use serde_json::Value;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Whether this build and this machine can use a graphics card.
pub fn has_cuda() -> bool {
    cfg!(feature = "cuda") && Device::new_cuda(0).is_ok()
}

fn device(cuda: bool) -> Result<Device, EmbedError> {
    match cuda {
        false => Ok(Device::Cpu),
        true if !cfg!(feature = "cuda") => {
            let message = "this build is for the processor alone; build the one for graphics cards by `make cuda`";
            Err(EmbedError::Cuda(message.to_string()))
        }
        true => Device::new_cuda(0).map_err(|error| EmbedError::Cuda(error.to_string())),
    }
}

/// A model over tensors.
#[derive(Debug)]
pub struct TensorEncoder {
    architecture: Architecture,
    device: Device,
    dtype: DType,
    /// One batch at a time on a card, whose memory it fills.
    turn: Mutex<()>,
}

#[derive(Debug)]
enum Architecture {
    Bert(Box<Bert>),
    Mistral(Mistral),
}

/// Tensors by name, on their device, in their number type.
struct Loaded {
    tensors: HashMap<String, Tensor>,
    folder: String,
}

impl Loaded {
    fn read(files: &mut Files, folder: &Path, device: &Device, dtype: DType) -> Result<Loaded, EmbedError> {
        let mut tensors = HashMap::new();
        files.each(folder, |name, view| {
            use safetensors::Dtype;
            let kind = match view.dtype() {
                Dtype::F32 => DType::F32,
                Dtype::F16 => DType::F16,
                Dtype::BF16 => DType::BF16,
                _ => return Ok(()),
            };
            let tensor = Tensor::from_raw_buffer(view.data(), kind, view.shape(), &Device::Cpu)?;
            tensors.insert(name.to_string(), tensor.to_dtype(dtype)?.to_device(device)?);
            Ok(())
        })?;
        Ok(Loaded { tensors, folder: folder.display().to_string() })
    }

    fn take(&mut self, name: &str, expected: &[usize]) -> Result<Tensor, EmbedError> {
        match self.tensors.remove(name) {
            Some(tensor) if tensor.dims() == expected => Ok(tensor),
            Some(tensor) => Err(EmbedError::Shape {
                folder: self.folder.clone(),
                name: name.to_string(),
                expected: expected.to_vec(),
                found: tensor.dims().to_vec(),
            }),
            None => Err(EmbedError::MissingTensor { folder: self.folder.clone(), name: name.to_string() }),
        }
    }

    fn linear(&mut self, name: &str, inputs: usize, outputs: usize, bias: bool) -> Result<Linear, EmbedError> {
        let weight = self.take(&format!("{name}.weight"), &[outputs, inputs])?;
        let bias = bias.then(|| self.take(&format!("{name}.bias"), &[outputs])).transpose()?;
        // laid out as the product reads it, whose order of sums would follow the number of rows otherwise
        Ok(Linear { weight: weight.t()?.contiguous()?, bias })
    }

    fn norm(&mut self, name: &str, width: usize, epsilon: f64) -> Result<LayerNorm, EmbedError> {
        let mut part = |part: &str| -> Result<Tensor, EmbedError> {
            Ok(self.take(&format!("{name}.{part}"), &[width])?.to_dtype(DType::F32)?)
        };
        Ok(LayerNorm { weight: part("weight")?, bias: part("bias")?, epsilon })
    }

    fn scale(&mut self, name: &str, width: usize) -> Result<Tensor, EmbedError> {
        Ok(self.take(&format!("{name}.weight"), &[width])?.to_dtype(DType::F32)?)
    }
}

#[derive(Debug)]
struct Linear {
    /// (inputs x outputs)
    weight: Tensor,
    bias: Option<Tensor>,
}

impl Linear {
    fn apply(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let (batch, length, inputs) = x.dims3()?;
        let flat = x.reshape((batch * length, inputs))?.matmul(&self.weight)?;
        let flat = match &self.bias {
            Some(bias) => flat.broadcast_add(bias)?,
            None => flat,
        };
        flat.reshape((batch, length, ()))
    }
}

#[derive(Debug)]
struct LayerNorm {
    weight: Tensor,
    bias: Tensor,
    epsilon: f64,
}

impl LayerNorm {
    fn apply(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let wide = x.to_dtype(DType::F32)?;
        let centred = wide.broadcast_sub(&wide.mean_keepdim(D::Minus1)?)?;
        let deviation = (centred.sqr()?.mean_keepdim(D::Minus1)? + self.epsilon)?.sqrt()?;
        let normed = centred.broadcast_div(&deviation)?.broadcast_mul(&self.weight)?.broadcast_add(&self.bias)?;
        normed.to_dtype(x.dtype())
    }
}

/// x / √(mean x² + epsilon) * weight
fn rms(x: &Tensor, weight: &Tensor, epsilon: f64) -> candle_core::Result<Tensor> {
    let wide = x.to_dtype(DType::F32)?;
    let size = (wide.sqr()?.mean_keepdim(D::Minus1)? + epsilon)?.sqrt()?;
    wide.broadcast_div(&size)?.broadcast_mul(weight)?.to_dtype(x.dtype())
}

/// Attention over (batch, heads, length, d); `mask` is added to the scores.
fn attention(q: &Tensor, k: &Tensor, v: &Tensor, mask: &Tensor) -> candle_core::Result<Tensor> {
    let scale = 1.0 / (q.dim(D::Minus1)? as f64).sqrt();
    let scores = (q.matmul(&k.t()?.contiguous()?)? * scale)?.to_dtype(DType::F32)?.broadcast_add(mask)?;
    let shifted = scores.broadcast_sub(&scores.max_keepdim(D::Minus1)?)?.exp()?;
    let weights = shifted.broadcast_div(&shifted.sum_keepdim(D::Minus1)?)?;
    weights.to_dtype(v.dtype())?.matmul(v)
}

/// (batch, length, heads * d) as (batch, heads, length, d)
fn by_head(x: &Tensor, heads: usize) -> candle_core::Result<Tensor> {
    let (batch, length, width) = x.dims3()?;
    x.reshape((batch, length, heads, width / heads))?.transpose(1, 2)?.contiguous()
}

/// (batch, heads, length, d) as (batch, length, heads * d)
fn joined(x: &Tensor) -> candle_core::Result<Tensor> {
    let (batch, heads, length, width) = x.dims4()?;
    x.transpose(1, 2)?.contiguous()?.reshape((batch, length, heads * width))
}

impl TensorEncoder {
    pub fn bert(
        shape: Shape,
        files: &mut Files,
        folder: &Path,
        cuda: bool,
        dtype: Dtype,
    ) -> Result<TensorEncoder, EmbedError> {
        TensorEncoder::new(files, folder, cuda, dtype, |loaded| {
            Ok(Architecture::Bert(Box::new(Bert::new(shape, loaded)?)))
        })
    }

    pub fn mistral(
        shape: MistralShape,
        files: &mut Files,
        folder: &Path,
        cuda: bool,
        dtype: Dtype,
    ) -> Result<TensorEncoder, EmbedError> {
        TensorEncoder::new(files, folder, cuda, dtype, |loaded| Ok(Architecture::Mistral(Mistral::new(shape, loaded)?)))
    }

    fn new(
        files: &mut Files,
        folder: &Path,
        cuda: bool,
        dtype: Dtype,
        build: impl FnOnce(&mut Loaded) -> Result<Architecture, EmbedError>,
    ) -> Result<TensorEncoder, EmbedError> {
        let device = device(cuda)?;
        let dtype = match dtype {
            Dtype::F32 => DType::F32,
            Dtype::F16 => DType::F16,
            Dtype::Bf16 => DType::BF16,
        };
        let architecture = build(&mut Loaded::read(files, folder, &device, dtype)?)?;
        Ok(TensorEncoder { architecture, device, dtype, turn: Mutex::new(()) })
    }

    /// On the processor texts of one length go together, so that none is padded: padding would change the order of sums, and
    /// with it the last bit of a vector.
    pub fn batching(&self) -> Batching {
        match self.device.is_cpu() {
            true => Batching { limit: BATCH, alike: true },
            false => Batching { limit: 32 * BATCH, alike: false },
        }
    }

    /// As [`super::packed::Packed::encode`].
    pub fn encode(&self, texts: &[&[u32]], mut take: impl FnMut(usize, &[f32])) -> Result<(), EmbedError> {
        // never on the processor: a thread that waits there for its share of a product may take up another text
        let _turn = (!self.device.is_cpu()).then(|| self.turn.lock().unwrap_or_else(PoisonError::into_inner));
        let longest = texts.iter().map(|text| text.len()).max().unwrap_or(0);
        let mut ids = vec![0; texts.len() * longest];
        for (row, text) in ids.chunks_exact_mut(longest.max(1)).zip(texts) {
            row[..text.len()].copy_from_slice(text);
        }
        let ids = Tensor::from_vec(ids, (texts.len(), longest), &self.device)?;
        let lengths: Vec<usize> = texts.iter().map(|text| text.len()).collect();
        let states = match &self.architecture {
            Architecture::Bert(bert) => bert.forward(&ids, texts)?,
            Architecture::Mistral(mistral) => mistral.forward(&ids, self.dtype)?,
        };
        let width = states.dim(D::Minus1)?;
        for (i, length) in lengths.into_iter().enumerate() {
            let rows = states.get(i)?.narrow(0, 0, length)?.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
            debug_assert_eq!(rows.len(), length * width);
            take(i, &rows);
        }
        Ok(())
    }
}

#[derive(Debug)]
struct BertLayer {
    attention: [Linear; 3],
    joined: Linear,
    joined_norm: LayerNorm,
    up: Linear,
    down: Linear,
    down_norm: LayerNorm,
}

#[derive(Debug)]
struct Bert {
    shape: Shape,
    words: Tensor,
    positions: Tensor,
    types: Option<Tensor>,
    norm: LayerNorm,
    layers: Vec<BertLayer>,
}

impl Bert {
    fn new(shape: Shape, loaded: &mut Loaded) -> Result<Bert, EmbedError> {
        let (h, names) = (shape.hidden, shape.names);
        let mut layers = Vec::new();
        for layer in 0..shape.layers {
            let name = |part: &str| names.layer(layer, part);
            let [q, k, v] = names.attention;
            let mut square = |part: &str| loaded.linear(&name(part), h, h, true);
            layers.push(BertLayer {
                attention: [square(q)?, square(k)?, square(v)?],
                joined: square(names.joined)?,
                joined_norm: loaded.norm(&name(names.joined_norm), h, shape.epsilon)?,
                up: loaded.linear(&name(names.up), h, shape.inner, true)?,
                down: loaded.linear(&name(names.down), shape.inner, h, true)?,
                down_norm: loaded.norm(&name(names.down_norm), h, shape.epsilon)?,
            });
        }
        Ok(Bert {
            words: loaded.take(names.words, &[shape.vocabulary, h])?,
            positions: loaded.take(names.positions, &[shape.positions, h])?,
            types: names
                .types
                .map(|name| loaded.take(name, &[shape.types, h])?.get(0).map_err(EmbedError::from))
                .transpose()?,
            norm: loaded.norm(names.norm, h, shape.epsilon)?,
            layers,
            shape,
        })
    }

    fn forward(&self, ids: &Tensor, texts: &[&[u32]]) -> candle_core::Result<Tensor> {
        let (batch, longest) = ids.dims2()?;
        let rows = |table: &Tensor, rows: &Tensor| table.embedding(rows)?.reshape((batch, longest, ()));
        let places = texts.iter().flat_map(|text| {
            let places = self.shape.rows(text).map(|row| row as u32);
            places.chain(std::iter::repeat(0)).take(longest)
        });
        let places = Tensor::from_vec(places.collect::<Vec<u32>>(), batch * longest, ids.device())?;
        let mut x = (rows(&self.words, &ids.flatten_all()?)? + rows(&self.positions, &places)?)?;
        if let Some(types) = &self.types {
            x = x.broadcast_add(types)?;
        }
        let seen = |text: &&[u32]| {
            let length = text.len();
            (0..longest).map(move |j| if j < length { 0.0 } else { f32::MIN })
        };
        let mask: Vec<f32> = texts.iter().flat_map(seen).collect();
        let mask = Tensor::from_vec(mask, (batch, 1, 1, longest), ids.device())?;
        x = self.norm.apply(&x)?;
        for layer in &self.layers {
            let [q, k, v] = &layer.attention;
            let [q, k, v] = [
                by_head(&q.apply(&x)?, self.shape.heads)?,
                by_head(&k.apply(&x)?, self.shape.heads)?,
                by_head(&v.apply(&x)?, self.shape.heads)?,
            ];
            let seen = layer.joined.apply(&joined(&attention(&q, &k, &v, &mask)?)?)?;
            x = layer.joined_norm.apply(&(x + seen)?)?;
            let inner = layer.down.apply(&layer.up.apply(&x)?.gelu_erf()?)?;
            x = layer.down_norm.apply(&(x + inner)?)?;
        }
        Ok(x)
    }
}

/// The sizes of a Mistral.
#[derive(Debug, Clone)]
pub struct MistralShape {
    pub hidden: usize,
    inner: usize,
    layers: usize,
    heads: usize,
    /// Heads of keys and values, each for `heads / shared` heads of queries.
    shared: usize,
    /// Width of a head.
    head: usize,
    pub vocabulary: usize,
    pub longest: usize,
    epsilon: f64,
    theta: f64,
    window: Option<usize>,
}

impl MistralShape {
    pub fn read(config: &Json) -> Result<MistralShape, EmbedError> {
        let (hidden, heads) = (config.whole("hidden_size")?, config.whole("num_attention_heads")?);
        let shared = config.optional_whole("num_key_value_heads")?.unwrap_or(heads);
        if heads % shared != 0 {
            return Err(config.invalid("num_key_value_heads", &format!("divide {heads}"), &shared.into()));
        }
        let head = config.optional_whole("head_dim")?.unwrap_or(hidden / heads);
        if head % 2 != 0 {
            return Err(config.invalid("head_dim", "be even", &head.into()));
        }
        let activation = config.text("hidden_act", "silu")?;
        if activation != "silu" {
            return Err(config.invalid("hidden_act", "be silu", &activation.into()));
        }
        // newer files keep it inside of rope_parameters
        let parameters = config.get("rope_parameters").or(config.get("rope_scaling"));
        let inside = parameters.and_then(|inside| inside.get("rope_theta")).and_then(Value::as_f64);
        let kind = parameters.and_then(|inside| inside.get("rope_type").or(inside.get("type")));
        if let Some(kind) = kind.filter(|kind| kind.as_str() != Some("default")) {
            return Err(config.invalid("rope_type", "be default", kind));
        }
        Ok(MistralShape {
            hidden,
            inner: config.whole("intermediate_size")?,
            layers: config.whole("num_hidden_layers")?,
            heads,
            shared,
            head,
            vocabulary: config.whole("vocab_size")?,
            longest: config.whole("max_position_embeddings")?,
            epsilon: config.real("rms_norm_eps", 1e-6)?,
            theta: config.real("rope_theta", inside.unwrap_or(10_000.0))?,
            window: config.optional_whole("sliding_window")?,
        })
    }
}

#[derive(Debug)]
struct MistralLayer {
    before_attention: Tensor,
    queries: Linear,
    keys: Linear,
    values: Linear,
    joined: Linear,
    before_inner: Tensor,
    gate: Linear,
    up: Linear,
    down: Linear,
}

#[derive(Debug)]
struct Mistral {
    shape: MistralShape,
    words: Tensor,
    layers: Vec<MistralLayer>,
    last: Tensor,
}

impl Mistral {
    fn new(shape: MistralShape, loaded: &mut Loaded) -> Result<Mistral, EmbedError> {
        let (h, all, shared) = (shape.hidden, shape.heads * shape.head, shape.shared * shape.head);
        let mut layers = Vec::new();
        for layer in 0..shape.layers {
            let name = |part: &str| format!("layers.{layer}.{part}");
            layers.push(MistralLayer {
                before_attention: loaded.scale(&name("input_layernorm"), h)?,
                queries: loaded.linear(&name("self_attn.q_proj"), h, all, false)?,
                keys: loaded.linear(&name("self_attn.k_proj"), h, shared, false)?,
                values: loaded.linear(&name("self_attn.v_proj"), h, shared, false)?,
                joined: loaded.linear(&name("self_attn.o_proj"), all, h, false)?,
                before_inner: loaded.scale(&name("post_attention_layernorm"), h)?,
                gate: loaded.linear(&name("mlp.gate_proj"), h, shape.inner, false)?,
                up: loaded.linear(&name("mlp.up_proj"), h, shape.inner, false)?,
                down: loaded.linear(&name("mlp.down_proj"), shape.inner, h, false)?,
            });
        }
        let words = loaded.take("embed_tokens.weight", &[shape.vocabulary, h])?;
        Ok(Mistral { words, layers, last: loaded.scale("norm", h)?, shape })
    }

    fn forward(&self, ids: &Tensor, dtype: DType) -> candle_core::Result<Tensor> {
        let MistralShape { heads, shared, head, epsilon, theta, window, .. } = self.shape;
        let (batch, longest) = ids.dims2()?;
        let device = ids.device();
        let half = head / 2;
        let turn = |i: usize| (1.0 / theta.powf(2.0 * i as f64 / head as f64)) as f32;
        let angles: Vec<f32> = (0..longest).flat_map(|at| (0..half).map(move |i| at as f32 * turn(i))).collect();
        let angles = Tensor::from_vec(angles, (longest, half), device)?;
        let (cos, sin) = (angles.cos()?, angles.sin()?);
        let seen = |i: usize, j: usize| j <= i && window.is_none_or(|window| j + window > i);
        let mask = |i: usize| (0..longest).map(move |j| if seen(i, j) { 0.0 } else { f32::MIN });
        let mask = Tensor::from_vec((0..longest).flat_map(mask).collect::<Vec<f32>>(), (longest, longest), device)?;
        let rotated = |x: &Tensor| -> candle_core::Result<Tensor> {
            let wide = x.to_dtype(DType::F32)?;
            let (a, b) = (wide.narrow(D::Minus1, 0, half)?, wide.narrow(D::Minus1, half, half)?);
            let first = (a.broadcast_mul(&cos)? - b.broadcast_mul(&sin)?)?;
            let second = (b.broadcast_mul(&cos)? + a.broadcast_mul(&sin)?)?;
            Tensor::cat(&[first, second], D::Minus1)?.to_dtype(dtype)
        };
        // each head of keys stands for several heads of queries
        let spread = |x: Tensor| -> candle_core::Result<Tensor> {
            let (batch, shared, length, width) = x.dims4()?;
            let each = heads / shared;
            x.unsqueeze(2)?
                .expand((batch, shared, each, length, width))?
                .contiguous()?
                .reshape((batch, heads, length, width))
        };
        let mut x = self.words.embedding(&ids.flatten_all()?)?.reshape((batch, longest, ()))?;
        for layer in &self.layers {
            let normed = rms(&x, &layer.before_attention, epsilon)?;
            let q = rotated(&by_head(&layer.queries.apply(&normed)?, heads)?)?;
            let k = spread(rotated(&by_head(&layer.keys.apply(&normed)?, shared)?)?)?;
            let v = spread(by_head(&layer.values.apply(&normed)?, shared)?)?;
            x = (x + layer.joined.apply(&joined(&attention(&q, &k, &v, &mask)?)?)?)?;
            let normed = rms(&x, &layer.before_inner, epsilon)?;
            let inner = (layer.gate.apply(&normed)?.silu()? * layer.up.apply(&normed)?)?;
            x = (x + layer.down.apply(&inner)?)?;
        }
        rms(&x, &self.last, epsilon)
    }
}
