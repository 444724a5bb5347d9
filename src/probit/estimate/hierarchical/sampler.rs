//! Chains that make the replicates of the hierarchical method.
//!
//! Each replicate has bootstrap weights of its own, so that its rates do not depend on those before; what companies
//! share, and where their states stand, goes on from replicate to replicate.

use super::calibration::{Calibration, Lean};
use super::effects::{GoldCounts, People, State, tilt, tilts};
use super::gold::GoldSet;
use super::grid::Grid;
use super::held::{EACH, HALVES, Held};
use super::line::Shared;
use super::member::{Member, Sample, UPPER, VOICES, smallest_size};
use super::state::{Posterior, StatePrior, accepts};
use super::together::Together;
use crate::interrupt;
use crate::parallel;
use crate::probit::bins::{BINS, BinRates, Bins};
use crate::probit::estimate::settings::Settings;
use crate::probit::prevalence::posterior;
use crate::progress::{self, Steps};
use crate::random::{Purpose, Stream, binomial, multinomial};
use crate::stats::logistic::logistic;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use std::ops::Range;

/// Number of chains; a replicate belongs to one of them, whatever the threads.
const CHAINS: usize = 4;

/// Number of replicates that a chain makes before those that count.
const BURN_IN: usize = 40;

/// Number of times that the rates and the effects of the gold people's companies are drawn in a replicate.
const RATES: usize = 2;

/// Number of times at most that the weights of a replicate are drawn.
const TRIES: usize = 20;

/// Number of times that the line and the logits about it are drawn in a replicate.
const LINES: usize = 8;

/// Number of companies between two looks for an interrupt.
const STRETCH: usize = 1000;

/// Sampler of a study.
pub(super) struct Sampler<'a> {
    pub(super) members: Vec<Member>,
    /// Companies that have gold people with labels.
    pub(super) inside: Vec<usize>,
    pub(super) gold: GoldSet,
    /// None where gold people show drift: effects may explain what the rates do not.
    pub(super) together: Option<Together>,
    pub(super) calibration: Calibration,
    pub(super) bins: &'a Bins,
    pub(super) settings: &'a Settings,
}

/// State of a chain.
struct Chain {
    generator: ChaCha8Rng,
    /// That of people without labels in blanks, so that what floors need does not change the estimates.
    of_blanks: ChaCha8Rng,
    shared: Shared,
    lean: Lean,
    rates: Vec<BinRates>,
    /// `[company]`
    states: Vec<State>,
    /// People of the company that is looked at, under the effects of its state.
    held: Held,
    grids: Vec<Grid>,
    /// Effects and the logit that goes with them, as people with fewer voices tell them.
    soft: Vec<State>,
    modes: Vec<State>,
    /// Gold people of each company in the bins of this replicate: one deal for all of them would leave its noise in every estimate.
    dealt: Vec<Vec<GoldCounts>>,
    /// Effects that gold people alone tell.
    gold: Vec<State>,
    gold_modes: Vec<State>,
    /// The same companies without an expert.
    blank: Vec<State>,
}

impl Chain {
    /// Effects of the gold people's companies.
    fn gold_effects(&self) -> Vec<[f64; 2]> {
        self.gold.iter().map(|state| [state[1], state[2]]).collect()
    }
}

/// Weights that make the common rates of a replicate.
struct Weights {
    gold: Vec<f64>,
    /// Pseudo-counts, `[mask]`.
    pseudo: Vec<BinRates>,
    /// Whether some prevalence explains the people of companies with these rates, as far as anybody looked.
    explained: bool,
}

/// Replicates of a chain.
pub(super) struct Replicates<T> {
    /// What is kept of the samples, `[replicate][company]`.
    pub(super) samples: Vec<Vec<T>>,
    /// Number of replicates whose common rates explain the people of companies together with some prevalence.
    pub(super) explained: usize,
}

impl Sampler<'_> {
    /// Part of the samples of all companies that `keep` keeps, by chain.
    pub(super) fn run<T: Send>(&self, keep: impl Fn(Sample) -> T + Sync) -> Vec<Replicates<T>> {
        let (draws, chains) = (self.settings.draws, CHAINS.min(self.settings.draws));
        let first = |chain: usize| draws * chain / chains;
        let steps = progress::steps("replicates", draws + chains * BURN_IN);
        let chain = |chain: usize| self.chain(chain, first(chain)..first(chain + 1), &keep, &steps);
        parallel::map(self.settings.threads, chains, chain)
    }

    /// The replicates of a chain.
    fn chain<T>(
        &self,
        number: usize,
        replicates: Range<usize>,
        keep: &impl Fn(Sample) -> T,
        steps: &Steps,
    ) -> Replicates<T> {
        let start = [-2.0, 0.0, 0.0];
        let companies = self.members.len();
        let size = smallest_size(self.settings.drift_sd);
        let mut chain = Chain {
            generator: Stream::new(self.settings.seed, Purpose::Shared, 1 + number as u64).replicate(0),
            of_blanks: Stream::new(self.settings.seed, Purpose::Shared, 1 + number as u64).replicate(1),
            shared: Shared::new(size),
            lean: Lean::default(),
            rates: Vec::new(),
            states: vec![start; companies],
            held: Held::default(),
            grids: vec![Grid::default(); companies],
            soft: vec![start; companies],
            modes: vec![start; companies],
            dealt: vec![Vec::new(); companies],
            gold: vec![[0.0; 3]; companies],
            gold_modes: vec![[0.0; 3]; companies],
            blank: vec![start; companies],
        };
        let sizes: Vec<f64> = self.members.iter().map(|member| member.size).collect();
        let burn_in = (0..BURN_IN).map(|at| self.settings.draws + BURN_IN * number + at);
        let mut made = Replicates { samples: Vec::with_capacity(replicates.len()), explained: 0 };
        for (at, replicate) in burn_in.chain(replicates).enumerate() {
            let Weights { gold: weights, pseudo, explained } = self.draw_weights(&chain.gold_effects(), replicate);
            for &c in &self.inside {
                self.members[c].deal_gold(&mut chain.dealt[c], &mut chain.generator);
            }
            // labels of companies without experts come from other rates and effects than those by which they are judged
            let before = (chain.rates.clone(), chain.soft.clone());
            // without gold people in companies rates depend on the weights alone
            let turns = if self.inside.is_empty() { 1 } else { RATES };
            for _ in 0..turns {
                self.draw_rates(&mut chain, &weights, &pseudo);
            }
            for c in 0..companies {
                if c % STRETCH == 0 {
                    interrupt::check();
                }
                self.draw_effects(&mut chain, c);
            }
            self.draw_line(&mut chain, &sizes);
            self.calibration.draw(&chain.states, &mut chain.lean, &mut chain.generator);
            if at >= BURN_IN {
                let sample = |c| keep(self.sample(&mut chain, c, &before.0, &before.1[c]));
                made.samples.push((0..companies).map(sample).collect());
                made.explained += usize::from(explained);
            }
            steps.tick();
        }
        made
    }

    /// Weights of a replicate.
    ///
    /// Rates that no prevalence explains the companies' people with are drawn again: where gold people happen to show more false positives than
    /// companies show labels, most draws would leave no expert anywhere.
    fn draw_weights(&self, effects: &[[f64; 2]], replicate: usize) -> Weights {
        let replicates = self.settings.draws + CHAINS * BURN_IN;
        let mut number = replicate;
        loop {
            let gold = self.gold.weights(self.settings.seed, number as u64);
            let pseudo = self.bins.pseudo_counts(number as u64);
            number += replicates;
            let rates = || self.gold.rates(self.bins, &gold, &pseudo, effects);
            let explained = self.together.as_ref().is_none_or(|together| together.explained_by(&rates()));
            if explained || number >= TRIES * replicates {
                return Weights { gold, pseudo, explained };
            }
        }
    }

    /// Draws the effects of the companies of gold people, the common rates without them, and the sizes.
    fn draw_rates(&self, chain: &mut Chain, weights: &[f64], pseudo: &[BinRates]) {
        let inside = &self.inside;
        chain.rates = self.gold.rates(self.bins, weights, pseudo, &chain.gold_effects());
        if inside.is_empty() {
            return;
        }
        let prior = chain.shared.effects_alone();
        for &c in inside {
            let (gold, rates) = (&chain.dealt[c], &chain.rates);
            let people = People { masks: &[], gold, rates, truths: [0.0; 2], lean: 0.0, power: 1.0 };
            Posterior { people, prior }.draw(&mut chain.gold[c], &mut chain.gold_modes[c], &mut chain.generator);
        }
        // the mean effect of all companies and the tilt of the common rates are one to gold people: only the prior tells them apart, and
        // the gold people without a company where they are many; few of them cannot hold a chain, whose sizes then grow without end
        for class in (0..2).filter(|class| self.gold.mostly_inside(*class)) {
            let mean = inside.iter().map(|c| chain.gold[*c][1 + class]).sum::<f64>() / inside.len() as f64;
            let z: f64 = StandardNormal.sample(&mut chain.generator);
            let shift = chain.shared.size_of_mean(class, inside.len()) * z - mean;
            inside.iter().for_each(|c| chain.gold[*c][1 + class] += shift);
        }
        let effects = chain.gold_effects();
        chain.rates = self.gold.rates(self.bins, weights, pseudo, &effects);
        if self.settings.gold_drifts {
            let effects: Vec<[f64; 2]> = inside.iter().map(|c| effects[*c]).collect();
            chain.shared.draw_sizes(&effects, smallest_size(self.settings.drift_sd), &mut chain.generator);
        }
    }

    /// Draws a company's effects, as few voices tell them and then as all its people in two halves do, and lays the grid of the logit under them.
    fn draw_effects(&self, chain: &mut Chain, c: usize) {
        let member = &self.members[c];
        let prior = chain.shared.prior(member.size);
        let number: u64 = member.masks.iter().flat_map(|counts| counts.people).sum();
        let pi = logistic(chain.shared.mean(member.size));
        let power = (VOICES * 4.0 * pi * (1.0 - pi) / number.max(1) as f64).min(1.0);
        let (masks, gold, rates) = (&member.masks, &chain.dealt[c], &chain.rates);
        let people = People { masks, gold, rates, truths: member.truths, lean: chain.lean.of(member.size), power };
        let all = People { power: 1.0, ..people };
        let before = chain.soft[c];
        Posterior { people, prior }.draw(&mut chain.soft[c], &mut chain.modes[c], &mut chain.generator);
        let (held, grid) = (&mut chain.held, &mut chain.grids[c]);
        let mut evidence = |state: &State| {
            held.hold(&all, state, &HALVES);
            grid.lay(&prior, held, state, &mut chain.generator);
            grid.log_integral(&prior, state)
        };
        let gained = evidence(&chain.soft[c]) - evidence(&before);
        if !accepts(UPPER * gained, &mut chain.generator) {
            chain.soft[c] = before;
        }
        let [_, others, experts] = chain.soft[c];
        chain.states[c] = [chain.states[c][0], others, experts];
        chain.held.hold(&all, &chain.states[c], &EACH);
        chain.grids[c].lay(&prior, &chain.held, &chain.states[c], &mut chain.generator);
    }

    /// Draws the companies' logits and the line in turn.
    fn draw_line(&self, chain: &mut Chain, sizes: &[f64]) {
        for _ in 0..LINES {
            let prior = chain.shared.prior(0.0);
            for c in 0..sizes.len() {
                let prior = StatePrior { mean: chain.shared.mean(sizes[c]), ..prior };
                chain.grids[c].draw(&prior, &mut chain.states[c], &mut chain.generator);
            }
            chain.shared.draw_line(&chain.states, sizes, &mut chain.generator);
        }
    }

    /// Counts of a company in this replicate.
    fn sample(&self, chain: &mut Chain, c: usize, before: &[BinRates], effects_before: &State) -> Sample {
        let member = &self.members[c];
        let state = chain.states[c];
        let prevalence = logistic(state[0] - chain.lean.of(member.size));
        let experts = experts(member, &state, &chain.rates, prevalence, &mut chain.generator)
            + binomial(member.rest, prevalence, &mut chain.generator);
        Sample {
            prevalence,
            effects: [state[1], state[2]],
            experts,
            false_experts: self.false_experts(chain, c, before, effects_before[1]),
        }
    }

    /// Experts that a company's observed people would be given if none of them were one: labels from the rates `before` under `effect`.
    fn false_experts(&self, chain: &mut Chain, c: usize, before: &[BinRates], effect: f64) -> u64 {
        let member = &self.members[c];
        let generator = &mut chain.generator;
        let tilts = [tilts(effect), tilts(0.0)];
        let mut masks = member.masks.clone();
        for counts in &mut masks {
            let rates = tilt(&before[counts.mask], &tilts).rates[0];
            let people = std::mem::take(&mut counts.people).iter().sum();
            multinomial(people, &rates, generator, |bin, people| counts.people[bin] = people);
            counts.judged = counts.people.map(|people| people as f64);
        }
        let blank = Member { masks, gold: Vec::new(), truths: [0.0; 2], ..*member };
        let [_, others, experts_effect] = chain.states[c];
        chain.blank[c] = [chain.blank[c][0], others, experts_effect];
        let people =
            People { masks: &blank.masks, gold: &[], rates: &chain.rates, truths: [0.0; 2], lean: 0.0, power: 1.0 };
        chain.held.hold(&people, &chain.blank[c], &EACH);
        let (prior, mut grid) = (chain.shared.prior(member.size), Grid::default());
        grid.lay(&prior, &chain.held, &chain.blank[c], generator);
        grid.draw(&prior, &mut chain.blank[c], generator);
        let prevalence = logistic(chain.blank[c][0] - chain.lean.of(member.size));
        experts(&blank, &chain.blank[c], &chain.rates, prevalence, generator)
            + binomial(member.blank, prevalence, &mut chain.of_blanks)
    }
}

/// Experts among the labelled people of a company who are not gold: as many as labels tell of, less or more where the prevalence is another than theirs.
fn experts(member: &Member, state: &State, rates: &[BinRates], prevalence: f64, generator: &mut ChaCha8Rng) -> u64 {
    let pi = logistic(state[0]);
    let tilts = [tilts(state[1]), tilts(state[2])];
    let mut sum = 0;
    for counts in &member.masks {
        let tilted = tilt(&rates[counts.mask], &tilts);
        for bin in 0..BINS {
            let ratio = tilted.rates[1][bin] / tilted.rates[0][bin];
            sum += binomial(counts.people[bin], posterior(pi, ratio), generator);
        }
    }
    if prevalence < pi {
        binomial(sum, prevalence / pi, generator)
    } else if prevalence > pi {
        let others = member.masks.iter().flat_map(|counts| counts.people).sum::<u64>() - sum;
        sum + binomial(others, (prevalence - pi) / (1.0 - pi), generator)
    } else {
        sum
    }
}
