"""Labels of keyword filters by the definition, letter by letter: `keyword_filter.json`.

A term occurs at a place of a text where its characters follow there one after the other:
* a run of gaps (white space, dashes, zero-width space) in the term takes a run of at least one of them in the text;
* any other character takes one that folds to the same, by simple case folding;
* soft hyphens, word joiners and byte order marks in term and text are passed over;
and, where its first or last character is a word character, no word character stands before or behind.

No text is brought to another form and nothing is searched for but by trying every place. Folding and classes come from
Python's own Unicode tables. The letters that only newer tables fold (U+1FD3, U+1FE3, U+FB05) are not in the set.

    python test/oracle/keyword_filter.py
"""

import json
import platform
import random
import re
import unicodedata
from pathlib import Path

DROPPED = "\u00ad\u2060\ufeff"
WHITE = set("\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000\u200b") | {chr(c) for c in range(0x2000, 0x200B)}
RANDOM_CASES = 1500


def is_gap(c):
    return c in WHITE or unicodedata.category(c) == "Pd"


def is_word(c):
    return unicodedata.category(c)[0] in "LM" or unicodedata.category(c) in ("Nd", "Nl", "Pc") or c in "\u200c\u200d"


def fold(c):
    """CaseFolding.txt, statuses C and S: the full folding where it is one character, else the small letter where that is one."""
    for folded in (c.casefold(), c.lower()):
        if len(folded) == 1:
            return folded
    return c


def pieces(term):
    """Characters of a term, None for a run of gaps; none at the ends."""
    out = []
    for c in term:
        if c in DROPPED:
            continue
        if not is_gap(c):
            out.append(c)
        elif out and out[-1] is not None:
            out.append(None)
    return out[:-1] if out and out[-1] is None else out


def behind(text, i, step):
    """The next character that counts from place i on, or None."""
    while 0 <= i < len(text):
        if text[i] not in DROPPED:
            return text[i]
        i += step
    return None


def matches_at(term, text, i):
    if is_word(term[0]) and (c := behind(text, i - 1, -1)) is not None and is_word(c):
        return False
    for piece in term:
        while i < len(text) and text[i] in DROPPED:
            i += 1
        if piece is None:
            start = i
            while i < len(text) and (is_gap(text[i]) or text[i] in DROPPED):
                i += 1
            if start == i:
                return False
        elif i == len(text) or fold(text[i]) != fold(piece):
            return False
        else:
            i += 1
    return not (is_word(term[-1]) and (c := behind(text, i, 1)) is not None and is_word(c))


def occurs(term, text):
    if term.startswith("regex:"):
        return re.search(term.removeprefix("regex:"), text, re.IGNORECASE) is not None
    term = pieces(term)
    return any(matches_at(term, text, i) for i in range(len(text)))


def label(row, text):
    if text is None:
        return None
    if all(is_gap(c) or c in DROPPED for c in text):
        return False
    any_of, all_of, none_of = (row.get(key) or [] for key in ("any_of", "all_of", "none_of"))
    groups = [group if isinstance(group, list) else [group] for group in all_of]
    return (
        all(any(occurs(term, text) for term in group) for group in [any_of, *groups] if group)
        and not any(occurs(term, text) for term in none_of)
    )


WRITTEN = [
    # term, texts
    ("machine learning", ["Machine Learning", "machine-learning", "machine\n  learning", "machine – learning", "machinelearning",
                          "machine_learning", "machine learnings", "premachine learning", "machine, learning", "machine\u00a0learning",
                          "ma\u00adchine learn\u00ading", "machine\u2011learning", "MACHINE\tLEARNING.", "machine \u00ad learning",
                          "machine-\nlearning", "machine/learning", "machine\u200blearning", "machine\u200dlearning"]),
    ("machine-learning", ["machine learning", "machine - learning", "Machine -- Learning"]),
    (" - machine -", ["machine", "machines", "a-machine-b"]),
    ("C++", ["C++", "c++11", "Objective-C++", "C+ +", "xC++", "C++.", "(C++)", "C+"]),
    ("C#", ["C#", "c# developer", "VC#", "C#/.NET", "C #"]),
    (".NET", [".NET", "ASP.NET", "dot net", ".NETs", ".net core", "net"]),
    ("R&D", ["R&D", "r&d-manager", "HR&D", "R & D", "R&Dx"]),
    ("R", ["R, Python", "R&D", "r", "RStudio", "R2", "R_", "Ř", "R\u0301", "C+R"]),
    ("C", ["C++", "C#", "vitamin C", "ANSI-C", "C99"]),
    ("Straße", ["STRAßE", "STRAẞE", "STRASSE", "straße", "Strasse", "Straßen"]),
    ("ẞ", ["ß", "ss", "ẞ", "aß"]),
    ("istanbul", ["ISTANBUL", "İstanbul", "ıstanbul", "Istanbul"]),
    ("İzmir", ["İZMIR", "izmir", "Izmir", "İzmir", "i\u0307zmir"]),
    ("ΟΔΥΣΣΕΥΣ", ["Οδυσσεύς", "οδυσσευς", "οδυσσευσ", "ΟΔΥΣΣΕΥΣ", "οδυςςευς"]),
    ("ﬁnance", ["finance", "ﬁnance", "ﬁNANCE", "FINANCE"]),
    ("finance", ["ﬁnance", "Finance"]),
    ("kelvin", ["\u212aelvin", "KELVIN"]),
    ("Å", ["\u212b", "å", "a\u030a", "A"]),
    ("café", ["CAFÉ", "cafe\u0301", "cafe", "cafés"]),
    ("cafe", ["cafe\u0301", "cafe", "CAFE"]),
    ("ſtudy", ["study", "STUDY", "ſtudy"]),
    ("µm", ["μm", "µm", "ΜM"]),
    ("дизайн", ["Дизайн", "ДИЗАЙН", "дизайнер"]),
    ("機械学習", ["機械学習", "機械学習の研究", "機械 学習"]),
    ("ᾳ", ["ᾼ", "ᾳ", "αι"]),
    ("ǆ", ["ǅ", "Ǆ", "ǆ", "dž"]),
    ("e-mail", ["mail", "email", "e mail", "E-Mail", "e—mail"]),
    ("state of the art", ["state-of-the-art", "State of  the\r\nArt", "state of art"]),
    ("5G", ["5g", "15G", "5GHz", "5 G"]),
    ("😀", ["😀😀", "x😀y", "😁"]),
    ("don't", ["DON'T", "don’t", "dont"]),
    ("regex:\\bPh\\.?\\s?D\\b", ["PhD", "Ph.D", "ph. d", "phdx", "PH D."]),
    ("regex:learn", ["learning", "LEARNED", "lear"]),
    ("regex:^senior", ["Senior engineer", "a senior"]),
    ("regex:[0-9]{4}", ["2019", "20-19", "123"]),
]
LISTS = [
    {"any_of": ["a", "b"]},
    {"all_of": ["a", "b"]},
    {"none_of": ["a", "b"]},
    {"any_of": ["a", "b"], "none_of": ["c"]},
    {"any_of": ["a"], "all_of": ["b"], "none_of": ["c"]},
    {"all_of": [["a", "b"], ["c", "d"]]},
    {"all_of": [["a", "b"], []], "any_of": []},
    {"all_of": ["a", ["b", "c"]], "none_of": None},
    {},
    {"any_of": [], "all_of": [], "none_of": []},
    {"any_of": ["regex:a|z"], "none_of": ["regex:d"]},
]
TEXTS = ["", " ", "-", "\u00ad", None, "a", "b", "c", "a b", "b c", "a c", "a-b-c", "a b c d", "d", "x", "ab", "z", "\u200b", "."]
ALPHABET = ["a", "A", "b", "B", "ß", "ẞ", "s", "S", "ſ", "ς", "σ", "Σ", "i", "I", "İ", "ı", "é", "e", "\u0301", "k", "\u212a", "ﬁ", "1",
            "_", " ", " ", "-", "\n", "–", "\u00a0", "\u200b", "\u200d", "\u00ad", "+", "#", ".", "&", "й", "Й", "ö", "語", "😀"]


def random_text(rng, longest):
    return "".join(rng.choice(ALPHABET) for _ in range(rng.randint(1, longest)))


def random_case(rng):
    letters = rng.sample(ALPHABET, rng.randint(2, 6))
    texts = ["".join(rng.choice(letters) for _ in range(rng.randint(1, 12))) for _ in range(3)] + [random_text(rng, 12)]

    def term():
        while True:
            made = "".join(rng.choice(letters) for _ in range(rng.randint(1, 3)))
            if pieces(made):
                return made

    if all(is_gap(c) or c in DROPPED for c in letters):
        return random_case(rng)
    row = {"annotator": "x"}
    for key in ("any_of", "all_of", "none_of"):
        if rng.random() < (0.8 if key == "any_of" else 0.3):
            row[key] = [term() for _ in range(rng.randint(1, 2))]
    return row, texts


def main():
    rng = random.Random(20)
    cases = [({"annotator": "x", "any_of": [term]}, texts) for term, texts in WRITTEN]
    cases += [({"annotator": "x", **row}, TEXTS) for row in LISTS]
    cases += [random_case(rng) for _ in range(RANDOM_CASES)]
    cases = [{"filter": row, "texts": texts, "labels": [label(row, text) for text in texts]} for row, texts in cases]
    said = [x for case in cases for x in case["labels"]]
    out = {
        "source": "test/oracle/keyword_filter.py",
        "versions": {"python": platform.python_version(), "unicode": unicodedata.unidata_version},
        "cases": cases,
    }
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in out.pop("cases"))
    head = json.dumps(out)[:-1]
    Path(__file__).with_suffix(".json").write_text(f'{head}, "cases": [\n{lines}\n]}}\n')
    print(len(cases), "cases,", said.count(True), "yes,", said.count(False), "no,", said.count(None), "missing")


if __name__ == "__main__":
    main()
