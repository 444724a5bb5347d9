//! Layers of encoders over `candle`: on graphics cards too, and in any number type.
//!
//! `candle` gives the tensors; the layers are written here because normalisation and softmax are computed in `f32` whatever the
//! number type, and weights are laid out so that a text's vector does not change with the texts beside it.

use super::error::EmbedError;
use super::settings::Dtype;
use super::weights::Tensors;
use candle_core::{D, DType, Device, Tensor};
use safetensors::tensor::TensorView;

/// Whether this build and this machine can use a graphics card.
pub(crate) fn has_cuda() -> bool {
    cfg!(feature = "cuda") && Device::new_cuda(0).is_ok()
}

/// The first graphics card with `cuda`, else the processor.
///
/// # Errors
///
/// With `cuda`, where this build or this machine cannot use one.
pub(crate) fn device(cuda: bool) -> Result<Device, EmbedError> {
    match cuda {
        false => Ok(Device::Cpu),
        true if !cfg!(feature = "cuda") => {
            let message = "this build is for the processor alone; build the one for graphics cards by `make cuda`";
            Err(EmbedError::Cuda(message.to_string()))
        }
        true => Device::new_cuda(0).map_err(|error| EmbedError::Cuda(error.to_string())),
    }
}

/// The number type as `candle` calls it.
pub(crate) fn number_type(dtype: Dtype) -> DType {
    match dtype {
        Dtype::F32 => DType::F32,
        Dtype::F16 => DType::F16,
        Dtype::Bf16 => DType::BF16,
    }
}

/// A tensor of a file on `device`, in the number type `dtype`; `None` for whole numbers, which no weight is.
///
/// # Errors
///
/// Where the device has no room for it.
pub(crate) fn tensor(view: &TensorView, device: &Device, dtype: DType) -> Result<Option<Tensor>, EmbedError> {
    use safetensors::Dtype;
    let kind = match view.dtype() {
        Dtype::F32 => DType::F32,
        Dtype::F16 => DType::F16,
        Dtype::BF16 => DType::BF16,
        _ => return Ok(None),
    };
    let tensor = Tensor::from_raw_buffer(view.data(), kind, view.shape(), &Device::Cpu)?;
    Ok(Some(tensor.to_dtype(dtype)?.to_device(device)?))
}

/// x ↦ x W + b
#[derive(Debug)]
pub(crate) struct Linear {
    /// (inputs x outputs)
    weight: Tensor,
    bias: Option<Tensor>,
}

impl Linear {
    pub(crate) fn apply(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let (batch, length, inputs) = x.dims3()?;
        let flat = x.reshape((batch * length, inputs))?.matmul(&self.weight)?;
        let flat = match &self.bias {
            Some(bias) => flat.broadcast_add(bias)?,
            None => flat,
        };
        flat.reshape((batch, length, ()))
    }
}

/// x ↦ (x - mean x) / √(variance x + epsilon) * weight + bias
#[derive(Debug)]
pub(crate) struct LayerNorm {
    weight: Tensor,
    bias: Option<Tensor>,
    epsilon: f64,
}

impl LayerNorm {
    pub(crate) fn apply(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let wide = x.to_dtype(DType::F32)?;
        let centred = wide.broadcast_sub(&wide.mean_keepdim(D::Minus1)?)?;
        let deviation = (centred.sqr()?.mean_keepdim(D::Minus1)? + self.epsilon)?.sqrt()?;
        let normed = centred.broadcast_div(&deviation)?.broadcast_mul(&self.weight)?;
        let normed = match &self.bias {
            Some(bias) => normed.broadcast_add(bias)?,
            None => normed,
        };
        normed.to_dtype(x.dtype())
    }
}

/// x ↦ x / √(mean x² + epsilon) * weight
#[derive(Debug)]
pub(crate) struct RmsNorm {
    weight: Tensor,
    epsilon: f64,
}

impl RmsNorm {
    pub(crate) fn apply(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let wide = x.to_dtype(DType::F32)?;
        let size = (wide.sqr()?.mean_keepdim(D::Minus1)? + self.epsilon)?.sqrt()?;
        wide.broadcast_div(&size)?.broadcast_mul(&self.weight)?.to_dtype(x.dtype())
    }
}

/// Layers made of the tensors `<name>.weight` and `<name>.bias`.
impl Tensors<Tensor> {
    /// The map of `inputs` numbers to `outputs`, with `bias` or without.
    ///
    /// # Errors
    ///
    /// Where a tensor is missing or has another shape.
    pub(crate) fn linear(
        &mut self,
        name: &str,
        inputs: usize,
        outputs: usize,
        bias: bool,
    ) -> Result<Linear, EmbedError> {
        let weight = self.take(&format!("{name}.weight"), &[outputs, inputs])?;
        let bias = bias.then(|| self.take(&format!("{name}.bias"), &[outputs])).transpose()?;
        // laid out as the product reads it, whose order of sums would follow the number of rows otherwise
        Ok(Linear { weight: weight.t()?.contiguous()?, bias })
    }

    /// The normalisation of vectors of length `width`, with `bias` or without.
    ///
    /// # Errors
    ///
    /// Where a tensor is missing or has another shape.
    pub(crate) fn layer_norm(
        &mut self,
        name: &str,
        width: usize,
        epsilon: f64,
        bias: bool,
    ) -> Result<LayerNorm, EmbedError> {
        let mut part = |part: &str| -> Result<Tensor, EmbedError> {
            Ok(self.take(&format!("{name}.{part}"), &[width])?.to_dtype(DType::F32)?)
        };
        let weight = part("weight")?;
        let bias = bias.then(|| part("bias")).transpose()?;
        Ok(LayerNorm { weight, bias, epsilon })
    }

    /// The normalisation by root mean squares of vectors of length `width`.
    ///
    /// # Errors
    ///
    /// Where the tensor is missing or has another shape.
    pub(crate) fn rms_norm(&mut self, name: &str, width: usize, epsilon: f64) -> Result<RmsNorm, EmbedError> {
        Ok(RmsNorm { weight: self.take(&format!("{name}.weight"), &[width])?.to_dtype(DType::F32)?, epsilon })
    }
}

/// Rotation by position: (a, b) ↦ (a cos t - b sin t, b cos t + a sin t), a and b the halves of a head of width d, of which
/// pair i turns by t = position * theta^(-2 i / d).
#[derive(Debug)]
pub(crate) struct Rotation {
    cos: Tensor,
    sin: Tensor,
}

impl Rotation {
    /// The rotation of heads of `width` numbers in texts of `longest` tokens.
    pub(crate) fn new(theta: f64, width: usize, longest: usize, device: &Device) -> candle_core::Result<Rotation> {
        let half = width / 2;
        let turn = |i: usize| (1.0 / theta.powf(2.0 * i as f64 / width as f64)) as f32;
        let angles: Vec<f32> = (0..longest).flat_map(|at| (0..half).map(move |i| at as f32 * turn(i))).collect();
        let angles = Tensor::from_vec(angles, (longest, half), device)?;
        Ok(Rotation { cos: angles.cos()?, sin: angles.sin()? })
    }

    /// `x` (…, length, width), rotated in `f32`.
    pub(crate) fn apply(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let half = x.dim(D::Minus1)? / 2;
        let wide = x.to_dtype(DType::F32)?;
        let (a, b) = (wide.narrow(D::Minus1, 0, half)?, wide.narrow(D::Minus1, half, half)?);
        let first = (a.broadcast_mul(&self.cos)? - b.broadcast_mul(&self.sin)?)?;
        let second = (b.broadcast_mul(&self.cos)? + a.broadcast_mul(&self.sin)?)?;
        Tensor::cat(&[first, second], D::Minus1)?.to_dtype(x.dtype())
    }
}

/// softmax(q kᵀ / √d + mask) v over (batch, heads, length, d)
pub(crate) fn attention(query: &Tensor, key: &Tensor, value: &Tensor, mask: &Tensor) -> candle_core::Result<Tensor> {
    let scale = 1.0 / (query.dim(D::Minus1)? as f64).sqrt();
    let scores = (query.matmul(&key.t()?.contiguous()?)? * scale)?.to_dtype(DType::F32)?.broadcast_add(mask)?;
    let shifted = scores.broadcast_sub(&scores.max_keepdim(D::Minus1)?)?.exp()?;
    let weights = shifted.broadcast_div(&shifted.sum_keepdim(D::Minus1)?)?;
    weights.to_dtype(value.dtype())?.matmul(value)
}

/// Mask (batch, 1, 1, length) that keeps tokens from seeing the padding behind texts of fewer than `length` tokens.
pub(crate) fn right_padding_mask(texts: &[&[u32]], length: usize, device: &Device) -> candle_core::Result<Tensor> {
    let seen = |text: &&[u32]| {
        let own = text.len();
        (0..length).map(move |j| if j < own { 0.0 } else { f32::MIN })
    };
    let mask: Vec<f32> = texts.iter().flat_map(seen).collect();
    Tensor::from_vec(mask, (texts.len(), 1, 1, length), device)
}

/// (batch, length, heads * d) as (batch, heads, length, d)
pub(crate) fn by_head(x: &Tensor, heads: usize) -> candle_core::Result<Tensor> {
    let (batch, length, width) = x.dims3()?;
    x.reshape((batch, length, heads, width / heads))?.transpose(1, 2)?.contiguous()
}

/// (batch, heads, length, d) as (batch, length, heads * d)
pub(crate) fn joined(x: &Tensor) -> candle_core::Result<Tensor> {
    let (batch, heads, length, width) = x.dims4()?;
    x.transpose(1, 2)?.contiguous()?.reshape((batch, length, heads * width))
}
