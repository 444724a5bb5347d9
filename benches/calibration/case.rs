//! Studies whose truth is known: companies with all their people, and the choice of gold people among these.

use muster::bench::probit::{Count, Pattern, Study};
use muster::bench::random::{Purpose, Stream};
use muster::bench::simulate::{Company, Person, company_name};
use rand::RngExt;
use std::collections::BTreeMap;

/// Origin of the gold people.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Gold {
    /// Gold people without a company, chosen by class.
    Outside,
    /// Drawn in companies without a look at the truth.
    AtRandom,
    /// So many experts and so many others, drawn in companies inside each class.
    ByClass,
}

impl Gold {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Gold::Outside => "outside",
            Gold::AtRandom => "inside, at random",
            Gold::ByClass => "inside, by class",
        }
    }
}

/// Person of a company chosen to be rated: company, position among its people, and inverse of the chance.
pub(crate) type Chosen = (usize, usize, f64);

/// Person drawn by a chance that does not depend on the labels.
pub(crate) fn unweighted((company, position): (usize, usize)) -> Chosen {
    (company, position, 1.0)
}

/// A study and its truth. Names of the companies are those of [`company_name`], in order.
pub(crate) struct Case {
    pub(crate) annotators: Vec<String>,
    pub(crate) companies: Vec<Company>,
    /// Gold people of each company: position among its people, and inverse of the chance with which each was chosen.
    pub(crate) gold: Vec<BTreeMap<usize, f64>>,
    /// Gold people without a company.
    pub(crate) outside: Vec<Person>,
    pub(crate) sampling: Gold,
    seed: u64,
}

/// People alike: company, truth, labels that are there and that say yes, bits of the gold weight.
type Kind = (Option<usize>, Option<bool>, u32, u32, u64);

impl Case {
    /// The study before any of its companies' people are gold.
    pub(crate) fn new(annotators: Vec<String>, companies: Vec<Company>, outside: Vec<Person>, seed: u64) -> Self {
        let gold = vec![BTreeMap::new(); companies.len()];
        Case { annotators, companies, gold, outside, sampling: Gold::Outside, seed }
    }

    /// Company and position of the people that `of` holds for, in random order.
    pub(crate) fn shuffled(&self, of: impl Fn(&Person) -> bool) -> Vec<(usize, usize)> {
        let mut generator = Stream::new(self.seed, Purpose::Simulation, 3).replicate(0);
        let mut people = Vec::new();
        for (c, company) in self.companies.iter().enumerate() {
            for (position, person) in company.people.iter().enumerate() {
                let key: f64 = generator.random();
                if of(person) {
                    people.push((key, (c, position)));
                }
            }
        }
        people.sort_by(|a, b| a.0.total_cmp(&b.0));
        people.into_iter().map(|(_, at)| at).collect()
    }

    /// Makes the people chosen gold, who were drawn without a look at the truth.
    pub(crate) fn chosen(mut self, people: impl IntoIterator<Item = Chosen>) -> Self {
        for (company, position, weight) in people {
            self.gold[company].insert(position, weight);
        }
        self.sampling = Gold::AtRandom;
        self
    }

    /// Makes `n` people gold, drawn over all companies.
    pub(crate) fn over_all(self, n: usize) -> Self {
        let people = self.shuffled(|_| true);
        self.chosen(people.into_iter().take(n).map(unweighted))
    }

    /// `n` people, one a company in turn, drawn inside each.
    pub(crate) fn in_turn(&self, n: usize) -> Vec<(usize, usize)> {
        let mut waiting: Vec<Vec<usize>> = vec![Vec::new(); self.companies.len()];
        for (company, position) in self.shuffled(|_| true) {
            waiting[company].push(position);
        }
        let n = n.min(waiting.iter().map(Vec::len).sum());
        let turns = (0..waiting.len()).cycle();
        turns.filter_map(|company| waiting[company].pop().map(|position| (company, position))).take(n).collect()
    }

    /// Makes so many experts and so many others gold, drawn over all companies.
    pub(crate) fn by_class(mut self, experts: usize, others: usize) -> Self {
        for (class, n) in [(true, experts), (false, others)] {
            for (company, position) in self.shuffled(|person| person.expert == class).into_iter().take(n) {
                self.gold[company].insert(position, 1.0);
            }
        }
        self.sampling = Gold::ByClass;
        self
    }

    /// Takes the gold people out of their companies: their labels and classes stay, their companies are forgotten.
    pub(crate) fn stripped(mut self) -> Self {
        for (company, gold) in self.companies.iter_mut().zip(&mut self.gold) {
            for (position, _) in std::mem::take(gold).into_iter().rev() {
                let person = company.people.remove(position);
                company.headcount -= 1;
                company.experts -= u64::from(person.expert);
                self.outside.push(person);
            }
        }
        self.sampling = Gold::Outside;
        self
    }

    /// Deals the people of each class out anew among the companies, which keep their numbers of both: annotators then do not
    /// drift.
    pub(crate) fn dealt_out(mut self) -> Self {
        for class in [false, true] {
            let places = self.shuffled(|person| person.expert == class);
            let dealt: Vec<Person> = places.iter().map(|(company, at)| self.companies[*company].people[*at]).collect();
            let mut sorted = places;
            sorted.sort_unstable();
            for ((company, at), person) in sorted.into_iter().zip(dealt) {
                self.companies[company].people[at] = person;
            }
        }
        self
    }

    /// Lets yes-labels of the annotators at `positions` in companies, not those of gold people outside, become no unless
    /// drawn with chance `kept`.
    pub(crate) fn thinned(mut self, positions: &[usize], kept: f64) -> Self {
        let mut generator = Stream::new(self.seed, Purpose::Simulation, 4).replicate(0);
        for person in self.companies.iter_mut().flat_map(|company| &mut company.people) {
            for j in positions {
                if generator.random::<f64>() >= kept {
                    person.pattern.yes &= !(1 << j);
                }
            }
        }
        self
    }

    /// Lets each label of everybody be missing with a chance.
    pub(crate) fn hidden(mut self, chance: f64) -> Self {
        let mut generator = Stream::new(self.seed, Purpose::Simulation, 6).replicate(0);
        for person in self.companies.iter_mut().flat_map(|company| &mut company.people).chain(&mut self.outside) {
            let kept = (0..self.annotators.len()).filter(|_| generator.random::<f64>() >= chance);
            person.pattern = person.pattern.within(kept.fold(0, |mask, j| mask | 1 << j));
        }
        self
    }

    /// Leaves the annotators of these names out.
    pub(crate) fn without(mut self, names: &[String]) -> Self {
        let kept: Vec<usize> = (0..self.annotators.len()).filter(|j| !names.contains(&self.annotators[*j])).collect();
        self.annotators = kept.iter().map(|j| self.annotators[*j].clone()).collect();
        let everybody = self.companies.iter_mut().flat_map(|company| &mut company.people).chain(&mut self.outside);
        for person in everybody {
            person.pattern = Pattern::of(person.pattern.seen.into(), person.pattern.yes.into(), &kept);
        }
        self
    }

    /// The study that an estimate is made from.
    pub(crate) fn study(&self) -> Study {
        let mut counted: BTreeMap<Kind, u64> = BTreeMap::new();
        for person in &self.outside {
            let kind = (None, Some(person.expert), person.pattern.seen, person.pattern.yes, 1f64.to_bits());
            *counted.entry(kind).or_default() += 1;
        }
        for (c, company) in self.companies.iter().enumerate() {
            for (position, person) in company.people.iter().enumerate() {
                let gold = self.gold[c].get(&position);
                let weight = gold.copied().unwrap_or(1.0).to_bits();
                let truth = gold.map(|_| person.expert);
                *counted.entry((Some(c), truth, person.pattern.seen, person.pattern.yes, weight)).or_default() += 1;
            }
        }
        let counts: Vec<Count> = counted
            .into_iter()
            .map(|((company, truth, seen, yes, weight), count)| Count {
                company: company.map(company_name),
                truth,
                seen: seen.into(),
                yes: yes.into(),
                count,
                gold_weight: f64::from_bits(weight),
                headcount: company.map(|c| self.companies[c].headcount as f64),
            })
            .collect();
        Study::new(&self.annotators, &counts).expect("a study of at most twelve annotators")
    }
}
