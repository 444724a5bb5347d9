//! The method `Hierarchical`: companies differ in how annotators see their people, and learn from each other.
//!
//! A person of class k (0 non-expert, 1 expert) of company c falls into bin b with probability
//!
//! ```text
//! f_kc(b) = f_k(b) exp(u_ck x_b) / sum over b' of f_k(b') exp(u_ck x_b')
//! (u_c0, u_c1) ~ N(0, T), T from the sizes tau_0, tau_1 and a common correlation
//! logit pi_c = beta_0 + beta_1 (ln N_c - mean) + gamma_0 u_c0 + gamma_1 u_c1 + e_c, e_c ~ N(0, s²)
//! ```
//!
//! x_b the position of the bin. gamma carries the spectrum effect: positives are subtle where they are rare (Ransohoff &
//! Feinstein 1978, New England Journal of Medicine 299, 926-930).
//!
//! Who may teach what is cut (modular inference: Plummer 2015, Statistics and Computing 25, 37-43):
//!
//! * the common rates f learn from gold people only: a Bayesian bootstrap of them, from which the effects of the companies
//!   that they come from are taken out (`gold`). The people of all companies together only forbid rates that no prevalence explains them
//!   with (`together`);
//! * the sizes tau learn from gold people in companies, and only where these show drift; below that lies the drift that cannot be
//!   learned ([`member::smallest_size`]);
//! * a company's effects learn from its gold people, and from the others with the weight of few ([`member::VOICES`]): they
//!   would else bend the effects, and the prevalence with them, until these fit what is wrong with f. A power of the
//!   likelihood is Miller and Dunson's (2019, Journal of the American Statistical Association 114, 1113-1125) way with models that are
//!   known to be a little wrong. How many of the others lie in the upper bins has a power of its own
//!   ([`member::UPPER`]): effects that need a prevalence far from the line are less probable, whatever the bins look like;
//! * the prevalence learns from everybody in the company, and through the line from other companies. Gold people drawn at random
//!   also tell by how much the labels lean in all companies (`calibration`), and with their size: they are few beside those who are not rated, and would not be
//!   heard company by company.
//!
//! Four chains ([`sampler`]) make the replicates, each with bootstrap weights of its own.

mod calibration;
mod effects;
mod factor;
mod gold;
mod grid;
mod held;
mod line;
mod member;
#[cfg(test)]
mod moments;
mod newton;
mod sampler;
mod state;
mod together;

use super::replicates::Estimate;
use super::settings::Settings;
use crate::probit::bins::{BINS, BinRates, Bins};
use crate::probit::study::{Company, Study};
use crate::stats::mixing::mixing;
use calibration::Calibration;
use gold::GoldSet;
use member::{Member, Sample};
use sampler::{Replicates, Sampler};
use together::Together;

/// Part of the samples of a study that `keep` keeps, by chain.
fn sample<T: Send>(
    bins: &Bins,
    study: &Study,
    settings: &Settings,
    keep: impl Fn(Sample) -> T + Sync,
) -> Vec<Replicates<T>> {
    let logs: Vec<f64> = study.companies.iter().map(|c| (c.headcount.max(1) as f64).ln()).collect();
    let mean = logs.iter().sum::<f64>() / logs.len().max(1) as f64;
    let members: Vec<Member> =
        study.companies.iter().zip(&logs).map(|(c, log)| Member::new(c, bins, log - mean, settings)).collect();
    let inside = (0..members.len()).filter(|c| !members[*c].gold.is_empty()).collect();
    let together = (!settings.gold_drifts).then(|| Together::new(&members, bins.masks.len()));
    let gold = GoldSet::new(study, bins);
    let calibration = Calibration::new(&study.companies, &members, settings.gold_sampling);
    Sampler { members, inside, gold, together, calibration, bins, settings }.run(keep)
}

/// Estimates of every company.
pub(super) fn estimate(bins: &Bins, study: &Study, settings: &Settings) -> Vec<Estimate> {
    let chains = sample(bins, study, settings, |sample| (sample.experts, sample.false_experts));
    let total = |row: &Vec<(u64, u64)>| row.iter().map(|(experts, _)| *experts as f64).sum();
    let totals: Vec<Vec<f64>> = chains.iter().map(|chain| chain.samples.iter().map(total).collect()).collect();
    let converged = mixing(&totals).converged();
    let explained = chains.iter().map(|chain| chain.explained).sum::<usize>() as f64 / settings.draws as f64;
    let estimate = |(c, company): (usize, &Company)| {
        let drawn = chains.iter().flat_map(|chain| &chain.samples).map(|row| row[c]);
        Estimate { converged, explained, ..Estimate::new(company, drawn, settings.level) }
    };
    study.companies.iter().enumerate().map(estimate).collect()
}

/// Prevalence and effects of a company in one replicate.
pub(super) type Drawn = (f64, [f64; 2]);

/// Prevalence and effects of every company in every replicate, `[company][replicate]`.
pub(super) fn states(bins: &Bins, study: &Study, settings: &Settings) -> Vec<Vec<Drawn>> {
    let chains = sample(bins, study, settings, |sample| (sample.prevalence, sample.effects));
    let of = |c: usize| chains.iter().flat_map(|chain| &chain.samples).map(|row| row[c]).collect();
    (0..study.companies.len()).map(of).collect()
}

/// exp(u_ck x_b): factors of a person's chances under effects, `[class][bin]`.
pub(super) fn tilts(effects: [f64; 2]) -> [[f64; BINS]; 2] {
    effects.map(effects::tilts)
}

/// Rates of a mask under effects.
pub(super) fn rates(rates: &BinRates, effects: [f64; 2]) -> BinRates {
    let tilted = effects::tilt(rates, &tilts(effects)).rates;
    std::array::from_fn(|bin| [tilted[0][bin], tilted[1][bin]])
}

/// Odds by which effects make a person of a bin of the mask more likely to be an expert.
pub(super) fn odds(rates: &BinRates, bin: usize, effects: [f64; 2]) -> f64 {
    let ratio = |effects| {
        let [other, expert] = self::rates(rates, effects)[bin];
        expert / other
    };
    ratio(effects) / ratio([0.0; 2])
}
