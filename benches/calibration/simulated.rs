//! Simulated studies: gold people outside and inside companies, annotators that drift, and a shift that companies share.

use crate::case::{Case, Gold, unweighted};
use crate::measure::{Edges, FITS, Figures, Way, figures, fit};
use crate::page::{BINS, FIGURES, Verdicts, bins, cells, table};
use muster::bench::diagnostics::shared_shift::{outside, shared_shifts};
use muster::bench::random::{Purpose, Stream};
use muster::bench::simulate::{ANNOTATORS, Settings, Simulator, TruthModel};
use rand_distr::{Distribution, StandardNormal};

pub(crate) const EDGES: Edges = Edges { share: &[0.003, 0.01, 0.03, 0.1], headcount: &[100, 500, 2000, 8000] };

/// Rise of experts' latent means with the logit of prevalence: the mean of the six annotators of BABE between the outlets
/// Reuters and Federalist (.42 of gpt_4, .16 to .27 of the others).
pub(crate) const SPECTRUM: f64 = 0.25;

/// Prevalences of a company of middling size beside that of the other studies.
const TYPICAL: [f64; 3] = [0.005, 0.01, 0.1];

/// Mean and standard deviation of the logit of the typical prevalence where it differs from study to study: between .7 and 25 % with probability .8,
/// as the hierarchical method expects.
const LOGIT_TYPICAL: (f64, f64) = (-3.0, 1.5);

/// Number of filters: the first annotators.
const FILTERS: usize = 3;

/// The study of the settings, its gold people from outside.
pub(crate) fn study(settings: Settings) -> Case {
    case(Gold::Outside, settings)
}

fn case(gold: Gold, settings: Settings) -> Case {
    let seed = settings.seed;
    let simulator = Simulator::new(settings.clone());
    let companies = (0..settings.companies).map(|index| simulator.company(index)).collect();
    let outside = if gold == Gold::Outside { simulator.gold() } else { Vec::new() };
    let (experts, others) = (settings.gold_experts as usize, settings.gold_others as usize);
    let case = Case::new(ANNOTATORS.map(String::from).to_vec(), companies, outside, seed);
    match gold {
        Gold::Outside => case,
        Gold::AtRandom => {
            let people = case.in_turn(experts + others);
            case.chosen(people.into_iter().map(unweighted))
        }
        Gold::ByClass => case.by_class(experts, others),
    }
}

/// One kind of study, and the ways measured on it.
struct Kind {
    truth: (&'static str, TruthModel),
    gold: Gold,
    drift: f64,
    spectrum: f64,
    figures: Vec<Figures>,
}

impl Kind {
    fn new(truth: (&'static str, TruthModel), gold: Gold, drift: f64, spectrum: f64, ways: &[Way], seeds: u64) -> Self {
        let figures = figures(ways, seeds, &EDGES, |seed| {
            case(gold, Settings { seed, drift, spectrum, truth_model: truth.1, ..Settings::default() })
        });
        Kind { truth, gold, drift, spectrum, figures }
    }

    fn of(&self, way: &str) -> Option<&Figures> {
        self.figures.iter().find(|f| f.way == way)
    }

    fn head(&self, f: &Figures) -> Vec<String> {
        let (truth, gold) = (self.truth.0.to_string(), self.gold.name().to_string());
        vec![truth, gold, self.drift.to_string(), self.spectrum.to_string(), f.way.clone()]
    }

    fn name(&self) -> String {
        let spectrum = if self.spectrum > 0.0 { ", spectrum" } else { "" };
        format!("{}, gold {}, drift {}{spectrum}", self.truth.0, self.gold.name(), self.drift)
    }
}

/// Figures by the prevalence of a company of middling size, no annotator drifting.
fn typical_table(seeds: u64) -> String {
    let mut rows = Vec::new();
    for gold in [Gold::Outside, Gold::ByClass] {
        for typical in TYPICAL {
            let found =
                figures(&FITS, seeds, &EDGES, |seed| case(gold, Settings { seed, typical, ..Settings::default() }));
            let head = |way: &str| [gold.name(), &typical.to_string(), way].map(String::from).to_vec();
            rows.extend(found.iter().map(|f| [head(&f.way), cells(f)].concat()));
        }
    }
    table(&[&["gold people", "typical prevalence", "method"][..], &FIGURES[..]].concat(), &rows)
}

/// Typical prevalence of the study of a seed, where it differs from study to study.
fn drawn_typical(seed: u64) -> f64 {
    let z: f64 = StandardNormal.sample(&mut Stream::new(seed, Purpose::Simulation, 7).replicate(0));
    1.0 / (1.0 + (-LOGIT_TYPICAL.0 - LOGIT_TYPICAL.1 * z).exp())
}

/// Figures of studies whose typical prevalences differ, and their bins.
fn drawn_table(seeds: u64) -> String {
    let mut rows = Vec::new();
    for gold in [Gold::Outside, Gold::ByClass] {
        let make = |seed| case(gold, Settings { seed, typical: drawn_typical(seed), ..Settings::default() });
        let found = figures(&FITS, seeds, &EDGES, make);
        rows.extend(found.iter().map(|f| [vec![gold.name().to_string(), f.way.clone()], cells(f), bins(f)].concat()));
    }
    table(&[&["gold people", "method"][..], &FIGURES[..], &BINS[..]].concat(), &rows)
}

const HEAD: [&str; 5] = ["truth", "gold people", "drift", "spectrum", "method"];

pub(crate) fn section(seeds: u64) -> String {
    let mut kinds = Vec::new();
    for truth in TruthModel::ALL {
        let mut ways = FITS.to_vec();
        ways.extend([fit("original"), fit("original_by_size")]);
        kinds.push(Kind::new(truth, Gold::Outside, 0.0, 0.0, &ways, seeds));
        let mut ways = FITS.to_vec();
        ways.push(Way::Fit { name: "company", drift_sd: Some(0.2) });
        kinds.push(Kind::new(truth, Gold::Outside, 0.2, 0.0, &ways, seeds));
    }
    let truth = TruthModel::ALL[0];
    kinds.push(Kind::new(truth, Gold::Outside, 0.5, 0.0, &FITS, seeds));
    for drift in [0.0, 0.2] {
        kinds.push(Kind::new(truth, Gold::Outside, drift, SPECTRUM, &FITS, seeds));
    }
    let mut ways = FITS.to_vec();
    ways.push(Way::LabelsAlone);
    for gold in [Gold::AtRandom, Gold::ByClass] {
        for spectrum in [0.0, SPECTRUM] {
            for drift in [0.0, 0.2, 0.5] {
                kinds.push(Kind::new(truth, gold, drift, spectrum, &ways, seeds));
            }
        }
    }
    let each = |row: &dyn Fn(&Figures) -> Vec<String>| -> Vec<Vec<String>> {
        kinds
            .iter()
            .flat_map(|kind| kind.figures.iter().map(|f| [kind.head(f), row(f)].concat()).collect::<Vec<_>>())
            .collect()
    };
    let relative = |f: &Figures| [cells(f), vec![format!("{:.2}", f.relative_width)]].concat();
    format!(
        "{seeds} seeds of 200 companies with 20 to 20,000 employees, of whom at most 3,000 are observed; 585 gold people: \
         153 experts and 432 others from outside, or as many drawn inside companies (by class: over all companies; at \
         random: about three a company). Drift: standard deviation of a company's shift of each annotator's latent mean. \
         Spectrum: rise of experts' latent means with the logit of prevalence; {SPECTRUM} is what the annotators of BABE \
         show. Labels alone: the company's own gold people and nothing else, Beta(.5, .5) prior.\n\n{}\n\
         All companies of a study share the gold people, so coverage differs between seeds by much more than 200 \
         companies would: the first column `sd between`. The mean over n seeds scatters by that over the square root of n.\n\n\
         Coverage by headcount (below 100, 500, 2,000, 8,000 and above), by estimated share and by true prevalence (below \
         .003, .01, .03, .1 and above), where a bin has at least 50 companies. A method that draws companies toward each \
         other cannot be level by true prevalence; by what can be seen it should be.\n\n{}\n\
         Studies in which experts are rarer or more common: a company of middling size has the typical prevalence, where \
         the others have {}; no drift, no spectrum. The gold people are as many, so where experts are rare one more or fewer \
         of the others in a rare bin moves every estimate.\n\n{}\n\
         Studies whose typical prevalences differ: the logit of each is drawn from a normal distribution, mean {} and standard deviation {}; \
         no drift, no spectrum. In the studies above it is the same in all, so companies that are given few experts are mostly those of the \
         studies whose gold people happen to show too many false positives, an error that all companies of a study share; here they are \
         also those of the studies that have few.\n\n{}\n{}",
        table(&[&HEAD[..], &FIGURES[..], &["relative width"]].concat(), &each(&relative)),
        table(&[&HEAD[..], &BINS[..]].concat(), &each(&bins)),
        Settings::default().typical,
        typical_table(seeds),
        LOGIT_TYPICAL.0,
        LOGIT_TYPICAL.1,
        drawn_table(seeds),
        verdicts(&kinds),
    )
}

fn verdicts(kinds: &[Kind]) -> String {
    let mut verdicts = Verdicts::default();
    for kind in kinds {
        let name = kind.name();
        let (Some(company), Some(own)) = (kind.of("`company`"), kind.of("`hierarchical`")) else { continue };
        if kind.gold != Gold::Outside {
            verdicts.within(&name, "`hierarchical` covers", own.coverage, 0.74, 0.88);
            verdicts.at_most(&name, "its score beside that of `company`", own.score, company.score);
            if let Some(alone) = kind.of("labels alone") {
                verdicts.at_most(&name, "its score beside that of labels alone", own.score, alone.score);
            }
            verdicts.within(&name, "its total covers", own.total, 0.76, 0.88);
            verdicts.within(&name, "its estimates / truth", own.ratio, 0.97, 1.05);
            verdicts.every_bin(&name, own, 0.70, 0.92);
        } else if kind.drift == 0.0 && kind.spectrum == 0.0 {
            verdicts.within(&name, "`company` covers", company.coverage, 0.78, 0.88);
            if let Some(original) = kind.of("`original`") {
                verdicts.within(&name, "`original` covers", original.coverage, 0.28, 0.5);
            }
            verdicts.within(&name, "`hierarchical` covers", own.coverage, 0.76, 0.86);
            verdicts.at_most(&name, "its score", own.score, 0.12);
            verdicts.within(&name, "its PIT", own.pit, 0.76, 0.84);
            verdicts.within(&name, "its total covers", own.total, 0.72, 0.88);
            verdicts.within(&name, "its estimates / truth", own.ratio, 0.95, 1.15);
            verdicts.every_bin(&name, own, 0.70, 0.92);
        } else if kind.drift == 0.2 && kind.spectrum == 0.0 {
            verdicts.at_least(&name, "`hierarchical` covers", own.coverage, 0.76);
        }
    }
    verdicts.list()
}

/// Annotators whose yes rate in companies no prevalence explains: those that the `note` of an estimate tells to leave out.
fn named(case: &Case) -> Vec<String> {
    outside(&shared_shifts(&case.study())).into_iter().map(|shift| shift.annotator.clone()).collect()
}

/// The case as somebody makes it who does what the `note` says, until it names nobody.
fn heeded(mut case: Case) -> Case {
    loop {
        match named(&case) {
            names if names.is_empty() => return case,
            names => case = case.without(&names),
        }
    }
}

/// Filters that say yes less often in companies than about the gold people.
pub(crate) fn shift_section(seeds: u64) -> String {
    let filters = ANNOTATORS[..FILTERS].iter().map(|name| name.to_string()).collect::<Vec<_>>();
    let without_filters = |case: Case| case.without(&filters);
    let all_six: &(dyn Fn(Case) -> Case + Sync) = &|case| case;
    let (mut rows, mut verdicts) = (Vec::new(), Verdicts::default());
    for (thinned, kept, annotators, left) in [
        ("all", 1.0, "all six", all_six),
        ("a half", 0.5, "all six", all_six),
        ("a half", 0.5, "without those named", &heeded),
        ("a tenth", 0.1, "all six", all_six),
        ("a tenth", 0.1, "without those named", &heeded),
        ("any", 1.0, "without the filters", &without_filters),
    ] {
        let make = |seed| {
            let settings = Settings { seed, models_missing: 0.0, ..Settings::default() };
            left(study(settings).thinned(&(0..FILTERS).collect::<Vec<_>>(), kept))
        };
        let found = figures(&FITS, seeds, &EDGES, make);
        let of_seeds: Vec<Vec<String>> = (1..=seeds).map(|seed| named(&make(seed))).collect();
        let mean = |is_filter: bool| {
            let names = of_seeds.iter().flatten().filter(|name| filters.contains(name) == is_filter);
            names.count() as f64 / seeds as f64
        };
        let note = format!("{:.1} / {:.1}", mean(true), mean(false));
        for f in &found {
            let head = [thinned, annotators, &f.way].map(String::from).to_vec();
            rows.push([head, cells(f), vec![note.clone()]].concat());
            if f.way == "`hierarchical`" && thinned != "all" {
                let name = format!("{thinned} of the filters' yes kept, {annotators}");
                verdicts.at_least(&name, "`hierarchical` covers", f.coverage, 0.74);
            }
        }
    }
    format!(
        "{seeds} seeds of `probit6` as above, no drift, gold people from outside; every company has labels of the language \
         models. In companies, and there only, each yes of the three filters is kept with the chance given and otherwise \
         becomes a no: what no prevalence explains. Fits with all six annotators, without those that the `note` of the estimate \
         names (left out, and those that the next `note` names, until it names none), and without the filters. Named: how many \
         filters, and how many language models, the `note` tells to leave out, mean over the seeds.\n\n{}\n{}",
        table(&[&["yes kept", "annotators", "method"][..], &FIGURES[..], &["named"]].concat(), &rows),
        verdicts.list(),
    )
}
