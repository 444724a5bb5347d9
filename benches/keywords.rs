//! Speed of words, counts and selection, without any model: `cargo bench --bench keywords`.
//!
//! Texts are made: words of a Zipf law over 60,000, a third of them stop words, 250 words a text. DOCUMENTS says how many.

use muster::bench::keywords::keybert::{self, Method};
use muster::bench::keywords::{Cut, Settings};
use muster::bench::keywords::{Frequency, Limits, count};
use muster::bench::keywords::{stop_words, tfidf};
use rand::{Rng, RngExt, SeedableRng};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

fn word(number: usize) -> String {
    // five letters, each number another word
    let letter = |place: u32| char::from(b'a' + (number / 26usize.pow(place) % 26) as u8);
    (0..5).map(letter).collect()
}

fn text(random: &mut impl Rng, stop_words: &[String]) -> String {
    let mut words = Vec::new();
    for _ in 0..250 {
        if random.random_bool(1.0 / 3.0) {
            words.push(stop_words[random.random_range(0..stop_words.len())].clone());
        } else {
            // rank r with density 1 / r
            words.push(word(60_000f64.powf(random.random::<f64>()) as usize));
        }
    }
    words.join(" ")
}

/// Peak memory of this process in MiB, where the system says it.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kib.map_or_else(|| "unknown".to_string(), |kib| format!("{:.0} MiB", kib / 1024.0))
}

fn main() {
    let documents: usize = std::env::var("DOCUMENTS").ok().and_then(|n| n.parse().ok()).unwrap_or(20_000);
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(1);
    let english: Vec<String> = {
        let mut words: Vec<String> = stop_words::english().into_iter().collect();
        words.sort();
        words
    };
    let texts: Vec<String> = (0..documents).map(|_| text(&mut random, &english)).collect();
    let megabytes = texts.iter().map(String::len).sum::<usize>() as f64 / 1e6;
    println!("{documents} texts, {megabytes:.0} MB; peak memory {}", peak());

    let words = Settings {
        ngram_min: 1,
        ngram_max: 4,
        cut: Cut::Unicode,
        stop_words: stop_words::english(),
        names: Default::default(),
    };
    let start = Instant::now();
    let number: usize = texts.iter().map(|text| words.words(text).len()).sum();
    println!("words: {number}, {:.0} MB/s", megabytes / start.elapsed().as_secs_f64());

    for least in [1, 2] {
        if least == 1 && documents > 20_000 {
            continue;
        }
        let limits = Limits {
            min_df: Frequency::Documents(least),
            max_df: Frequency::Share(0.85),
            max_features: Some(5000),
            merge: false,
        };
        let start = Instant::now();
        let counts = count(&texts, &words, &limits).expect("thresholds that allow documents");
        let counted = start.elapsed().as_secs_f64();
        let keywords: usize = tfidf::keywords(&counts, 30, 2).iter().map(Vec::len).sum();
        let whole = start.elapsed().as_secs_f64();
        println!(
            "phrases of 1 to 4, min_df {least}: counts {counted:.2} s, {keywords} tf-idf keywords {:.2} s; peak memory {}",
            whole - counted,
            peak()
        );
    }

    let some: Vec<&str> = texts.iter().take(200).map(String::as_str).collect();
    for (name, method) in [
        ("plain", Method::Plain),
        ("mmr", Method::Mmr { diversity: 0.5 }),
        ("maxsum 20", Method::MaxSum { nr_candidates: 20 }),
        ("maxsum_greedy 200", Method::MaxSumGreedy { nr_candidates: 200 }),
    ] {
        let top_n = if name == "maxsum 20" { 10 } else { 30 };
        let settings =
            keybert::Settings::new(words.clone(), method, top_n, None, Vec::new()).expect("settings that fit");
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(2);
        let mut embed = |texts: &[&str]| {
            let vector = |_: &&str| Arc::from((0..384).map(|_| random.random::<f32>() - 0.5).collect::<Vec<_>>());
            Ok::<_, Infallible>(texts.iter().map(vector).collect())
        };
        let mut phrases = 0;
        let mut timed = std::time::Duration::ZERO;
        let mut counted = |texts: &[&str]| {
            let start = Instant::now();
            phrases += texts.len();
            let vectors = embed(texts);
            timed += start.elapsed();
            vectors
        };
        let start = Instant::now();
        let found = keybert::extract(&some, &[], &settings, 1, &mut counted, &|_| String::new());
        let seconds = (start.elapsed() - timed).as_secs_f64();
        let keywords: usize = found.into_iter().flatten().map(|keywords| keywords.len()).sum();
        let each = seconds * 1e3 / some.len() as f64;
        println!("{name}: {each:.2} ms a text besides the model, {phrases} vectors, {keywords} keywords");
    }
}
