"""Time what fits the model again and again, by the number of annotators.

    .venv/bin/python benches/annotators.py --extension build/release/muster.duckdb_extension [--annotators 6,8,12,22]

The study is made here, since the simulator has six annotators: three language models under several prompts each, alike
within a model (latent correlation .64) and across models (.36), 585 gold people, 20,000 others in 200 companies, 3 % of
the labels missing. Prints seconds of the whole statement and of the processors.
"""

import argparse
import resource
import time
from statistics import NormalDist

import duckdb
import numpy as np

NON_EXPERTS, EXPERTS = 432, 153
COMPANIES = 200
OBSERVED = 100

STATEMENTS = {
    "annotator_metrics": "FROM muster.annotator_metrics(ratings, profiles, is_expert)",
    "probit_posterior": "FROM muster.probit_posterior(ratings, profiles, is_expert, company := company)",
    "original": "FROM muster.fit_probit_bootstrap(ratings, profiles, company, is_expert, method := 'original')",
    "company": "FROM muster.fit_probit_bootstrap(ratings, profiles, company, is_expert, method := 'company')",
    "hierarchical": "FROM muster.fit_probit_bootstrap(ratings, profiles, company, is_expert)",
    "prior_sensitivity": "FROM muster.prior_sensitivity(ratings, profiles, company, is_expert)",
}


def make(connection, annotators: int) -> None:
    """Makes the tables `profiles` and `ratings`."""
    generator = np.random.default_rng(1)
    prevalence = np.clip(np.exp(generator.normal(np.log(0.04), 1.0, COMPANIES)), 0.0005, 0.4)
    others = (generator.random((COMPANIES, OBSERVED)) < prevalence[:, None]).ravel()
    truth = np.concatenate([np.zeros(NON_EXPERTS, bool), np.ones(EXPERTS, bool), others])
    company = np.concatenate([np.full(NON_EXPERTS + EXPERTS, -1), np.repeat(np.arange(COMPANIES), OBSERVED)])
    person = np.arange(len(truth))
    model = generator.standard_normal((len(truth), 3))[:, np.arange(annotators) % 3]
    own = generator.standard_normal((len(truth), annotators))
    latent = 0.6 * generator.standard_normal((len(truth), 1)) + 0.28**0.5 * model + 0.6 * own
    rates = np.where(truth[:, None], np.linspace(0.75, 0.45, annotators), np.linspace(0.03, 0.2, annotators))
    yes = latent > np.vectorize(NormalDist().inv_cdf)(1 - rates)
    there = generator.random(yes.shape) >= 0.03
    at, annotator = np.nonzero(there)
    label = yes[there]
    connection.execute("CREATE OR REPLACE TEMP TABLE profiles AS SELECT person AS profile_id, "
                       "CASE WHEN company >= 0 THEN format('company {:03d}', company) END AS company, "
                       "CASE WHEN company < 0 THEN truth END AS is_expert "
                       "FROM (SELECT unnest($1) AS person, unnest($2) AS company, unnest($3) AS truth)",
                       [person.tolist(), company.tolist(), truth.tolist()])
    connection.execute("CREATE OR REPLACE TEMP TABLE ratings AS SELECT person AS profile_id, "
                       "format('annotator {:02d}', annotator) AS annotator, label "
                       "FROM (SELECT unnest($1) AS person, unnest($2) AS annotator, unnest($3) AS label)",
                       [at.tolist(), annotator.tolist(), label.tolist()])


def processors() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extension", required=True)
    parser.add_argument("--annotators", default="6,8,12,22")
    parser.add_argument("--only", default=",".join(STATEMENTS), help="statements, separated by commas")
    args = parser.parse_args()
    connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    connection.execute(f"LOAD '{args.extension}'")
    for annotators in map(int, args.annotators.split(",")):
        make(connection, annotators)
        for name in args.only.split(","):
            wall, busy = time.perf_counter(), processors()
            try:
                connection.execute(STATEMENTS[name]).fetchall()
            except duckdb.Error as error:
                print(f"{annotators:>3} {name:<18} {error}", flush=True)
                continue
            wall, busy = time.perf_counter() - wall, processors() - busy
            print(f"{annotators:>3} {name:<18} {wall:8.2f} s {busy:8.2f} s of the processors", flush=True)


if __name__ == "__main__":
    main()
