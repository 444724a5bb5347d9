"""Write vectorizer.json: words, phrases and counts by CPython and scikit-learn's CountVectorizer.

characters   code points that `\\w` matches, that this Python's Unicode has not assigned (ranges), and those whose
             lower-case form is another
lower        texts in which lower-casing depends on what stands around
cases        vocabulary and matrix (column, count by row) of texts in many scripts and of made English ones, for n-gram
             ranges, stop words, min_df, max_df and max_features; "error" where scikit-learn refuses min_df and max_df

max_features stands only where no tie lies at the cut: there scikit-learn keeps what numpy's unstable sort leaves.

    python test/oracle/vectorizer.py
"""

import json
import platform
import random
import re
import unicodedata
from pathlib import Path

import sklearn
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer

LOWER = [
    "ΟΔΥΣΣΕΥΣ ΣΟΦΟΣ", "ΑΣ ΑΣ. ΑΣ, Σ Σ'Σ", "ΑΣ\u0301 ΑΣ\u0301Β", "\u03a3\u0301Σ", "AΣ\u00adB AΣ\u00ad", "İSTANBUL İ I ı",
    "STRASSE STRAẞE ß", "ǅ Ǆ ǆ", "Ⅷ ⅷ Ⓐ", "ᾈ ᾼ ΐ", "𐐀𐐁 𝐀𝐁", "ﬁ ﬃ", "K Å Ω", "ᏣᎳᎩ Ꮳ", "ႠႡ ᲐᲑ", "Σ\u200dΣ Α\u200dΣ", "1Σ 1Σ2 aΣ2",
]
TORTURE = [
    "Machine-learning engineer @ R&D; C++/C#, .NET & node.js — Ph.D. (NLP), 10+ yrs",
    "naïve café façade coöperate; cafe\u0301 nai\u0308ve re\u0301sume\u0301 résumé RÉSUMÉ",
    "Straße STRASSE Maß GROẞ ﬁnance eﬃcient ﬁ",
    "İstanbul'da İŞ ilanı, IĞDIR ıssız Diyarbakır",
    "ΟΔΥΣΣΕΥΣ ΣΟΦΟΣ ΑΣ. σας Ο Σ ΑΣ\u0301 τέλος",
    "Инженер-программист, ЁЛКА ёлка Їжак Қазақ Ўзбек",
    "机器学习工程师 深度学习 データサイエンティスト ひらがな カタカナ ｶﾀｶﾅ 머신러닝 한국어 \u1112\u1161\u11ab",
    "مهندس تعلّم الآلة ١٢٣ ۴۵۶ كتابٌ لا\u200cها", "מהנדסת תוכנה שָׁלוֹם בעו״מ", "वैज्ञानिक मशीन लर्निंग ज्ञा १२३ क्ष",
    "นักวิทยาศาสตร์ข้อมูล กำ เครื่อง", "தமிழ் மொழி ಕನ್ನಡ తెలుగు മലയാളം বাংলা ગુજરાતી ਪੰਜਾਬੀ", "ၐၑ မြန်မာ ខ្មែរ ລາວ བོད་ཡིག",
    "👩‍💻 👨🏽‍🔬 ❤️ AI🤖ML 🇩🇪 ☕️coffee\u200d break", "x² H₂O ①② Ⅻ ½ ¾ ⅷ m³ 10⁻⁶ ٣٤ 𝟙𝟚 ㊿ ㈠ ㍘ 〇七 🄌 ⑨⑩",
    "zero\u200bwidth zero\u200cwidth soft\u00adhyphen word\u2060joiner nb\u00a0sp thin\u2009sp \ufeffbom line\u2028sep para\u2029sep",
    "snake_case __init__ _x a_ _ __ dash–dash em—dash ‘quoted’ “quoted” don't don’t l'été o'clock",
    "tab\tnew\nline\r\nvertical\x0bform\x0cnul\x00bell\x07del\x7fnel\x85end", "ᏣᎳᎩ ᲐᲑᲒ ႠႡႢ ⰀⰁ Ⲁⲁ 𐐀𐐁𐐂 𝐀𝐁𝐂 𝕄𝕃 ＡＢＣ ａｂｃ １２３ ⒶⒷ",
    "a b c I A 1 2 ab ABC aB1 1a 3d 4K c4 i18n", "https://example.org/a?b=c&d=é#f mail@example.org 192.168.0.1 v1.2.3 1,000.50",
    "the a an of and THE And OF ofthe the_of", "", "   ", "!!! ... ???", "ßß ẞẞ ŉŉ ǰǰ ΐΐ ևև ẖẖ ᾼᾼ ﬀﬀ",
    "e\u0327\u0301e\u0301\u0327 a\u0300b o\u0308o ñ n\u0303n Å A\u030aA", "\u0345ͅa ᾳᾳ \u02b0ʰʰ ªª ºº ˈˈ ˇˇ ʼʼ ʻʻ ٴٴ ـــ",
    "\U000e0001tag \U000e0100vs ab\ufe0fcd \ue000\ue001 ab\ufffdcd \ufdd0ab ab\U0010ffffcd", "\u180eab ab\u061ccd \u2066ab\u2069 \u206aab",
]
WORDS = """machine learning deep neural network research engineer data scientist sales manager marketing head of the and for with
in to at on university phd paper python rust sql database product design strategy team lead senior junior analyst finance
account customer service language model vision robot control signal statistics bayesian inference causal""".split()


def ranges(numbers):
    found = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return found


def made(seed, n):
    """English texts of 3 to 60 words, frequent words first."""
    generator = random.Random(seed)
    weights = [1 / (rank + 3) for rank in range(len(WORDS))]
    return [" ".join(generator.choices(WORDS, weights, k=generator.randint(3, 60))) for _ in range(n)]


def case(name, texts, **options):
    stop_words = options.pop("stop_words", None)
    low, high = options.pop("ngrams", (1, 1))
    limit = options.pop("max_features", None)
    shown = {"min_df": 1, "max_df": 1.0, **options}
    made = {"name": name, "ngram_min": low, "ngram_max": high, "stop_words": stop_words, **shown}

    def fit(limit):
        vectorizer = CountVectorizer(ngram_range=(low, high), stop_words=stop_words, max_features=limit, **shown)
        return vectorizer, vectorizer.fit_transform(TEXTS[texts]).tocsr()

    try:
        vectorizer, matrix = fit(None)
        if limit:
            total = sorted(matrix.sum(axis=0).A1 if hasattr(matrix.sum(axis=0), "A1") else matrix.sum(axis=0), reverse=True)
            limit = next(k for k in range(limit, 0, -1) if total[k - 1] > total[k])
            vectorizer, matrix = fit(limit)
        vocabulary = list(vectorizer.get_feature_names_out())
        rows = []
        for i in range(matrix.shape[0]):
            row = matrix[[i]].tocoo()
            rows.append(sorted([int(j), int(n)] for j, n in zip(row.coords[1], row.data)))
    except ValueError as error:
        assert "max_df corresponds" in str(error), error
        vocabulary, rows = "error", []
    return {**made, "texts": texts, "max_features": limit, "vocabulary": vocabulary, "rows": rows}


TEXTS = {"torture": TORTURE, "made": made(1, 60)}


def main():
    every = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    word = re.compile(r"\w")
    cases = [case(f"torture 1 to {n}", "torture", ngrams=(1, n)) for n in (1, 2, 3, 4)]
    cases += [case("torture stop words", "torture", ngrams=(1, 2), stop_words="english")]
    cases += [case(f"made {low} to {high}", "made", ngrams=(low, high), min_df=3) for low, high in ((1, 1), (1, 4), (2, 3), (3, 3))]
    cases += [case(f"made, stop words, 1 to {n}", "made", ngrams=(1, n), stop_words="english", min_df=2) for n in (1, 2, 4)]
    limits = [(2, 0.85), (0.1, 0.5), (0.05, 30), (5, 20), (0.0, 0.2), (1, 1), (3, 3), (0.15, 1.0), (50, 0.2), (0.9, 3), (10, 5)]
    cases += [case(f"made {low} to {high} documents", "made", ngrams=(1, 2), min_df=low, max_df=high) for low, high in limits]
    cases += [case(f"made, {k} features", "made", ngrams=(1, 3), min_df=2, max_features=k) for k in (5, 20, 40, 60)]
    oracle = {
        "versions": {"python": platform.python_version(), "unicode": unicodedata.unidata_version, "scikit-learn": sklearn.__version__},
        "characters": {
            "word": ranges([ord(c) for c in every if word.match(c)]),
            "unassigned": ranges([ord(c) for c in every if unicodedata.category(c) == "Cn"]),
            "lower": {c: c.lower() for c in every if c.lower() != c},
        },
        "lower": [[text, text.lower()] for text in LOWER],
        "english_stop_words": sorted(ENGLISH_STOP_WORDS),
        "texts": TEXTS,
        "cases": cases,
    }
    path = Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(oracle, ensure_ascii=False, separators=(",", ":")) + "\n")
    print(f"{path.name}: {path.stat().st_size:,} bytes, {len(cases)} cases")


if __name__ == "__main__":
    main()
