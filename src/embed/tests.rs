//! Against sentence-transformers, and the two encoders against each other.

use super::*;
use serde_json::Value;

/// The default model, unpacked by `make models`.
const MINILM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/.models/sentence-transformers/all-MiniLM-L6-v2");

fn choice(folder: &str, dtype: Dtype) -> Choice {
    let folder = Path::new(folder);
    assert!(folder.join("config.json").exists(), "{} is missing: run `make models`", folder.display());
    Choice { folder: folder.to_path_buf(), cuda: false, dtype }
}

fn minilm() -> Arc<Model> {
    shared(choice(MINILM, Dtype::F32)).unwrap()
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
    let (model, oracle) = (minilm(), oracle("embed.json"));
    let texts: Vec<&str> = oracle.iter().map(|(text, _, _)| text.as_str()).step_by(3).collect();
    let together = model.encode(&texts, 1).unwrap();
    let mut backwards = model.encode(&texts.iter().rev().copied().collect::<Vec<_>>(), 3).unwrap();
    backwards.reverse();
    assert_eq!(together, backwards);
    for (text, vector) in texts.iter().zip(&together) {
        assert_eq!(model.encode(&[text], 1).unwrap()[0], *vector, "{text:.200}");
    }
}

#[test]
fn both_encoders_agree() {
    let (packed, oracle) = (minilm(), oracle("embed.json"));
    let texts: Vec<&str> = oracle.iter().map(|(text, _, _)| text.as_str()).step_by(5).collect();
    let mut files = weights::Files::new(Path::new(MINILM));
    let shape = Shape::read(&Json::read(&Path::new(MINILM).join("config.json")).unwrap(), "bert").unwrap().unwrap();
    let tensors = TensorEncoder::bert(shape, &mut files, Path::new(MINILM), false, Dtype::F32).unwrap();
    let expected = packed.encode(&texts, 2).unwrap();
    let ids: Vec<Vec<u32>> = texts.iter().map(|text| packed.tokens.encode(text).unwrap()).collect();
    // texts of very different lengths in one batch, so that there is padding
    for (ids, expected) in ids.chunks(7).zip(expected.chunks(7)) {
        let batch: Vec<&[u32]> = ids.iter().map(Vec::as_slice).collect();
        let mut vectors = Vec::new();
        tensors.encode(&batch, |i, rows| vectors.push(packed.pool(rows, batch[i].len()))).unwrap();
        for (vector, expected) in vectors.iter().zip(expected) {
            assert!(largest_difference(vector, expected) < 1e-6);
        }
    }
}

#[test]
fn batches_hold_every_text_once() {
    for threads in [1, 2, 16] {
        for lengths in [vec![], vec![3], vec![0, 5, 0], vec![600, 1, 2], (0..500).map(|i| i % 70).collect()] {
            let ids: Vec<Vec<u32>> = lengths.iter().map(|&n| vec![7; n]).collect();
            let batches = batches(&ids, threads);
            let mut all: Vec<usize> = batches.iter().flatten().copied().collect();
            all.sort_unstable();
            assert_eq!(all, (0..ids.len()).filter(|&i| lengths[i] > 0).collect::<Vec<_>>());
            for batch in &batches {
                assert!(batch.len() == 1 || batch.iter().map(|&i| lengths[i]).sum::<usize>() <= BATCH);
            }
        }
    }
}
