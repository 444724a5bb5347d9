"""Write embed.json: token numbers and vectors of awkward texts, by sentence-transformers.

    python test/oracle/embed.py .models/sentence-transformers/all-MiniLM-L6-v2

Needs sentence-transformers; the versions that made the file stand in it. Vectors are the 32-bit floating point numbers of the
model on the processor, one text at a time, in base64, least significant byte first.
"""

import base64
import json
import random
import sys
from pathlib import Path

import numpy
import sentence_transformers
import tokenizers
import torch
import transformers

SCRIPTS = {
    "Latin": "The quick brown fox jumps over the lazy dog",
    "accents": "Ångström naïve façade Łódź œuvre Straße ÇELİK ﬁligree",
    "Greek": "Η μηχανική μάθηση και ο ΦΙΛΟΣΟΦΟΣ",
    "Cyrillic": "Исследователь машинного обучения в Москве",
    "Georgian": "მანქანური სწავლების მკვლევარი",
    "Armenian": "Մեքենայական ուսուցում",
    "Hebrew": "חוקר למידת מכונה עם נִקּוּד",
    "Arabic": "باحث في تعلم الآلة مع تَشْكِيل",
    "Persian": "پژوهشگر یادگیری\u200cماشین",
    "Urdu": "مشین لرننگ کے محقق",
    "Devanagari": "मशीन लर्निंग शोधकर्ता क्षत्रिय",
    "Bengali": "মেশিন লার্নিং গবেষক",
    "Tamil": "இயந்திர கற்றல் ஆராய்ச்சியாளர்",
    "Telugu": "మెషిన్ లెర్నింగ్",
    "Sinhala": "යන්ත්‍ර ඉගෙනීම",
    "Thai": "นักวิจัยการเรียนรู้ของเครื่อง",
    "Lao": "ການຮຽນຮູ້ຂອງເຄື່ອງ",
    "Tibetan": "འཕྲུལ་ཆས་སློབ་སྦྱོང",
    "Burmese": "စက်သင်ယူမှု သုတေသီ",
    "Khmer": "ការរៀនរបស់ម៉ាស៊ីន",
    "Hangul": "기계 학습 연구원",
    "Jamo": "\u1100\u1161\u11a8\u1112\u1161\u11a8",
    "Japanese": "機械学習の研究者はデータサイエンティストです",
    "half-width": "ﾃﾞｰﾀｻｲｴﾝｽ ＦＵＬＬ　ｗｉｄｔｈ",
    "Chinese": "机器学习研究员，人工智能专家。",
    "rare Chinese": "𠀀𠀁𪛖𫝀𫠝𫠠𰀀㐀䶵豈丽",
    "Ethiopic": "የማሽን ትምህርት ተመራማሪ",
    "Cherokee": "ᎠᏂᏴᏫᏯ ꭰꮒ",
    "Mongolian": "ᠮᠣᠩᠭᠣᠯ ᠪᠢᠴᠢᠭ",
    "Amharic and Latin": "ዳታ data ሳይንስ science",
    "Vietnamese": "Nghiên cứu viên học máy tiếng Việt",
    "Turkish": "IĞDIR ılık İSTANBUL makine öğrenmesi",
    "Deseret": "𐐔𐐯𐑅𐐨𐑉𐐯𐐻",
    "Gothic": "𐌲𐌿𐍄𐌹𐍃𐌺",
    "mathematics": "𝕄𝕒𝕔𝕙𝕚𝕟𝕖 𝑙𝑒𝑎𝑟𝑛𝑖𝑛𝑔 ∀x∈ℝ: ∑ₙ aₙ² ≤ √π ≠ ∞",
    "circled": "① Ⓜⓐⓒⓗⓘⓝⓔ ㈱ ㎏ ½ x² H₂O",
    "Braille and boxes": "⠓⠑⠇⠇⠕ ┌─┐│▓█ →⇒↦",
    "runes": "ᚠᚢᚦᚨᚱᚲ",
}
SIGNS = [
    "🙂", "👩‍🔬", "👨‍👩‍👧‍👦 family", "🏳️‍🌈🇩🇪🇯🇵", "👍🏽 thumbs up 👍🏿", "ok 🙂 fine", "☃️ snow", "❤️❤", "1️⃣ 2️⃣",
    "e\u0301 and é", "a\u0300\u0301\u0302\u0303", "\u0301 alone", "Z̸̢͓a̶l̷̡g̵o̴", "o\u0308\u0304", "q\u0323\u0307 q\u0307\u0323", "가각힣",
    "\u0627\u064b\u0652", "क्\u200dष क्\u200cष", "no\u00adbreak soft\u00adhyphen", "zero\u200bwidth\u200bspace", "word\u2060joiner",
    "\ufeffbyte order mark", "right\u200fto\u200eleft", "\u202eoverride\u202c", "private \ue000\uf8ff use", "\ufffd replaced \ufffd",
    "not \ufffe a \U0010ffff character", "unassigned \u0378 \U000e0080", "variation \ufe0f\ufe0e", "tag \U000e0041\U000e0042",
]
CONTROLS = [
    "", " ", "   ", "\n", "\t\r\n", "\u00a0", "\u2003\u2009", "\u3000", "\u2028\u2029", "\x00", "a\x00b", "\x01\x02\x03", "\x1b[31mred\x1b[0m",
    "bell\x07 back\x08space", "form\x0cfeed vertical\x0btab", "next\u0085line", "del\x7fete", "  leading", "trailing  ", "in   the \t\n middle",
    "carriage\rreturn", "one\u00a0two\u202fthree", "\u180e mongolian", "\x1c\x1d\x1e\x1f separators",
]
WORDS = [
    "42", "3.14159", "-1e-10", "1,234,567.89", "1.234.567,89", "١٢٣ ४५६ 七八九", "0x1F 0b101 1_000", "2024-01-31T23:59:59Z", "$1.5M €2k £3 ¥4",
    "99.9%", "+49 (0)30 123-456", "192.168.0.1", "::1", "IV. XII", "C++", "C#", ".NET", "F#/OCaml", "R&D", "A/B testing", "AT&T", "node.js",
    "x86_64", "e-mail", "state-of-the-art", "rock'n'roll", "don't", "it’s", "“quoted” ‘text’ «guillemets» „low“", "(a) [b] {c} <d>", "...", "…", "!?!?", "---",
    "a", "I", ".", "@", "#", "_", "__init__", "snake_case camelCase PascalCase SCREAMING_CASE kebab-case", "ALL CAPS", "miXeD cAsE",
    "antidisestablishmentarianism", "Donaudampfschifffahrtsgesellschaftskapitän", "supercalifragilisticexpialidocious", "xqzjkvbw", "aaaaaaaaaa",
    "[CLS]", "[SEP] in the middle [SEP]", "[MASK] [UNK] [PAD]", "[ CLS ]", "[cls]", "##ing", "<s> </s> <unk>", "<|endoftext|>",
    "https://example.org/path?query=1&other=two#anchor", "http://user:pass@host:8080/%E2%82%AC", "www.example.co.uk", "first.last+tag@example.com",
    "C:\\Users\\name\\file.txt", "/usr/local/lib/python3.11", "doi:10.1000/182", "#hashtag @mention", "git@github.com:org/repo.git",
    "def f(x):\n    return x ** 2 + 1  # square", "SELECT count(*) FROM t WHERE a <> 'b';", "<div class=\"x\">&nbsp;</div>", "{\"key\": [1, 2.5, null]}",
    "for (int i = 0; i < n; ++i) { a[i] <<= 2; }", "fn main() -> Result<(), Box<dyn Error>> { Ok(()) }", "\\frac{\\partial L}{\\partial w_{ij}}",
    "machine learning", "Machine Learning", "machine-learning", "machine learning engineer", "deep learning researcher", "sales manager",
    "Senior data scientist with ten years of experience in natural language processing, computer vision and reinforcement learning.",
    "PhD in statistics; thesis on Bayesian nonparametrics. Published at NeurIPS, ICML and ICLR.", "Barista, waiter, gardener.",
]


def long_texts(rng):
    words = "machine learning research data science model statistics software engineer company team lead analysis vision language".split()
    prose = lambda n: " ".join(rng.choice(words) for _ in range(n))
    yield from (prose(n) for n in (50, 100, 200, 253, 254, 255, 256, 300, 1000, 20000))
    yield "a" * 99
    yield "a" * 100
    yield "a" * 101
    yield "é" * 100 + " and " + "é" * 101
    yield "b" * 5000 + " behind the long word"
    yield "word " + "z" * 40000 + " behind"
    yield "机器学习" * 100
    yield "机" * 30000
    yield "!" * 1000
    yield "." * 20000 + " end"
    yield "🙂" * 500
    yield " " * 30000 + "behind white space"
    yield "\x00" * 20000 + "behind nothing"
    yield "e" + "\u0301" * 20000 + "x behind accents"
    yield "-".join("ab" for _ in range(9000))
    yield "https://example.org/" + "path/" * 4000
    yield "\n".join(prose(12) + "." for _ in range(400))
    yield "1234567890" * 50
    yield "1 " * 600
    yield "İ" * 60 + "ß" * 60


def random_texts(rng, n):
    """Characters from all over Unicode, more of the common ones."""
    ranges = [(0, 0x7F), (0x20, 0x7E), (0x80, 0x24F), (0x300, 0x36F), (0x370, 0x5FF), (0x600, 0x1FFF), (0x2000, 0x2BFF), (0x3000, 0x9FFF), (0xA000, 0xD7FF), (0xE000, 0xFFFF), (0x10000, 0x1FAFF), (0x20000, 0x2FA1F), (0xE0000, 0xE01EF)]
    for _ in range(n):
        chosen = rng.sample(ranges, rng.randint(1, 4))
        yield "".join(chr(rng.randint(*rng.choice(chosen))) for _ in range(rng.randint(1, 60)))


def main():
    rng = random.Random(1)
    torch.manual_seed(0)
    texts = [*SCRIPTS.values(), *SIGNS, *CONTROLS, *WORDS, *long_texts(rng), *random_texts(rng, 60)]
    model = sentence_transformers.SentenceTransformer(sys.argv[1], device="cpu")
    records = []
    for text in texts:
        ids = model.tokenize([text])["input_ids"][0].tolist()
        vector = model.encode(text, convert_to_numpy=True, show_progress_bar=False).astype("<f4")
        assert numpy.isfinite(vector).all()
        records.append({"text": text, "ids": ids, "vector": base64.b64encode(vector.tobytes()).decode()})
    modules = (sentence_transformers, transformers, tokenizers, torch)
    out = {
        "made_by": {module.__name__: module.__version__ for module in modules},
        "model": "sentence-transformers/all-MiniLM-L6-v2",
        "texts": records,
    }
    path = Path(__file__).with_suffix(".json")
    lines = ",\n".join(json.dumps(record, ensure_ascii=True, separators=(",", ":")) for record in records)
    head = json.dumps({key: value for key, value in out.items() if key != "texts"})[:-1]
    path.write_text(f'{head}, "texts": [\n{lines}\n]}}\n')
    print(f"{len(records)} texts, {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
