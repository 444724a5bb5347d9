"""The glossary's retired words do not come back.

Words in code font in the last column of docs/glossary.md are looked for in code, SQL, tests and docs as identifiers or quoted values:
`rated` as a part of names (`rated_people`), 'pooled' as a value.
"""

import re
import subprocess
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GLOSSARY = ROOT / "docs" / "glossary.md"
ENDINGS = {".rs", ".sql", ".py", ".md", ".test", ".yml", ".toml"}


def retired():
    """The words of the last column that stand in code font."""
    rows = [line.split("|") for line in GLOSSARY.read_text().splitlines() if line.startswith("|")]
    return [word for row in rows for word in re.findall(r"`(\w+)`", row[-2])]


def uses(word):
    """A pattern for the word as a value in quotes, as a name in code font, or as a part of a name."""
    quoted = rf"(?<![\w'])['\"`]{word}['\"`](?!\w)"
    return re.compile(rf"{quoted}|\b{word}_(?=[a-z])|(?<=[a-z])_{word}\b" + (rf"|\b{word}\b" if "_" in word else ""))


class Words(unittest.TestCase):
    def test_retired_words_stay_away(self):
        patterns = [uses(word) for word in retired()]
        self.assertGreater(len(patterns), 5)
        files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
        found = []
        for name in files:
            path = ROOT / name
            if path.suffix not in ENDINGS or path in (GLOSSARY, Path(__file__)) or "oracle" in path.parts or not path.exists():
                continue
            for number, line in enumerate(path.read_text().splitlines(), 1):
                found += [f"{name}:{number}: {line.strip()}" for pattern in patterns if pattern.search(line)]
        self.assertEqual(found, [])

    def test_the_patterns_find_what_they_should(self):
        for word, text in [("rated", "n_rated"), ("rated", "rated_people"), ("pooled", "method := 'pooled'"), ("study_tiers", "study_tiers")]:
            self.assertTrue(uses(word).search(text), text)
        for word, text in [("rated", "generated"), ("rated", "humans rated them"), ("pooled", "pooled estimates"), ("known", "is known")]:
            self.assertFalse(uses(word).search(text), text)


if __name__ == "__main__":
    unittest.main()
