//! Models against sentence-transformers, and the two encoders against each other.

use super::architectures::Config;
use super::cache::Stored;
use super::embedder::shared;
use super::encoder::{Encoder, TensorEncoder};
use super::error::EmbedError;
use super::json::Json;
use super::model::{Model, ModelKey};
use super::settings::{Chunks, Device, Dtype, Settings};
use super::tensors::tensor;
use super::tokens::{LONGEST, Tokens, beginning};
use super::{open, weights};
use proptest::prelude::*;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The default model, unpacked by `make models`.
const MINILM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/.models/sentence-transformers/all-MiniLM-L6-v2");

fn key(folder: &str, dtype: Dtype) -> ModelKey {
    let folder = Path::new(folder);
    assert!(folder.join("config.json").exists(), "{} is missing: run `make models`", folder.display());
    ModelKey { folder: folder.to_path_buf(), cuda: false, dtype }
}

fn minilm() -> Arc<Model> {
    shared(key(MINILM, Dtype::F32)).unwrap()
}

/// Texts, their tokens and vectors.
fn oracle(file: &str) -> Vec<(String, Vec<u32>, Vec<f32>)> {
    let read = |record: &Value| {
        let ids = record["ids"].as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect();
        (record["text"].as_str().unwrap().to_string(), ids, numbers(record["vector"].as_str().unwrap()))
    };
    crate::oracle(file)["texts"].as_array().unwrap().iter().map(read).collect()
}

/// 32-bit numbers in base64, least significant byte first.
fn numbers(text: &str) -> Vec<f32> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for letter in text.bytes().filter(|letter| *letter != b'=') {
        bits = bits << 6 | ALPHABET.iter().position(|a| *a == letter).unwrap() as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn tokens_and_vectors_are_those_of_sentence_transformers() {
    let (model, oracle) = (minilm(), oracle("embed.json"));
    assert!(oracle.len() > 200);
    for (text, ids, _) in &oracle {
        assert_eq!(model.tokens.encode(text).unwrap(), *ids, "{text:.200}");
    }
    let texts: Vec<&str> = oracle.iter().map(|(text, _, _)| text.as_str()).collect();
    let vectors = model.encode(&texts, 2).unwrap();
    let mut worst = 0.0_f32;
    for ((text, _, expected), vector) in oracle.iter().zip(&vectors) {
        let difference = largest_difference(expected, vector);
        assert!(difference < 1e-6, "{difference} for {text:.200}");
        worst = worst.max(difference);
    }
    assert!(worst > 0.0, "the oracle is another program and cannot agree to the last bit");
}

#[test]
fn a_vector_does_not_depend_on_its_neighbours() {
    let oracle = oracle("embed.json");
    let texts: Vec<&str> = oracle.iter().map(|(text, _, _)| text.as_str()).step_by(3).collect();
    assert_alone_as_together(&minilm(), &texts);
    for name in ["tiny_mistral", "tiny_mpnet", "tiny_modernbert"] {
        assert_alone_as_together(&Model::load(&key(&fixture(name), Dtype::F32)).unwrap(), &texts);
    }
}

fn assert_alone_as_together(model: &Model, texts: &[&str]) {
    let together = model.encode(texts, 1).unwrap();
    let mut backwards = model.encode(&texts.iter().rev().copied().collect::<Vec<_>>(), 3).unwrap();
    backwards.reverse();
    assert_eq!(together, backwards);
    for (text, vector) in texts.iter().zip(&together) {
        assert_eq!(model.encode(&[text], 1).unwrap()[0], *vector, "{text:.200}");
    }
}

/// Vectors of `texts` by the encoder over candle, texts of very different lengths in one batch, so that there is padding.
fn padded(folder: &str, texts: &[&str]) -> Vec<Arc<[f32]>> {
    let folder = Path::new(folder);
    let model = Model::load(&key(folder.to_str().unwrap(), Dtype::F32)).unwrap();
    let config = Config::read(&Json::read(&folder.join("config.json")).unwrap()).unwrap();
    let cpu = candle_core::Device::Cpu;
    let kind = candle_core::DType::F32;
    let tensors = weights::Files::new(folder).tensors(folder, |view| tensor(view, &cpu, kind)).unwrap();
    let encoder = TensorEncoder::new(config, tensors, cpu).unwrap();
    let ids: Vec<Vec<u32>> = texts.iter().map(|text| model.tokens.encode(text).unwrap()).collect();
    let mut vectors = Vec::new();
    for ids in ids.chunks(7) {
        let batch: Vec<&[u32]> = ids.iter().map(Vec::as_slice).collect();
        encoder.encode(&batch, |_, rows| vectors.push(model.pool(rows))).unwrap();
    }
    vectors
}

#[test]
fn both_encoders_agree() {
    let oracle = oracle("embed.json");
    let texts: Vec<&str> = oracle.iter().map(|(text, _, _)| text.as_str()).step_by(5).collect();
    for (vector, expected) in padded(MINILM, &texts).iter().zip(minilm().encode(&texts, 2).unwrap()) {
        assert!(largest_difference(vector, &expected) < 1e-6);
    }
}

/// A folder of `test/oracle/`.
fn fixture(name: &str) -> String {
    format!("{}/test/oracle/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn mistral_is_that_of_transformers() {
    for name in ["tiny_mistral", "tiny_mistral_window"] {
        let model = Model::load(&key(&fixture(name), Dtype::F32)).unwrap();
        let oracle = oracle(&format!("{name}.json"));
        let texts: Vec<&str> = oracle.iter().map(|(text, _, _)| text.as_str()).collect();
        for (text, ids, _) in &oracle {
            assert_eq!(model.tokens.encode(text).unwrap(), *ids, "{name}: {text:.200}");
            assert_eq!(ids.last(), Some(&2), "the end token is kept when a text is cut");
        }
        for ((text, _, expected), vector) in oracle.iter().zip(model.encode(&texts, 2).unwrap()) {
            let difference = largest_difference(expected, &vector);
            assert!(difference < 1e-5, "{name}: {difference} for {text:.200}");
        }
        for dtype in [Dtype::F16, Dtype::Bf16] {
            let model = Model::load(&key(&fixture(name), dtype)).unwrap();
            for ((text, _, expected), vector) in oracle.iter().zip(model.encode(&texts, 2).unwrap()) {
                let cosine: f32 = expected.iter().zip(vector.iter()).map(|(a, b)| a * b).sum();
                assert!(cosine > 0.99, "{name} in {dtype:?}: {cosine} for {text:.200}");
            }
        }
    }
}

/// Runs of characters that tokenizers treat in their own ways, in any order.
fn awkward() -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::prelude::*;
    let pieces = prop_oneof![
        Just("word"),
        Just("a"),
        Just("Ärger"),
        Just("机"),
        Just("\u{20000}"),
        Just("\u{301}"),
        Just("\u{200d}"),
        Just(" "),
        Just("\n"),
        Just("\t"),
        Just("\u{a0}"),
        Just("."),
        Just("["),
        Just("]"),
        Just("[MASK]"),
        Just("[SEP]"),
        Just("\0"),
        Just("\u{1}"),
        Just("\u{85}"),
        Just("🙂"),
        Just("é"),
        Just("\u{1100}\u{1161}"),
        Just("क्ष"),
        Just("9"),
        Just("İ"),
        Just("\u{fffd}"),
        Just("--"),
        Just("\u{3000}"),
        Just("<s>"),
        Just("ﬁ"),
    ];
    let run = (pieces, prop_oneof![4 => 1usize..4, 2 => 90usize..400, 1 => 3000usize..9000])
        .prop_map(|(piece, n)| piece.repeat(n));
    proptest::collection::vec(run, 1..60).prop_map(|runs| runs.concat())
}

#[test]
fn a_cut_changes_no_token_that_is_kept() {
    use proptest::prelude::*;
    use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
    let bert = minilm();
    let mistral = Model::load(&key(&fixture("tiny_mistral"), Dtype::F32)).unwrap();
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(ProptestConfig::with_cases(300), rng);
    let check = |text: String| {
        for model in [bert.as_ref(), &mistral] {
            // what is too long for any tokenizer is cut to begin with
            let text = beginning(&text);
            prop_assert!(model.tokens.encode(text).unwrap() == model.tokens.encode_whole(text).unwrap());
        }
        Ok(())
    };
    runner.run(&awkward(), check).unwrap();
}

#[test]
fn a_hundred_megabytes_are_not_read() {
    let model = minilm();
    let long = 100 << 20;
    for piece in ["machine learning, ", "x", "机", " ", "\0", "!", "e\u{301}", "\n", "1", "\u{a0}", "data\u{a0}"] {
        let text = piece.repeat(long / piece.len());
        let short = piece.repeat(3000);
        assert_eq!(model.tokens.encode(&text).unwrap(), model.tokens.encode_whole(&short).unwrap(), "{piece:?}");
    }
}

/// One word without an end: other tokenizers than BERT's have no longest word.
#[test]
fn a_word_of_thirty_megabytes_is_cut() {
    for name in ["tiny_roberta", "tiny_mistral"] {
        let model = Model::load(&key(&fixture(name), Dtype::F32)).unwrap();
        for piece in ["x", "机", "\u{a0}"] {
            let ids = model.tokens.encode(&piece.repeat(10 << 20)).unwrap();
            assert_eq!(ids, model.tokens.encode_whole(beginning(&piece.repeat(1 << 20))).unwrap(), "{name} {piece:?}");
        }
    }
}

#[test]
fn relatives_of_bert_are_those_of_transformers() {
    for name in ["tiny_bert", "tiny_roberta", "tiny_distilbert"] {
        let model = Model::load(&key(&fixture(name), Dtype::F32)).unwrap();
        assert!(matches!(model.encoder, Encoder::Packed(_)));
        let oracle = oracle(&format!("{name}.json"));
        let texts: Vec<&str> = oracle.iter().map(|(text, _, _)| text.as_str()).collect();
        for ((text, ids, expected), vector) in oracle.iter().zip(model.encode(&texts, 2).unwrap()) {
            assert_eq!(model.tokens.encode(text).unwrap(), *ids, "{name}: {text:.200}");
            assert_eq!(vector.len(), model.dimensions());
            let difference = largest_difference(expected, &vector);
            assert!(difference < 1e-5, "{name}: {difference} for {text:.200}");
        }
        let half = Model::load(&key(&fixture(name), Dtype::F16)).unwrap();
        assert!(matches!(half.encoder, Encoder::Tensors(_)));
        for ((text, _, expected), vector) in oracle.iter().zip(half.encode(&texts, 2).unwrap()) {
            let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
            let cosine = product(expected, &vector) / (product(expected, expected) * product(&vector, &vector)).sqrt();
            assert!(cosine > 0.999, "{name}: {cosine} for {text:.200}");
        }
    }
}

#[test]
fn mpnet_and_modernbert_are_those_of_transformers() {
    for (name, is_packed) in [("tiny_mpnet", true), ("tiny_modernbert", false), ("tiny_modernbert_bias", false)] {
        let model = Model::load(&key(&fixture(name), Dtype::F32)).unwrap();
        assert_eq!(matches!(model.encoder, Encoder::Packed(_)), is_packed);
        let oracle = oracle(&format!("{name}.json"));
        let texts: Vec<&str> = oracle.iter().map(|(text, _, _)| text.as_str()).collect();
        let longest = oracle.iter().map(|(_, ids, _)| ids.len()).max();
        assert_eq!(longest, Some(128), "beyond the window and the last bucket of distances");
        let together = padded(&fixture(name), &texts);
        for (((text, ids, expected), vector), together) in
            oracle.iter().zip(model.encode(&texts, 2).unwrap()).zip(together)
        {
            assert_eq!(model.tokens.encode(text).unwrap(), *ids, "{name}: {text:.200}");
            for (way, vector) in [("alone", vector), ("padded", together)] {
                let difference = largest_difference(expected, &vector);
                assert!(difference < 1e-5, "{name}, {way}: {difference} for {text:.200}");
            }
        }
        let half = Model::load(&key(&fixture(name), Dtype::F16)).unwrap();
        for ((text, _, expected), vector) in oracle.iter().zip(half.encode(&texts, 2).unwrap()) {
            let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
            let cosine = product(expected, &vector) / (product(expected, expected) * product(&vector, &vector)).sqrt();
            assert!(cosine > 0.99, "{name}: {cosine} for {text:.200}");
        }
    }
}

#[test]
fn what_is_wrong_with_a_modernbert_is_said() {
    let edits = [
        (
            "tiny_mpnet",
            r#""relative_attention_num_buckets": 32"#,
            r#""relative_attention_num_buckets": 64"#,
            "must be 32, got 64",
        ),
        (
            "tiny_modernbert",
            r#""rope_type": "default""#,
            r#""rope_type": "yarn""#,
            "rope_type must be default, got \"yarn\"",
        ),
        (
            "tiny_modernbert",
            "sliding_attention\"\n",
            "other\"\n",
            "layer_types must say full_attention or sliding_attention for each of 3",
        ),
        (
            "tiny_modernbert",
            r#""sep_token_id""#,
            r#""rope_scaling": {"factor": 2}, "sep_token_id""#,
            "rope_scaling must be null, got {\"factor\":2}",
        ),
        (
            "tiny_modernbert",
            r#""hidden_activation": "gelu""#,
            r#""hidden_activation": "relu""#,
            "hidden_activation must be gelu",
        ),
        (
            "tiny_modernbert",
            r#""num_attention_heads": 4"#,
            r#""num_attention_heads": 32"#,
            "num_attention_heads must divide half of hidden_size, 32, got 32",
        ),
    ];
    for (name, from, to, expected) in edits {
        let message = refusal(name, |folder| edit(&folder.join("config.json"), from, to));
        assert!(message.contains(expected), "{to}: {message}");
    }
}

#[test]
fn static_models_are_those_of_model2vec() {
    for name in ["tiny_model2vec", "tiny_model2vec_shared", "tiny_model2vec_int8"] {
        let model = Model::load(&key(&fixture(name), Dtype::F32)).unwrap();
        let oracle = oracle(&format!("{name}.json"));
        let texts: Vec<&str> = oracle.iter().map(|(text, _, _)| text.as_str()).collect();
        for ((text, ids, expected), vector) in oracle.iter().zip(model.encode(&texts, 2).unwrap()) {
            assert_eq!(model.tokens.encode(text).unwrap(), *ids, "{name}: {text:.200}");
            let difference = largest_difference(expected, &vector);
            assert!(difference < 1e-6, "{name}: {difference} for {text:.200}");
        }
        assert_alone_as_together(&model, &texts);
    }
}

#[test]
fn what_is_wrong_with_a_static_model_is_said() {
    let config =
        |from: &'static str, to: &'static str| move |folder: &Path| edit(&folder.join("config.json"), from, to);
    let message = refusal("tiny_model2vec_shared", config("\"max_length\": 20", "\"max_length\": -1"));
    assert!(message.contains("max_length must be a whole number of at least 1, got -1"), "{message}");
    let message = refusal("tiny_model2vec_shared", config("\"normalize\": false", "\"normalize\": 1"));
    assert!(message.contains("normalize must be true or false, got 1"), "{message}");
    let message = refusal("tiny_model2vec", |folder| {
        std::fs::copy(Path::new(MINILM).join("tokenizer.json"), folder.join("tokenizer.json")).unwrap();
    });
    assert!(message.contains("knows 30522 tokens, the model only"), "{message}");
    let message = refusal("tiny_model2vec", |folder| {
        std::fs::copy(fixture("tiny_bert") + "/model.safetensors", folder.join("model.safetensors")).unwrap();
    });
    assert!(message.contains("lack the tensor embeddings"), "{message}");
    // the first row of the mapping, in 32 bits
    for (row, ok) in [(39_i32, true), (40, false), (-1, false)] {
        let model = loaded("tiny_model2vec_shared", |folder| {
            let mut bytes = std::fs::read(folder.join("model.safetensors")).unwrap();
            let at = {
                let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
                tensors.tensor("mapping").unwrap().data().as_ptr() as usize - bytes.as_ptr() as usize
            };
            bytes[at..at + 4].copy_from_slice(&row.to_le_bytes());
            std::fs::write(folder.join("model.safetensors"), bytes).unwrap();
        });
        match model {
            Ok(_) => assert!(ok, "{row}"),
            Err(error) => {
                assert!(!ok && error.to_string().contains("its mapping must lead to one of 40 rows"), "{error}")
            }
        }
    }
}

/// Number types of the same width, written over those of the file.
#[test]
fn number_types_are_read_or_refused_by_name() {
    let retyped = |from: &'static str, to: &'static str| {
        move |folder: &Path| {
            let path = folder.join("model.safetensors");
            let mut bytes = std::fs::read(&path).unwrap();
            let (from, to) = [from, to].map(|name| format!("\"dtype\":\"{name}\"")).into();
            let places: Vec<usize> = bytes
                .windows(from.len())
                .enumerate()
                .filter(|(_, w)| *w == from.as_bytes())
                .map(|(at, _)| at)
                .collect();
            assert!(!places.is_empty());
            places.iter().for_each(|at| bytes[*at..at + to.len()].copy_from_slice(to.as_bytes()));
            std::fs::write(path, bytes).unwrap();
        }
    };
    let texts = ["learning to rank", "x"];
    let vectors = |model: Model| model.encode(&texts, 1).unwrap();
    let signed = loaded("tiny_model2vec_shared", |_| ()).map(vectors).unwrap();
    let unsigned = loaded("tiny_model2vec_shared", retyped("I32", "U32")).map(vectors).unwrap();
    assert_eq!(signed, unsigned);
    for (name, from, to, expected) in [
        ("tiny_model2vec_shared", "F64", "I64", "its weights must be floating point numbers"),
        ("tiny_model2vec", "F32", "U32", "its embeddings must be of signed 8-bit numbers or floating point numbers"),
        ("tiny_bert", "F16", "I16", "must be of numbers of the type F32, F16 or BF16, got I16"),
    ] {
        let message = refusal(name, retyped(from, to));
        assert!(message.contains(expected), "{name}: {message}");
    }
}

/// Error of loading a copy of a fixture after `change`.
fn refusal(name: &str, change: impl Fn(&Path)) -> String {
    loaded(name, change).unwrap_err().to_string()
}

/// A copy of a fixture, loaded after `change`.
fn loaded(name: &str, change: impl Fn(&Path)) -> Result<Model, EmbedError> {
    static COPIES: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let number = COPIES.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let copy = std::env::temp_dir().join(format!("muster-embed-{}-{number}", std::process::id()));
    let _ = std::fs::remove_dir_all(&copy);
    for (from, to) in [("", ""), ("1_Pooling", "1_Pooling")] {
        if !Path::new(&fixture(name)).join(from).exists() {
            continue;
        }
        std::fs::create_dir_all(copy.join(to)).unwrap();
        for entry in std::fs::read_dir(Path::new(&fixture(name)).join(from)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                std::fs::copy(&path, copy.join(to).join(path.file_name().unwrap())).unwrap();
            }
        }
    }
    change(&copy);
    let model = Model::load(&ModelKey { folder: copy.clone(), cuda: false, dtype: Dtype::F32 });
    std::fs::remove_dir_all(&copy).unwrap();
    model
}

/// Files of models, of weights the header, and how many bytes of each may be changed.
const OUTSIDE: [(&str, &str, usize); 8] = [
    ("tiny_bert", "config.json", usize::MAX),
    ("tiny_bert", "tokenizer.json", usize::MAX),
    ("tiny_bert", "modules.json", usize::MAX),
    ("tiny_bert", "1_Pooling/config.json", usize::MAX),
    ("tiny_bert", "model.safetensors", 2000),
    ("tiny_model2vec", "config.json", usize::MAX),
    ("tiny_model2vec", "tokenizer.json", usize::MAX),
    ("tiny_model2vec_shared", "model.safetensors", usize::MAX),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// A model with other bytes in one of its files is an error, or one that embeds as models do.
    #[test]
    fn any_change_of_a_model_is_an_error_or_a_model(
        (name, file, length) in prop::sample::select(&OUTSIDE[..]),
        places in prop::collection::vec((any::<prop::sample::Index>(), "[0-9]|[\"{}\\[\\],:.e-]|null|99999999|\\x00"), 1..4),
        cut in prop::option::weighted(0.1, any::<prop::sample::Index>()),
    ) {
        let changed = loaded(name, |folder| {
            let path = folder.join(file);
            let mut bytes = std::fs::read(&path).unwrap();
            for (place, text) in &places {
                let at = place.index(bytes.len().min(length));
                let end = bytes.len().min(at + text.len());
                bytes.splice(at..end, text.bytes());
            }
            if let Some(cut) = cut {
                bytes.truncate(cut.index(bytes.len()));
            }
            std::fs::write(path, bytes).unwrap();
        });
        if let Ok(model) = changed {
            let vectors = model.encode(&["a text", ""], 1);
            prop_assert!(vectors.is_err() || vectors.unwrap().iter().flat_map(|v| v.iter()).all(|x| x.is_finite()));
        }
    }
}

/// No JSON has a byte 0 (RFC 8259), wherever it stands, and whatever the crate that reads it does then.
#[test]
fn a_tokenizer_with_a_byte_0_is_an_error_that_names_the_file() {
    let folder = fixture("tiny_bert");
    let whole = std::fs::read(Path::new(&folder).join("tokenizer.json")).unwrap();
    let read = |bytes: &[u8]| Tokens::read(Path::new("a model"), bytes, 48, "", false);
    assert!(read(&whole).is_ok());
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] = 0;
        let message = read(&bytes).unwrap_err().to_string();
        assert!(message.contains("a model/tokenizer.json' cannot be read: not JSON"), "{at}: {message}");
    }
}

/// Replaces a text in a file.
fn edit(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from} is not in {}", path.display());
    std::fs::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn what_is_wrong_with_a_model_is_said() {
    let edits = [
        (
            "config.json",
            r#""model_type": "bert""#,
            r#""model_type": "t5""#,
            "model_type must be one of bert, camembert, distilbert, mistral, model2vec, modernbert, mpnet, roberta, xlm-roberta, got \"t5\"",
        ),
        ("config.json", r#""hidden_act": "gelu""#, r#""hidden_act": "relu""#, "hidden_act must be gelu, got \"relu\""),
        (
            "config.json",
            r#""hidden_size": 32"#,
            r#""hidden_size": "wide""#,
            "hidden_size must be a whole number of at least 1, got \"wide\"",
        ),
        (
            "config.json",
            r#""num_attention_heads": 4"#,
            r#""num_attention_heads": 5"#,
            "num_attention_heads must divide hidden_size, 32, got 5",
        ),
        (
            "config.json",
            r#""num_attention_heads": 4"#,
            r#""num_attention_heads": 0"#,
            "num_attention_heads must be a whole number of at least 1, got 0",
        ),
        ("config.json", r#""vocab_size": 400"#, r#""vocab_size": 500"#, "embeddings.word_embeddings.weight"),
        (
            "config.json",
            r#""num_hidden_layers": 2"#,
            r#""num_hidden_layers": 3"#,
            "lack the tensor encoder.layer.2.attention.output.LayerNorm.weight",
        ),
        (
            "config.json",
            r#""intermediate_size": 56"#,
            r#""intermediate_size": 64"#,
            "must have the shape [64, 32], got [56, 32]",
        ),
        ("config.json", "{", "[", "not JSON"),
        (
            "config.json",
            r#""intermediate_size": 56"#,
            r#""intermediate_size": 56000000"#,
            "set a smaller max_seq_length in its sentence_bert_config.json",
        ),
        (
            "tokenizer.json",
            r#""normalizer": null"#,
            // four bytes that promise four thousand million
            r#""normalizer": {"type": "Precompiled", "precompiled_charsmap": "8P///2FiY2Q="}"#,
            "its precompiled_charsmap is damaged",
        ),
        ("modules.json", "models.Pooling", "models.Dense", "the type of step 1 must be Transformer, then Pooling"),
        (
            "modules.json",
            r#""path": "1_Pooling""#,
            r#""path": "../1_Pooling""#,
            "the path of step 1 must lead to a folder inside, got \"../1_Pooling\"",
        ),
        ("modules.json", "models.Transformer", "models.CLIPModel", "the type of step 0 must be Transformer"),
        (
            "1_Pooling/config.json",
            "pooling_mode_cls_token",
            "pooling_mode_weightedmean_tokens",
            "pooling_mode_weightedmean_tokens must be false, got true",
        ),
        ("1_Pooling/config.json", "{", r#"{"include_prompt": false,"#, "include_prompt must be true, got false"),
        (
            "1_Pooling/config.json",
            "{",
            r#"{"pooling_mode": "attention","#,
            "pooling_mode must be one or more of cls, max, mean, lasttoken, got \"attention\"",
        ),
        (
            "config_sentence_transformers.json",
            r#""default_prompt_name": "query""#,
            r#""default_prompt_name": "none""#,
            "default_prompt_name must be the name of a prompt, got \"none\"",
        ),
        ("sentence_bert_config.json", "48", "2", "its template adds 2 tokens, the model reads 2"),
        (
            "tokenizer_config.json",
            "{",
            r#"{"truncation_side": "left","#,
            "truncation_side must be \"right\", got \"left\"",
        ),
        ("tokenizer.json", "\"model\"", "\"modell\"", "tokenizer.json' cannot be read"),
    ];
    for (file, from, to, expected) in edits {
        let message = refusal("tiny_bert", |folder| edit(&folder.join(file), from, to));
        assert!(message.contains(expected), "{file}, {to}: {message}");
    }
    for (file, expected) in [
        ("config.json", "config.json' cannot be read"),
        ("tokenizer.json", "tokenizer.json' cannot be read"),
        ("model.safetensors", "a model needs its weights as safetensors"),
        ("1_Pooling/config.json", "config.json' cannot be read"),
    ] {
        let message = refusal("tiny_bert", |folder| std::fs::remove_file(folder.join(file)).unwrap());
        assert!(message.contains(expected), "{file}: {message}");
    }
    let message = refusal("tiny_bert", |folder| {
        let weights = std::fs::read(folder.join("model.safetensors")).unwrap();
        std::fs::write(folder.join("model.safetensors"), &weights[..weights.len() - 100]).unwrap();
    });
    assert!(message.contains("not a safetensors file"), "{message}");
    // NaN, infinity and its negative in 16 bits
    for number in [0x7e00_u16, 0x7c00, 0xfc00] {
        let message = refusal("tiny_bert", |folder| {
            let mut bytes = std::fs::read(folder.join("model.safetensors")).unwrap();
            let at = {
                let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
                let tensor = tensors.tensor("embeddings.LayerNorm.weight").unwrap();
                tensor.data().as_ptr() as usize - bytes.as_ptr() as usize
            };
            bytes[at..at + 2].copy_from_slice(&number.to_le_bytes());
            std::fs::write(folder.join("model.safetensors"), bytes).unwrap();
        });
        assert!(message.contains("tensor embeddings.LayerNorm.weight of"), "{message}");
        assert!(message.contains("must hold finite numbers"), "{message}");
    }
    let message = refusal("tiny_bert", |folder| {
        std::fs::copy(Path::new(MINILM).join("tokenizer.json"), folder.join("tokenizer.json")).unwrap();
    });
    assert!(message.contains("knows 30522 tokens, the model only 400"), "{message}");
    let message = refusal("tiny_mistral_window", |folder| {
        edit(&folder.join("model.safetensors.index.json"), "model-00002-of-00003", "../model-00002-of-00003");
    });
    assert!(message.contains("must be the name of a file"), "{message}");
    let message = refusal("tiny_mistral_window", |folder| {
        edit(&folder.join("config.json"), "\"rope_type\": \"default\"", "\"rope_type\": \"yarn\"");
    });
    assert!(message.contains("rope_type must be default, got \"yarn\""), "{message}");
}

/// The smallest model.
fn settings(device: Device, store: Option<PathBuf>) -> Settings {
    Settings { model: fixture("tiny_bert"), device, dtype: Dtype::F32, chunks: Chunks::First, store }
}

#[test]
fn windows_are_all_tokens_of_a_text() {
    for name in ["tiny_bert", "tiny_roberta", "tiny_mistral", "tiny_mpnet", "tiny_modernbert", "tiny_model2vec"] {
        let model = Model::load(&key(&fixture(name), Dtype::F32)).unwrap();
        for text in ["", " ", "a", "machine learning", &"machine learning research ".repeat(9)] {
            assert_eq!(model.tokens.windows(text).unwrap(), [model.tokens.encode(text).unwrap()], "{name}: {text}");
        }
    }
    // <s> and </s> around 46 tokens, in which "query: " comes once
    let model = Model::load(&key(&fixture("tiny_bert"), Dtype::F32)).unwrap();
    let text = "research ".repeat(100);
    let windows = model.tokens.windows(&text).unwrap();
    assert_eq!(windows[0], model.tokens.encode(&text).unwrap());
    let own: Vec<usize> = windows.iter().map(|window| model.tokens.own(window)).collect();
    assert!(own[..own.len() - 1].iter().all(|own| *own == 46) && own.len() > 2, "{own:?}");
    assert!(windows.iter().all(|window| window.first() == Some(&1) && window.last() == Some(&2)));
    let word = windows[1][20];
    let count = windows.iter().flatten().filter(|token| **token == word).count();
    assert_eq!(count, 100, "{word}");
    // as long as it may be
    let windows = model.tokens.windows(&"x ".repeat(LONGEST)).unwrap();
    let tokens: usize = windows.iter().map(|window| model.tokens.own(window)).sum();
    let expected = model.tokens.windows(&"x ".repeat(LONGEST / 2)).unwrap();
    assert!(tokens > 100_000 && windows.len().abs_diff(expected.len()) <= 1);
}

/// The mean of windows by hand: vectors of texts that are the windows, weighted by their tokens.
#[test]
fn the_vector_of_a_long_text_is_the_mean_of_its_windows() {
    for name in ["tiny_mpnet", "tiny_distilbert", "tiny_model2vec_shared"] {
        let model = Model::load(&key(&fixture(name), Dtype::F32)).unwrap();
        let texts = ["short", "", &"machine learning and data science ".repeat(100), &"research x ".repeat(400)];
        let found = model.encode_windows(&texts, 2).unwrap();
        let first = model.encode(&texts, 2).unwrap();
        assert_eq!(found[..2], first[..2], "{name}");
        for (text, found) in texts.iter().zip(&found).skip(2) {
            let windows = model.tokens.windows(text).unwrap();
            assert!(windows.len() > 2, "{name}");
            let mut mean = vec![0.0_f64; model.dimensions()];
            let mut tokens = 0.0;
            for window in &windows {
                let weight = model.tokens.own(window) as f64;
                let mut vector = Vec::new();
                model.encoder.encode(&[window], |_, rows| vector = model.pool(rows).to_vec()).unwrap();
                mean.iter_mut().zip(vector).for_each(|(sum, x)| *sum += weight * f64::from(x));
                tokens += weight;
            }
            mean.iter_mut().for_each(|sum| *sum /= tokens);
            let length = mean.iter().map(|x| x * x).sum::<f64>().sqrt();
            let scale = if name == "tiny_mpnet" { length } else { 1.0 };
            for (x, expected) in found.iter().zip(&mean) {
                assert!((f64::from(*x) - expected / scale).abs() < 1e-5, "{name}: {x} {expected}");
            }
        }
        // of one token many times over, every window of full length says the same
        assert_eq!(model.encode_windows(&texts[2..], 1).unwrap(), found[2..]);
    }
}

#[test]
fn windows_and_beginnings_are_remembered_apart() {
    let first = settings(Device::Cpu, None);
    let mean = Settings { chunks: Chunks::Mean, ..first.clone() };
    let text = "machine learning ".repeat(100);
    let one = |settings: &Settings| open(settings).unwrap().embed(&[&text], 1).unwrap().remove(0);
    let (begun, whole) = (one(&first), one(&mean));
    assert_ne!(begun, whole);
    assert!(Arc::ptr_eq(&begun, &one(&first)) && Arc::ptr_eq(&whole, &one(&mean)));
}

#[test]
fn the_store_is_read_before_and_written_after() {
    let path = std::env::temp_dir().join(format!("muster-embed-store-{}.sqlite", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let settings = settings(Device::Cpu, Some(path.clone()));
    let embedder = open(&settings).unwrap();
    let model =
        shared(ModelKey { folder: Path::new(&settings.model).canonicalize().unwrap(), cuda: false, dtype: Dtype::F32 });
    let model = model.unwrap();
    let (hash, dimensions) = (model.hash(), model.dimensions());
    let stored = Stored::open(&path).unwrap();
    // what stands in the store is believed, so it was not computed
    let fake: Arc<[f32]> = vec![7.0; dimensions].into();
    stored.put(hash, [("in the store", &fake)].into_iter()).unwrap();
    let vectors = embedder.embed(&["in the store", "computed", "in the store"], 2).unwrap();
    assert_eq!(vectors[0], fake);
    assert_eq!(vectors[2], fake);
    let found = stored.get(hash, &["computed"], dimensions).unwrap();
    assert_eq!(found, [Some(vectors[1].clone())]);
    // remembered in this process, by the same model opened again without a store
    let again = open(&Settings { store: None, ..settings.clone() }).unwrap();
    assert!(Arc::ptr_eq(&again.embed(&["computed"], 1).unwrap()[0], &vectors[1]));
    // and what was only remembered is stored once a store is named
    let remembered = again.embed(&["only remembered"], 1).unwrap();
    let with_store = embedder.embed(&["only remembered"], 1).unwrap();
    let found = stored.get(hash, &["only remembered"], dimensions).unwrap();
    assert!(Arc::ptr_eq(&with_store[0], &remembered[0]) && found == [Some(remembered[0].clone())]);
    std::fs::remove_file(&path).unwrap();
}

#[cfg(not(feature = "cuda"))]
#[test]
fn graphics_cards_need_their_own_build() {
    let settings = settings(Device::Cuda, None);
    let message = open(&settings).unwrap_err().to_string();
    assert!(message.starts_with("device must be 'auto' or 'cpu', got 'cuda'"), "{message}");
}
