"""The sample texts and affiliations are what their scripts make, and have in them what the list of planted keywords says.

    python test/test_texts.py
"""

import csv
import math
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent / "data"


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


class Texts(unittest.TestCase):
    def test_the_script_makes_them(self):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, DATA / "make_texts.py", "--to", folder], check=True, capture_output=True)
            names = sorted(path.name for path in Path(folder).iterdir())
            self.assertEqual(names, ["cvs.csv", "planted_keywords.csv", "texts.csv"])
            for name in names:
                self.assertEqual((Path(folder) / name).read_bytes(), (DATA / name).read_bytes(), name)

    def test_the_script_makes_the_affiliations(self):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, DATA / "make_affiliations.py", "--to", folder], check=True, capture_output=True)
            made = (Path(folder) / "affiliations.csv").read_bytes()
        self.assertEqual(made, (DATA / "affiliations.csv").read_bytes())
        profiles = {row["profile_id"] for row in read(DATA / "profiles.csv")}
        people = [row["profile_id"] for row in read(DATA / "affiliations.csv")]
        self.assertEqual((len(people), set(people) - profiles), (len(set(people)), set()))

    def test_every_gold_person_has_a_cv(self):
        gold = [row["profile_id"] for row in read(DATA / "profiles.csv") if row["is_expert"]]
        self.assertEqual([row["profile_id"] for row in read(DATA / "cvs.csv")], gold)
        self.assertEqual(len(gold), 585)

    def test_the_four_companies_are_whole(self):
        company = {row["profile_id"]: row["company"] for row in read(DATA / "profiles.csv")}
        headcounts = {row["company"]: int(row["headcount"]) for row in read(DATA / "companies.csv")}
        people = [company[row["profile_id"]] for row in read(DATA / "texts.csv")]
        self.assertEqual(len(set(people)), 4)
        self.assertEqual({name: people.count(name) for name in people}, {name: headcounts[name] for name in people})

    def test_planted_keywords_are_as_common_as_planned(self):
        truth = {row["profile_id"]: row["is_expert"] for row in read(DATA / "profiles.csv")}
        cvs = [(truth[row["profile_id"]], row["text"].lower()) for row in read(DATA / "cvs.csv")]
        off = []
        for row in read(DATA / "planted_keywords.csv"):
            words = re.compile(r"(?<!\w)" + r"[\s-]+".join(map(re.escape, row["keyword"].lower().split())) + r"(?!\w)")
            for label in ("true", "false"):
                texts = [text for expert, text in cvs if expert == label]
                share = float(row[f"share_{label}"])
                found = sum(words.search(text) is not None for text in texts) / len(texts)
                # chance, and what the quiet and the talkative add to it
                if abs(found - share) > 4 * math.sqrt(share * (1 - share) / len(texts)) + 0.03:
                    off.append((row["keyword"], label, share, round(found, 3)))
        self.assertEqual(off, [])


if __name__ == "__main__":
    unittest.main()
