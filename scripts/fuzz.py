"""Run the property tests with new seeds until the minutes are over: `make fuzz MINUTES=10`.

    python3 scripts/fuzz.py --minutes 10 TESTS

TESTS is the program that `cargo test --release --lib --no-run` builds. In each round every property test runs by itself, so that one
which ends the process is found too, with the seed of the round and as many cases as it always has. Prints rounds, cases and findings; a
finding comes with its seed, by which `PROPTEST_RNG_SEED=… cargo test` gives it again. Ends with status 1 where there is one.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROPERTY = re.compile(r"fn (\w+)\(\s*[^{;]*? in ", re.DOTALL)
CASES = re.compile(r"with_cases\((\d+)\)")
# of a block that does not say
USUAL = 256


def properties(listed):
    """The property tests among those listed, each with its number of cases."""
    tests = {}
    for path in sorted((ROOT / "src").rglob("*.rs")):
        module = "::".join(path.relative_to(ROOT / "src").with_suffix("").parts).removesuffix("::mod")
        for block in path.read_text().split("proptest! {")[1:]:
            cases = CASES.search(block.split("fn ", 1)[0])
            for name in PROPERTY.findall(block):
                (test,) = (test for test in listed if test.startswith(f"{module}::") and test.endswith(f"::{name}"))
                tests[test] = int(cases[1]) if cases else USUAL
    return tests


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the first round")
    parser.add_argument("tests", type=Path)
    args = parser.parse_args()
    listed = subprocess.run([args.tests, "--list"], capture_output=True, text=True, check=True).stdout
    tests = properties(re.findall(r"^(\S+): test$", listed, re.MULTILINE))
    print(f"{len(tests)} property tests, {sum(tests.values()):,} cases a round", flush=True)
    end = time.monotonic() + 60 * args.minutes
    seed, cases, findings = args.seed, 0, 0
    while time.monotonic() < end:
        for test, count in tests.items():
            # findings that proptest keeps would be given again in each later round, and counted each time
            environment = {**os.environ, "PROPTEST_RNG_SEED": str(seed), "PROPTEST_DISABLE_FAILURE_PERSISTENCE": "1"}
            run = subprocess.run([args.tests, "--exact", test], capture_output=True, text=True, env=environment, cwd=ROOT)
            cases += count
            if run.returncode:
                findings += 1
                print(f"{test} with PROPTEST_RNG_SEED={seed}: status {run.returncode}\n{run.stdout[-2000:]}{run.stderr[-500:]}", flush=True)
        seed += 1
    print(f"{seed - args.seed} rounds, {cases:,} cases in {args.minutes:g} minutes: {findings} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
