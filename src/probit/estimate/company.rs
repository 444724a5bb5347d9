//! The method `Company`: each company's prevalence is drawn from its own labels, through bins.

use super::replicates::{Estimate, by_company};
use super::settings::Settings;
use crate::parallel;
use crate::probit::bins::{BINS, BinRates, Bins};
use crate::probit::prevalence::{Group, RatioTable, draw, posterior};
use crate::probit::study::{Company, Study, StudyError};
use crate::random::{Purpose, Stream, binomial, multinomial};
use rand_chacha::ChaCha8Rng;

/// Company with its people by bin.
struct BinnedCompany {
    /// People with labels; the row of a bin is that of [`row`].
    groups: Vec<Group>,
    /// Number of people without labels who are not gold.
    blank: u64,
    /// Number of people nobody has observed.
    unseen: u64,
    /// Position of each mask in use, and the number of people who have it.
    masks: Vec<(usize, u64)>,
    prevalence: Stream,
    drift: Stream,
    null: Stream,
    null_drift: Stream,
}

/// Row of a bin of the mask at `mask` in the table of likelihood ratios.
fn row(mask: usize, bin: usize) -> usize {
    mask * BINS + bin
}

/// The group of a row, put there if need be.
fn group_of(groups: &mut Vec<Group>, row: usize) -> &mut Group {
    let at = groups.iter().position(|group| group.row == row).unwrap_or_else(|| {
        groups.push(Group::new(row, 0));
        groups.len() - 1
    });
    &mut groups[at]
}

impl BinnedCompany {
    fn new(company: &Company, bins: &Bins, settings: &Settings) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        let mut masks: Vec<(usize, u64)> = Vec::new();
        let mut blank = 0;
        let mut judges = bins.judges(&company.name);
        for &(pattern, count) in &company.people {
            let Some(mask) = bins.mask_index(pattern.seen) else {
                blank += count;
                continue;
            };
            let dealt = bins.dealt(pattern, count, &mut judges);
            for (bin, count) in dealt.into_iter().enumerate().filter(|(_, count)| *count > 0) {
                let group = group_of(&mut groups, row(mask, bin));
                group.count += count;
                group.voices += count as f64;
            }
            match masks.last_mut() {
                // people are sorted by their masks
                Some((last, people)) if *last == mask => *people += count,
                _ => masks.push((mask, count)),
            }
        }
        for (pattern, lacking) in company.lacking(settings.gold_sampling.weights(&company.gold_people)) {
            let Some(mask) = bins.mask_index(pattern.seen) else {
                continue;
            };
            for (bin, share) in bins.shares(pattern).into_iter().enumerate().filter(|(_, share)| *share > 0.0) {
                group_of(&mut groups, row(mask, bin)).voices += lacking * share;
            }
        }
        groups.iter_mut().for_each(|group| group.voices = group.voices.max(0.0));
        groups.sort_unstable_by_key(|group| group.row);
        let stream = |purpose| Stream::named(settings.seed, purpose, &company.name);
        BinnedCompany {
            groups,
            blank,
            unseen: company.headcount - company.observed,
            masks,
            prevalence: stream(Purpose::Company),
            drift: stream(Purpose::Drift),
            null: stream(Purpose::Null),
            null_drift: stream(Purpose::NullDrift),
        }
    }
}

/// Plan of an estimate: the companies, and what their replicates share.
pub(super) struct Plan<'a> {
    settings: &'a Settings,
    bins: &'a Bins,
    /// `[replicate][mask]`
    rates: Vec<Vec<BinRates>>,
    /// Sources of `rates`, `[replicate]`; kept where annotators drift.
    sources: Vec<Source>,
    companies: Vec<BinnedCompany>,
}

/// Weights of the gold people and pseudo-counts `[mask]` of one replicate.
struct Source {
    weights: Vec<f64>,
    pseudo_counts: Vec<BinRates>,
}

impl Source {
    fn new(bins: &Bins, replicate: usize) -> Self {
        Source { weights: bins.rate_weights(replicate as u64), pseudo_counts: bins.pseudo_counts(replicate as u64) }
    }

    fn rates(&self, bins: &Bins) -> Vec<BinRates> {
        self.pseudo_counts.iter().enumerate().map(|(mask, pseudo)| bins.rates(mask, &self.weights, pseudo)).collect()
    }
}

/// Replicate of a plan, drawn from through [`Plan::view`] only.
struct Replicate {
    number: usize,
    /// Likelihood ratios by which people are judged.
    table: RatioTable,
    /// `[mask]`: rates by which the labels of a company without experts come about. From another replicate, so that the
    /// doubt about the annotators is part of its count.
    null_rates: Vec<BinRates>,
    /// Room for the groups of a company without experts.
    null_groups: Vec<Group>,
}

impl Replicate {
    /// Sets the likelihood ratios of the bins of the mask at `mask`.
    fn judge_by(&mut self, mask: usize, rates: &BinRates) {
        for (bin, rates) in rates.iter().enumerate() {
            // a bin no weight fell into has pseudo-counts only, which may vanish
            self.table.set(row(mask, bin), rates[1].max(1e-300) / rates[0].max(1e-300));
        }
    }
}

impl<'a> Plan<'a> {
    pub(super) fn new(bins: &'a Bins, study: &Study, settings: &'a Settings) -> Self {
        let drifts = settings.drift_sd != 0.0;
        let replicates = parallel::map(settings.threads, settings.draws, |r| {
            let source = Source::new(bins, r);
            (source.rates(bins), drifts.then_some(source))
        });
        let (rates, sources): (Vec<_>, Vec<_>) = replicates.into_iter().unzip();
        Plan {
            settings,
            rates,
            sources: sources.into_iter().flatten().collect(),
            companies: study.companies.iter().map(|c| BinnedCompany::new(c, bins, settings)).collect(),
            bins,
        }
    }

    /// Prevalence of every company in every replicate, `[company][replicate]`.
    pub(super) fn prevalences(&self) -> Result<Vec<Vec<f64>>, StudyError> {
        by_company(
            self.settings,
            self.companies.len(),
            |r| Ok(self.replicate(r)),
            |replicate, c| self.view(replicate, c).prevalence().0,
            |_, draws| draws,
        )
    }

    /// Experts of every company of `study`, which the plan was made for, in every replicate, `[company][replicate]`.
    pub(super) fn experts(&self, study: &Study) -> Result<Vec<Vec<u64>>, StudyError> {
        by_company(
            self.settings,
            self.companies.len(),
            |r| Ok(self.replicate(r)),
            |replicate, c| self.view(replicate, c).experts() + study.companies[c].gold_experts,
            |_, drawn| drawn,
        )
    }

    /// Estimates of the companies of `study`, which the plan was made for.
    pub(super) fn estimate(&self, study: &Study) -> Result<Vec<Estimate>, StudyError> {
        by_company(
            self.settings,
            self.companies.len(),
            |r| Ok(self.replicate(r)),
            |replicate, c| (self.view(replicate, c).experts(), self.null_view(replicate, c).false_experts()),
            |c, drawn| Estimate::new(&study.companies[c], drawn.into_iter(), self.settings.level),
        )
    }

    /// The replicate before any company has looked at it.
    fn replicate(&self, number: usize) -> Replicate {
        let mut replicate = Replicate {
            number,
            table: RatioTable::new(self.bins.masks.len() * BINS),
            null_rates: self.rates[self.null_source(number)].clone(),
            null_groups: Vec::new(),
        };
        for (mask, rates) in self.rates[number].iter().enumerate() {
            replicate.judge_by(mask, rates);
        }
        replicate
    }

    /// The replicate that the labels of companies without experts come from.
    fn null_source(&self, replicate: usize) -> usize {
        (replicate + self.settings.draws / 2) % self.settings.draws
    }

    /// View of a replicate by a company, for what is drawn from its labels; where annotators drift, people are judged by rates of its own.
    fn view<'v>(&'v self, replicate: &'v mut Replicate, company: usize) -> View<'v> {
        let company = &self.companies[company];
        let number = replicate.number;
        self.drifted(number, number, company, &company.drift, |mask, rates| replicate.judge_by(mask, &rates));
        View { company, replicate }
    }

    /// View for [`View::false_experts`], after that of [`Plan::view`] by the company: labels come about by rates of their own too.
    fn null_view<'v>(&'v self, replicate: &'v mut Replicate, company: usize) -> View<'v> {
        let company = &self.companies[company];
        let source = self.null_source(replicate.number);
        let drift = &company.null_drift;
        self.drifted(replicate.number, source, company, drift, |mask, rates| replicate.null_rates[mask] = rates);
        View { company, replicate }
    }

    /// Rates of the company's masks from the source of a replicate after the annotators' drift there, where they drift.
    fn drifted(
        &self,
        number: usize,
        source: usize,
        company: &BinnedCompany,
        drift: &Stream,
        mut take: impl FnMut(usize, BinRates),
    ) {
        let Some(source) = self.sources.get(source) else {
            return;
        };
        let mut generator = drift.replicate(number as u64);
        let weights = self.bins.drift(&source.weights, self.settings.drift_sd, &mut generator);
        for &(mask, _) in &company.masks {
            take(mask, self.bins.rates(mask, &weights, &source.pseudo_counts[mask]));
        }
    }
}

/// View of a replicate by one company: everything that is drawn for it.
struct View<'a> {
    company: &'a BinnedCompany,
    replicate: &'a mut Replicate,
}

impl View<'_> {
    /// Prevalence, and the generator to go on with.
    fn prevalence(&self) -> (f64, ChaCha8Rng) {
        let mut generator = self.company.prevalence.replicate(self.replicate.number as u64);
        (draw(&self.replicate.table, &self.company.groups, &mut generator), generator)
    }

    /// Experts among the people who are not gold.
    fn experts(&self) -> u64 {
        let (pi, mut generator) = self.prevalence();
        experts_in(&self.replicate.table, &self.company.groups, pi, &mut generator)
            + binomial(self.company.blank + self.company.unseen, pi, &mut generator)
    }

    /// Experts that the observed people would be given if none of them were one.
    fn false_experts(&mut self) -> u64 {
        let mut generator = self.company.null.replicate(self.replicate.number as u64);
        self.replicate.null_groups.clear();
        for &(mask, people) in &self.company.masks {
            let chances = self.replicate.null_rates[mask].map(|rates| rates[0]);
            let groups = &mut self.replicate.null_groups;
            multinomial(people, &chances, &mut generator, |bin, count| groups.push(Group::new(row(mask, bin), count)));
        }
        let Replicate { table, null_groups, .. } = &*self.replicate;
        let pi = draw(table, null_groups, &mut generator);
        experts_in(table, null_groups, pi, &mut generator) + binomial(self.company.blank, pi, &mut generator)
    }
}

/// Experts among the people of the groups at prevalence `pi`.
pub(super) fn experts_in(table: &RatioTable, groups: &[Group], pi: f64, generator: &mut ChaCha8Rng) -> u64 {
    groups.iter().map(|group| binomial(group.count, posterior(pi, table.ratio(group.row)), generator)).sum()
}
