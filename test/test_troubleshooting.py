"""Provoke every error of docs/troubleshooting.md.

The headings of the page in code font are the messages, with `…` for what differs from case to case. Each has a case here that must end with
that message, and each case a heading, so that page and code cannot drift apart.
"""

import argparse
import os
import re
import sys
import tempfile
from pathlib import Path

import duckdb

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
import docs  # noqa: E402
from mock import environment_without_keys  # noqa: E402

FIT = "FROM muster.fit_probit_bootstrap(ratings, profiles, company, is_expert{})"


def fit(arguments: str = "", ratings: str = "FROM ratings", profiles: str = "FROM profiles") -> str:
    return f"WITH r AS ({ratings}), p AS ({profiles}) FROM muster.fit_probit_bootstrap(r, p, company, is_expert{arguments})"


def annotate(models: str, more: str = "") -> str:
    return f"WITH people AS (SELECT 1 AS profile_id, 'text' AS text) FROM muster.llm_annotate(people, text, [{models}]{more})"


def ids(cast: str, relation: str) -> str:
    return f"SELECT * REPLACE (profile_id::{cast} + 9007199254740992 AS profile_id) FROM {relation}"


LOAD = "LOAD '{extension}'"
# statements that end with the message of the heading; those that begin with LOAD or ATTACH have a connection without muster
CASES = {
    "unsigned extensions are disabled by configuration": LOAD,
    "a database named muster is attached already": f"ATTACH ':memory:' AS muster; {LOAD}",
    "Table Function with name fit_probit_bootstrap does not exist": FIT.format("").replace("muster.", ""),
    "Table with name … does not exist": FIT.format("").replace("(ratings", "(my_ratings"),
    "ratings must have a column profile_id, got …": fit(ratings="SELECT profile_id AS person, annotator, label FROM ratings"),
    "label must be true or false, 1 or 0, yes or no, or NULL, got …": fit(ratings="SELECT * REPLACE ('perhaps' AS label) FROM ratings"),
    "truth must be true or false, 1 or 0, yes or no, or NULL, got …": fit(
        profiles="SELECT * REPLACE ('maybe' AS is_expert) FROM profiles"
    ),
    "ratings must have one row a person and annotator, profile_id … has several of one annotator": fit(
        ratings="FROM ratings UNION ALL FROM ratings"
    ),
    "profiles must have one row a person, profile_id … has …": fit(profiles="FROM profiles UNION ALL FROM profiles"),
    "profile_id must not be NULL or blank in profiles": fit(profiles="SELECT * REPLACE (NULL::BIGINT AS profile_id) FROM profiles"),
    "annotator must not be NULL or blank in ratings": fit(ratings="SELECT * REPLACE (NULL AS annotator) FROM ratings"),
    "profile_id must have types in ratings and profiles that compare without loss, got …": fit(
        ratings=ids("BIGINT", "ratings"), profiles=ids("DOUBLE", "profiles")
    ),
    "Unimplemented type for cast (… -> …)": fit(ratings="SELECT * REPLACE (uuid() AS profile_id) FROM ratings"),
    "headcount must be a whole number from 0 to 9007199254740992, got …": FIT.format(", headcount := -5"),
    "at most 12 annotators are possible, ratings has …": (
        "WITH r AS (SELECT profile_id, annotator || i AS annotator, label FROM ratings, range(3) AS t(i)) "
        "FROM muster.drift_summary(r, profiles, company, is_expert)"
    ),
    "needs at least 10 gold experts with labels to calibrate the annotators, got …": fit(
        profiles="SELECT * REPLACE (NULL::BOOLEAN AS is_expert) FROM profiles"
    ),
    "weight must be a whole number from 0 to 9007199254740992, got …": FIT.format(", weight := 0.5"),
    "gold_weight must be a positive number where truth is not NULL, got …": FIT.format(", gold_weight := 0"),
    "level must lie between 0 and 1, got …": FIT.format(", level := 80"),
    "draws must be a whole number from 1 to 100000, got …": FIT.format(", draws := 0"),
    "method must be one of 'company', 'hierarchical', 'original', 'original_by_size', got …": FIT.format(", method := 'best'"),
    "gold_sampling must be one of 'by_class', 'at_random', got …": FIT.format(", gold_sampling := 'random'"),
    "budget must be a whole number from 0 to 9007199254740992, got …": (
        "FROM muster.rating_plan(ratings, profiles, company, is_expert, budget := -1)"
    ),
    "filters must be a list of structs {annotator, any_of, all_of, none_of}, got …": (
        "FROM muster.keyword_filter(profiles, company, 'strict')"
    ),
    "estimates has no draws, make it with keep_draws := true": (
        f"CREATE TEMP TABLE estimates AS {FIT.format(', draws := 20')}; FROM muster.headcount_total(estimates)"
    ),
    "draws must have the estimate as their mean, got …": (
        f"CREATE TEMP TABLE estimates AS SELECT * REPLACE (0 AS estimate) FROM ({FIT.format(', draws := 20, keep_draws := true')}); "
        "FROM muster.headcount_total(estimates)"
    ),
    "needs a key in the environment variable OPENAI_API_KEY": annotate("'openai:gpt-5-mini'"),
    "models must be written 'provider:model', got …": annotate("'gpt-5-mini'"),
    "models must have a provider that is one of 'google', 'anthropic', 'openai', 'azure', 'openai-compatible', got …": annotate(
        "'mistral:large'"
    ),
    "models must have a base_url for 'openai-compatible', such as 'http://localhost:11434/v1', got none": annotate(
        "{provider: 'openai-compatible', model: 'llama'}"
    ),
    "replay := true, but … answers looked up are not in the store …": annotate("'openai:gpt-5-mini'", ", replay := true"),
    "store must be the path of a file, got …": "FROM muster.llm_usage(store := ':memory:')",
    "model … was not found; looked at …": "SELECT muster.embed('text', model := 'nobody/nothing')",
    "enable_external_access must be true for what reads or writes files or asks servers, got false": (
        "SET enable_external_access = false; SELECT muster.embed('text')"
    ),
}


def message(extension: str, statements: str) -> str:
    """The error that the statements end with, or that there is none."""
    if statements == LOAD:
        connection = duckdb.connect()
    elif statements.startswith("ATTACH"):
        connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    else:
        connection = docs.connect(extension)
        connection.execute(docs.PREPARE)
    try:
        connection.execute(statements.replace("{extension}", extension)).fetchall()
    except duckdb.Error as error:
        return str(error)
    return "no error"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extension", required=True)
    args = parser.parse_args()
    for name in set(os.environ) - set(environment_without_keys()):
        del os.environ[name]
    page = (ROOT / "docs" / "troubleshooting.md").read_text()
    headings = re.findall(r"^### `(.+)`$", page, flags=re.M)
    problems = [f"no heading: {text}" for text in CASES.keys() - set(headings)]
    problems += [f"no case: {text}" for text in headings if text not in CASES]
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(MUSTER_STORE=f"{folder}/store.sqlite", MUSTER_MODEL_DIR=folder, MUSTER_OFFLINE="1")
        for text, statements in CASES.items():
            got = message(str(Path(args.extension).resolve()), statements)
            if not re.search(".+".join(map(re.escape, text.rstrip("…").split("…"))), got):
                problems.append(f"{text}\n  came out as: {got}")
    for problem in problems:
        print(f"FAIL {problem}")
    print(f"{len(CASES)} messages, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
