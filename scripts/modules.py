"""The modules of `src/` and who uses whom, read from the paths in the code.

    modules.py --check    fails where modules use each other in a circle, and where the map in docs/development.md is stale
    modules.py --map      writes that map: a Mermaid chart of the top-level modules
    modules.py --circles  lists the circles, one a line

A module uses another where it names a path of it, after `use` or anywhere else. A parent that names its child's items and is
named by the child is a circle too; that it declares the child is none. Code under `#[cfg(test)]` does not count.
"""

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "development.md"
BEGIN, END = "<!-- map: made by scripts/modules.py -->", "<!-- end of map -->"

TOKEN = re.compile(
    r"""(?P<skip>//[^\n]*|/\*.*?\*/|b?"(?:\\.|[^"\\])*"|b?r(?P<fence>\#*)".*?"(?P=fence)|'(?:\\.[^']*|[^'\\])'|'\w+)"""
    r"|(?P<word>[A-Za-z_]\w*)|(?P<path>::)|(?P<mark>[^\s])",
    re.S,
)


def tokens(text):
    """Words and marks of Rust code, without comments, texts and lifetimes."""
    return [m.group() for m in TOKEN.finditer(text) if not m.group("skip")]


def without_tests(words):
    """The tokens without the items under `#[cfg(test)]`."""
    kept, at = [], 0
    marker = ["#", "[", "cfg", "(", "test", ")", "]"]
    while at < len(words):
        if words[at : at + 7] != marker:
            kept.append(words[at])
            at += 1
            continue
        at += 7
        depth = 0
        while at < len(words):
            depth += words[at] in "{([" and len(words[at]) == 1
            depth -= words[at] in "})]" and len(words[at]) == 1
            at += 1
            if depth == 0 and words[at - 1] in (";", "}"):
                break
    return kept


def paths(words):
    """Every path of the tokens, braces of `use` lists multiplied out."""

    def path(at, prefix):
        """Paths that begin at `at`, and where the next token is."""
        if words[at] == "{":
            found, at = [], at + 1
            while words[at] != "}":
                more, at = path(at, prefix)
                found += more
                if words[at] == ",":
                    at += 1
                elif words[at] == "as":
                    at += 2
            return found, at + 1
        prefix = prefix + [words[at]]
        if at + 1 < len(words) and words[at + 1] == "::" and at + 2 < len(words):
            if words[at + 2] == "<":
                return [prefix], at + 3
            return path(at + 2, prefix)
        return [prefix], at + 1

    found, at = [], 0
    while at < len(words):
        if re.match(r"[A-Za-z_]", words[at]) and at + 1 < len(words) and words[at + 1] == "::":
            more, at = path(at, [])
            found += more
        else:
            at += 1
    return found


class Modules:
    def __init__(self, folder):
        self.files = {}
        for file in sorted(folder.rglob("*.rs")):
            parts = list(file.relative_to(folder).with_suffix("").parts)
            if parts == ["lib"]:
                parts = []
            elif parts[-1] == "mod":
                parts = parts[:-1]
            self.files[tuple(parts)] = file
        code = {name: tokens(file.read_text()) for name, file in self.files.items()}
        # a file that only tests declare is no module of the crate
        real = {()}
        for name, words in code.items():
            words = without_tests(words)
            real |= {name + (words[at + 1],) for at in range(len(words) - 2) if words[at] == "mod" and words[at + 2] == ";"}
        self.names = set(self.files) & real
        self.uses = {name: set() for name in self.names}
        for name in self.names:
            for path in paths(without_tests(code[name])):
                target = self.resolve(name, path)
                if target is not None and target != name:
                    self.uses[name].add(target)

    def resolve(self, name, path):
        """The module that a path in module `name` leads into; None for what is not of this crate."""
        at, rest = list(name), list(path)
        if rest[0] == "crate":
            at, rest = [], rest[1:]
        elif rest[0] == "self":
            rest = rest[1:]
        elif rest[0] == "super":
            while rest and rest[0] == "super":
                at, rest = at[:-1], rest[1:]
        elif tuple(at + rest[:1]) not in self.names:
            return None
        while rest and tuple(at + rest[:1]) in self.names:
            at, rest = at + rest[:1], rest[1:]
        return tuple(at)

    def circles(self):
        """Sets of modules each of which leads to all others: Tarjan's strongly connected components."""
        index, low, stack, found = {}, {}, [], []

        def visit(name):
            index[name] = low[name] = len(index)
            stack.append(name)
            for other in sorted(self.uses[name]):
                if other not in index:
                    visit(other)
                    low[name] = min(low[name], low[other])
                elif other in stack:
                    low[name] = min(low[name], index[other])
            if low[name] == index[name]:
                part = stack[stack.index(name) :]
                del stack[stack.index(name) :]
                if len(part) > 1:
                    found.append(sorted(part))

        for name in sorted(self.names):
            if name not in index:
                visit(name)
        return found

    def chart(self):
        """Top-level modules as a Mermaid chart; arrows that follow from others are left out, and `bench`, which only hands on."""
        uses = {}
        for name, others in self.uses.items():
            top = name[:1]
            if top == ("bench",):
                continue
            uses.setdefault(top, set())
            uses[top] |= {other[:1] for other in others if other[:1] != top and other[:1]}

        def reach(name):
            seen, open_ = set(), list(uses.get(name, ()))
            while open_:
                other = open_.pop()
                if other not in seen:
                    seen.add(other)
                    open_ += uses.get(other, ())
            return seen

        lines = ["```mermaid", "flowchart TD"]
        for name in sorted(uses):
            direct = [other for other in uses[name] if not any(other in reach(third) for third in uses[name] - {other})]
            lines += [f"    {name[0]} --> {other[0]}" for other in sorted(direct) if name]
        return "\n".join(lines + ["```"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--check", action="store_true")
    action.add_argument("--map", action="store_true")
    action.add_argument("--circles", action="store_true")
    arguments = parser.parse_args()
    modules = Modules(ROOT / "src")
    circles = modules.circles()
    for part in circles:
        print("circle:", ", ".join("::".join(name) or "lib" for name in part))
        for name in part:
            print("   ", "::".join(name) or "lib", "->", ", ".join("::".join(o) or "lib" for o in sorted(modules.uses[name] & set(part))))
    if arguments.circles:
        return 0
    page = PAGE.read_text()
    head, rest = page.split(BEGIN)
    fresh = f"{head}{BEGIN}\n\n{modules.chart()}\n\n{END}{rest.split(END)[1]}"
    if arguments.map:
        PAGE.write_text(fresh)
        return 0
    if page != fresh:
        print("docs/development.md: the map is stale; make it anew with scripts/modules.py --map")
    return int(bool(circles) or page != fresh)


if __name__ == "__main__":
    sys.exit(main())
