//! Real labels: BABE (Spinde et al. 2021), sentences of news outlets that experts called biased or not, labelled by
//! language models. Outlets, or outlets by topic, play the companies; see test/oracle/README.md.

use crate::case::{Case, unweighted};
use crate::measure::{Edges, FITS, Figures, Way, figures};
use crate::page::{BINS, FIGURES, Verdicts, bins, cells, table};
use muster::bench::diagnostics::gold_drift::{gold_drift, says_drift};
use muster::bench::parallel;
use muster::bench::probit::Pattern;
use muster::bench::simulate::{Company, Person};
use std::collections::BTreeMap;

const ANNOTATORS: [&str; 6] = ["gpt_4", "gpt_3_5", "flan_ul2", "zephyr", "openchat", "llama_13b"];

/// Number of gold sentences, and of the biased ones among them where they are drawn by class: 26 %.
const GOLD: usize = 300;
const GOLD_BIASED: usize = 78;

/// Part of the labels that is taken away, at random, where labels are missing.
const MISSING: f64 = 0.3;

/// Numbers of gold sentences an outlet; fewer would leave a class of some drawings without its ten gold sentences.
const NUMBERS: [usize; 4] = [5, 10, 30, 60];

/// Number of permutations of the test of drift.
const PERMUTATIONS: usize = 999;

const EDGES: Edges = Edges { share: &[0.2, 0.4, 0.6, 0.8], headcount: &[20, 40, 100, 200, 500] };

struct Sentence {
    outlet: String,
    topic: String,
    person: Person,
}

fn read(shots: &str) -> Vec<Sentence> {
    let path = format!("{}/test/oracle/babe_{shots}_shot.csv", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("a file of the repository");
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = lines.next().expect("a header");
    let column = |name: &str| header.iter().position(|known| *known == name).expect("a column of the file");
    let annotators = ANNOTATORS.map(column);
    let (outlet, topic, biased) = (column("outlet"), column("topic"), column("biased"));
    let sentence = |fields: Vec<&str>| {
        let mut pattern = Pattern::default();
        for (j, at) in annotators.iter().enumerate() {
            pattern.seen |= u32::from(!fields[*at].is_empty()) << j;
            pattern.yes |= u32::from(fields[*at] == "1") << j;
        }
        let person = Person { expert: fields[biased] == "1", pattern };
        Sentence { outlet: fields[outlet].to_string(), topic: fields[topic].to_string(), person }
    };
    lines.map(sentence).collect()
}

/// Groups of at least `least` sentences.
fn grouped(sentences: &[Sentence], least: usize, key: impl Fn(&Sentence) -> (&str, &str)) -> Vec<Company> {
    let mut groups: BTreeMap<(&str, &str), Vec<Person>> = BTreeMap::new();
    for sentence in sentences {
        groups.entry(key(sentence)).or_default().push(sentence.person);
    }
    let company = |people: Vec<Person>| {
        let experts = people.iter().filter(|person| person.expert).count() as u64;
        let headcount = people.len() as u64;
        Company { headcount, prevalence: experts as f64 / headcount as f64, experts, people }
    };
    groups.into_values().filter(|people| people.len() >= least).map(company).collect()
}

/// Verdicts of the test of drift on gold sentences of the outlets, as they are and dealt out anew within each class.
fn drift_rows(shots: &str, outlets: &[Company], repetitions: u64, verdicts: &mut Verdicts) -> Vec<Vec<String>> {
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let mut rows = Vec::new();
    for (outlet, drifts) in [("as they are", true), ("dealt out anew", false)] {
        let found = parallel::map(threads, repetitions as usize, |index| {
            let names = ANNOTATORS.map(String::from).to_vec();
            let case = Case::new(names, outlets.to_vec(), Vec::new(), index as u64 + 1);
            let case = if drifts { case } else { case.dealt_out() };
            let drift = gold_drift(&case.over_all(GOLD).study(), PERMUTATIONS, 42, 1).expect("gold sentences");
            drift.expect("gold sentences in two outlets")
        });
        let said = found.iter().filter(|drift| says_drift(drift.test.p_value)).count();
        let mut sizes: Vec<f64> = found.iter().map(|drift| drift.sd).collect();
        sizes.sort_by(f64::total_cmp);
        let (least, middle, most) = (sizes[0], sizes[sizes.len() / 2], sizes[sizes.len() - 1]);
        let share = said as f64 / repetitions as f64;
        let name = format!("{shots}-shot, drift test, outlets {outlet}");
        if drifts {
            verdicts.at_least(&name, "says drift in a share of", share, 0.9);
            verdicts.at_least(&name, "middle size", middle, 0.4);
        } else {
            verdicts.at_most(&name, "says drift in a share of", share, 0.05);
        }
        let sizes = format!("{middle:.2} ({least:.2} to {most:.2})");
        rows.push(vec![format!("{shots}-shot"), outlet.to_string(), format!("{said} of {repetitions}"), sizes]);
    }
    rows
}

/// Figures by the number of gold sentences in each outlet.
fn number_rows(shots: &str, outlets: &[Company], repetitions: u64) -> Vec<Vec<String>> {
    let mut ways = FITS.to_vec();
    ways.push(Way::LabelsAlone);
    let mut rows = Vec::new();
    for number in NUMBERS {
        let found = figures(&ways, repetitions, &EDGES, |seed| {
            let case = Case::new(ANNOTATORS.map(String::from).to_vec(), outlets.to_vec(), Vec::new(), seed);
            let people = case.in_turn(number * outlets.len());
            case.chosen(people.into_iter().map(unweighted))
        });
        let head = |way: &str| vec![format!("{shots}-shot"), number.to_string(), way.to_string()];
        rows.extend(found.iter().map(|f| [head(&f.way), cells(f)].concat()));
    }
    rows
}

pub(crate) fn section(repetitions: u64) -> String {
    let (mut rows, mut binned, mut verdicts) = (Vec::new(), Vec::new(), Verdicts::default());
    let (mut numbers, mut drifts) = (Vec::new(), Vec::new());
    for shots in ["zero", "four"] {
        let sentences = read(shots);
        let outlets = grouped(&sentences, 90, |sentence| (&sentence.outlet, ""));
        let cells_of = grouped(&sentences, 15, |sentence| (&sentence.outlet, &sentence.topic));
        let kinds = [
            (
                "outlets",
                &outlets,
                &[
                    "at random",
                    "by class",
                    "at random, labels missing",
                    "by class, labels missing",
                    "at random, stripped",
                    "by class, stripped",
                ][..],
            ),
            (
                "outlet-topic cells",
                &cells_of,
                &["at random", "by class", "at random, labels missing", "by class, labels missing"][..],
            ),
        ];
        for (companies, groups, golds) in kinds {
            for &gold in golds {
                let mut ways = FITS.to_vec();
                if !gold.ends_with("stripped") {
                    ways.push(Way::LabelsAlone);
                }
                let found = figures(&ways, repetitions, &EDGES, |seed| {
                    let names = ANNOTATORS.map(String::from).to_vec();
                    let case = Case::new(names, groups.clone(), Vec::new(), seed);
                    let case = match gold.starts_with("by class") {
                        true => case.by_class(GOLD_BIASED, GOLD - GOLD_BIASED),
                        false => case.over_all(GOLD),
                    };
                    let case = if gold.ends_with("missing") { case.hidden(MISSING) } else { case };
                    if gold.ends_with("stripped") { case.stripped() } else { case }
                });
                let kind = format!("{shots}-shot, {} {companies}, gold {gold}", groups.len());
                judge(&mut verdicts, &kind, companies, gold, &found);
                for f in &found {
                    let head = [&format!("{shots}-shot"), companies, gold, &f.way].map(String::from).to_vec();
                    rows.push([head.clone(), cells(f)].concat());
                    if !f.counted().is_empty() {
                        binned.push([head, bins(f)].concat());
                    }
                }
            }
        }
        numbers.extend(number_rows(shots, &outlets, repetitions));
        drifts.extend(drift_rows(shots, &outlets, repetitions, &mut verdicts));
    }
    let head = ["labels", "companies", "gold people", "method"];
    let number_head = ["labels", "gold an outlet", "method"];
    let drift_head = ["labels", "outlets", "says drift", "size, middle (least to most)"];
    format!(
        "BABE (Spinde et al. 2021, labels by annomatic; `test/oracle/README.md`): sentences of news outlets that experts \
         called biased or not, with the labels of six language models ({}), asked without and with four examples. Companies \
         are the nine outlets with at least 90 sentences, or the 76 pairs of outlet and topic with at least 15; all \
         sentences are observed. {repetitions} drawings of {GOLD} gold sentences over all companies: at random, or by class \
         ({GOLD_BIASED} biased). Labels missing: {:.0} % of the labels of all sentences, taken away at random. Stripped: the same gold sentences without their companies, which are then that many \
         sentences smaller. Labels alone: the company's own gold sentences and nothing else, Beta(.5, .5) prior.\n\n{}\n\
         Coverage by headcount (below 20, 40, 100, 200, 500 and above), by estimated share and by true prevalence (below .2, \
         .4, .6, .8 and above), where a bin has at least 50 companies of all drawings together.\n\n{}\n\
         By the number of gold sentences in each of the nine outlets, drawn at random there.\n\n{}\n\
         The test of drift on the same gold sentences of the outlets, drawn at random ({PERMUTATIONS} permutations), and on \
         sentences dealt out anew among the outlets within each class, where nobody drifts.\n\n{}\n{}",
        ANNOTATORS.join(", "),
        100.0 * MISSING,
        table(&[&head[..], &FIGURES[..]].concat(), &rows),
        table(&[&head[..], &BINS[..]].concat(), &binned),
        table(&[&number_head[..], &FIGURES[..]].concat(), &numbers),
        table(&drift_head, &drifts),
        verdicts.list(),
    )
}

fn judge(verdicts: &mut Verdicts, kind: &str, companies: &str, gold: &str, found: &[Figures]) {
    let Some(own) = found.iter().find(|f| f.way == "`hierarchical`") else { return };
    let asked = match (companies, gold.trim_end_matches(", labels missing")) {
        ("outlets", "at random") => Some((0.74, 0.88, 0.22)),
        ("outlets", "by class") => Some((0.70, 0.92, 0.36)),
        ("outlet-topic cells", "at random") => Some((0.76, 0.90, 0.33)),
        _ => None,
    };
    if let Some((low, high, score)) = asked {
        verdicts.within(kind, "`hierarchical` covers", own.coverage, low, high);
        verdicts.at_most(kind, "its score", own.score, score);
        verdicts.every_bin(kind, own, 0.70, 0.92);
    }
}
