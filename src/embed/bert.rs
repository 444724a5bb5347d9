//! What BERT and its relatives have in common and where they differ: sizes, names of tensors, numbering of positions.

use super::EmbedError;
use super::config::Json;
use serde_json::Value;

/// Names of the tensors of a family; those of a layer stand behind its prefix and number.
#[derive(Debug, Clone, Copy)]
pub struct Names {
    pub words: &'static str,
    pub positions: &'static str,
    pub types: Option<&'static str>,
    pub norm: &'static str,
    pub layers: &'static str,
    /// Queries, keys, values.
    pub attention: [&'static str; 3],
    pub joined: &'static str,
    pub joined_norm: &'static str,
    pub up: &'static str,
    pub down: &'static str,
    pub down_norm: &'static str,
}

impl Names {
    pub fn layer(&self, layer: usize, part: &str) -> String {
        format!("{}.{layer}.{part}", self.layers)
    }
}

const BERT: Names = Names {
    words: "embeddings.word_embeddings.weight",
    positions: "embeddings.position_embeddings.weight",
    types: Some("embeddings.token_type_embeddings.weight"),
    norm: "embeddings.LayerNorm",
    layers: "encoder.layer",
    attention: ["attention.self.query", "attention.self.key", "attention.self.value"],
    joined: "attention.output.dense",
    joined_norm: "attention.output.LayerNorm",
    up: "intermediate.dense",
    down: "output.dense",
    down_norm: "output.LayerNorm",
};

const DISTILBERT: Names = Names {
    types: None,
    layers: "transformer.layer",
    attention: ["attention.q_lin", "attention.k_lin", "attention.v_lin"],
    joined: "attention.out_lin",
    joined_norm: "sa_layer_norm",
    up: "ffn.lin1",
    down: "ffn.lin2",
    down_norm: "output_layer_norm",
    ..BERT
};

/// The sizes of an encoder.
#[derive(Debug, Clone)]
pub struct Shape {
    pub names: Names,
    pub hidden: usize,
    pub inner: usize,
    pub layers: usize,
    pub heads: usize,
    pub vocabulary: usize,
    /// Rows of the table of positions, the unused ones at its beginning included.
    pub positions: usize,
    /// RoBERTa's token of padding: it has the row of its own number, and the others count from the next one on.
    padding: Option<usize>,
    pub types: usize,
    pub epsilon: f64,
}

/// The architectures that can be computed, for errors.
pub const SUPPORTED: &str = "be one of bert, camembert, distilbert, mistral, roberta, xlm-roberta";

impl Shape {
    /// From `config.json` of a model of type `kind`; `None` for another family.
    pub fn read(config: &Json, kind: &str) -> Result<Option<Shape>, EmbedError> {
        let roberta = matches!(kind, "roberta" | "xlm-roberta" | "camembert");
        let distilbert = kind == "distilbert";
        if !roberta && !distilbert && kind != "bert" {
            return Ok(None);
        }
        let [hidden, inner, layers, heads, activation] = match distilbert {
            true => ["dim", "hidden_dim", "n_layers", "n_heads", "activation"],
            false => ["hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "hidden_act"],
        };
        let shape = Shape {
            names: if distilbert { DISTILBERT } else { BERT },
            hidden: config.whole(hidden)?,
            inner: config.whole(inner)?,
            layers: config.whole(layers)?,
            heads: config.whole(heads)?,
            vocabulary: config.whole("vocab_size")?,
            positions: config.whole("max_position_embeddings")?,
            padding: roberta.then(|| config.get("pad_token_id").and_then(Value::as_u64).unwrap_or(1) as usize),
            types: config.optional_whole("type_vocab_size")?.unwrap_or(1),
            epsilon: config.real("layer_norm_eps", 1e-12)?,
        };
        if !shape.hidden.is_multiple_of(shape.heads) {
            return Err(config.invalid(heads, &format!("divide {hidden}, {}", shape.hidden), &shape.heads.into()));
        }
        if shape.unused() >= shape.positions {
            return Err(config.invalid("pad_token_id", "leave positions for tokens", &config.value["pad_token_id"]));
        }
        let gelu = config.text(activation, "gelu")?;
        if gelu != "gelu" {
            return Err(config.invalid(activation, "be gelu", &gelu.into()));
        }
        let positions = config.text("position_embedding_type", "absolute")?;
        if positions != "absolute" {
            return Err(config.invalid("position_embedding_type", "be absolute", &positions.into()));
        }
        if config.flag("is_decoder", false)? {
            return Err(config.invalid("is_decoder", "be false", &Value::Bool(true)));
        }
        Ok(Some(shape))
    }

    /// Rows of the table of positions before that of a text's first token.
    fn unused(&self) -> usize {
        self.padding.map_or(0, |padding| padding.saturating_add(1))
    }

    /// Tokens of the longest text.
    pub fn longest(&self) -> usize {
        self.positions - self.unused()
    }

    /// The rows of the table of positions for the tokens of a text.
    pub fn rows<'a>(&self, tokens: &'a [u32]) -> impl Iterator<Item = usize> + use<'a> {
        let padding = self.padding;
        let mut next = self.unused();
        tokens.iter().map(move |&token| match padding {
            Some(padding) if token as usize == padding => padding,
            _ => {
                next += 1;
                next - 1
            }
        })
    }
}
