"""Makes the texts of the sample study: CVs of its 585 gold people, and short profiles of four companies.

    python data/make_texts.py            (standard library only; writes the files below)

cvs.csv               profile_id, text: the gold people of profiles.csv
texts.csv             profile_id, text: everybody observed in four companies, a few lines each
planted_keywords.csv  keyword, label, share_true, share_false: what was put into the CVs, and how often by design

Nobody in them exists: people, employers, schools and towns are put together from lists by a seeded generator, whose
streams are keyed by profile_id. But for the titles of posts, every word that tells experts from others is a planted keyword,
with the share of experts and of others whose CV is to have it; `label` is the class with the larger share, empty for words
that tell nothing. Some
experts never name their field, some recruiters and salespeople do little else, some researchers are of other fields.

The four companies are observed whole, so the number of their experts is known (truth.csv): they are the people
with the most yes labels in ratings.csv.
"""

import argparse
import csv
import hashlib
import random
from pathlib import Path

DATA = Path(__file__).resolve().parent
SEED = 2026
COMPANIES = ("Bexhurst Bank", "Cinderford Cloud", "Greyholt Robotics", "Northbrook Search")

# keyword: share of experts, share of others. What experts have
FIELD = {
    "machine learning": (0.62, 0.05), "deep learning": (0.45, 0.03), "neural networks": (0.34, 0.02), "PyTorch": (0.42, 0.02),
    "TensorFlow": (0.28, 0.03), "reinforcement learning": (0.16, 0.01), "natural language processing": (0.22, 0.02),
    "computer vision": (0.22, 0.02), "scikit-learn": (0.24, 0.02), "gradient boosting": (0.14, 0.01),
    "representation learning": (0.10, 0.0), "Bayesian inference": (0.14, 0.01), "Gaussian processes": (0.09, 0.0),
    "large language models": (0.20, 0.03), "embeddings": (0.15, 0.01), "convolutional networks": (0.13, 0.0),
    "graph neural networks": (0.09, 0.0), "self-supervised learning": (0.09, 0.0), "diffusion models": (0.08, 0.0),
    "model training": (0.20, 0.02), "feature engineering": (0.18, 0.03), "hyperparameter search": (0.11, 0.0),
    "object detection": (0.11, 0.01), "speech recognition": (0.09, 0.01), "recommender systems": (0.11, 0.01),
    "anomaly detection": (0.11, 0.02), "distributed training": (0.11, 0.0), "CUDA": (0.13, 0.01), "JAX": (0.11, 0.0),
    "statistical modelling": (0.20, 0.05), "NeurIPS": (0.20, 0.0), "ICML": (0.16, 0.0), "CVPR": (0.10, 0.0), "EMNLP": (0.09, 0.0),
    "PhD thesis": (0.28, 0.06), "peer reviewed papers": (0.18, 0.04), "first author": (0.14, 0.02),
}
# what they only have more often: half as often in the other class, which is three times as large
LEANING = {
    "Python": (0.60, 0.24), "statistics": (0.38, 0.16), "Linux": (0.30, 0.15), "open source": (0.30, 0.14), "mathematics": (0.34, 0.15),
    "linear algebra": (0.20, 0.08), "data science": (0.40, 0.16), "big data": (0.26, 0.13), "GitHub": (0.28, 0.13),
    "cloud computing": (0.26, 0.13), "algorithms": (0.30, 0.13), "experiments": (0.30, 0.13), "conference talks": (0.22, 0.10),
    "teaching assistant": (0.20, 0.09), "simulation": (0.22, 0.11), "SQL": (0.36, 0.18), "Docker": (0.28, 0.13),
    "hackathon": (0.20, 0.09), "data pipelines": (0.28, 0.12), "prototypes": (0.24, 0.11), "physics": (0.20, 0.09),
    "optimisation": (0.28, 0.12), "scholarship": (0.20, 0.10), "technical reports": (0.18, 0.08),
}
# what experts of few words have instead of FIELD
QUIET = {
    "kernel methods": (0.05, 0.0), "probabilistic graphical models": (0.05, 0.0), "policy gradients": (0.05, 0.0),
    "sequence models": (0.05, 0.0), "variational methods": (0.05, 0.0), "inference at scale": (0.05, 0.0), "attention mechanisms": (0.05, 0.0),
}
# what others have more often, whatever they do
EVERYDAY = {
    "Excel": (0.12, 0.40), "PowerPoint": (0.08, 0.26), "customers": (0.08, 0.28), "stakeholders": (0.08, 0.20), "leadership": (0.10, 0.22),
    "customer service": (0.02, 0.15), "negotiation": (0.02, 0.14), "suppliers": (0.02, 0.13), "scheduling": (0.03, 0.14),
    "contracts": (0.02, 0.14), "compliance": (0.03, 0.13), "SAP": (0.03, 0.15), "social media": (0.02, 0.12), "invoices": (0.01, 0.10),
    "first aid": (0.02, 0.10), "office administration": (0.0, 0.09), "budget responsibility": (0.02, 0.13), "CRM": (0.01, 0.12),
    "sales targets": (0.0, 0.12), "event planning": (0.01, 0.08), "works council": (0.0, 0.06), "stock control": (0.0, 0.07),
}
NEUTRAL = {
    "team player": 0.22, "communication": 0.28, "agile": 0.22, "mentoring": 0.18, "documentation": 0.20, "reporting": 0.22, "planning": 0.24,
    "problem solving": 0.18, "presentations": 0.16, "international team": 0.18, "quality": 0.18, "travelling": 0.14, "football": 0.12,
    "photography": 0.10, "chess": 0.08, "running": 0.12, "cooking": 0.10, "volunteer": 0.12, "driving licence": 0.14, "remote work": 0.12,
    "training courses": 0.14, "piano": 0.06, "workshops": 0.14, "night classes": 0.06,
}
KEYWORDS = {**FIELD, **LEANING, **QUIET, **EVERYDAY, **{word: (share, share) for word, share in NEUTRAL.items()}}

# occupation: weight, titles, phrases of the trade; the phrases are planted too
EXPERTS = {
    "engineer": (4, ["Machine Learning Engineer", "Senior Machine Learning Engineer", "ML Engineer", "Software Engineer, Machine Learning"], []),
    "scientist": (4, ["Research Scientist", "Applied Scientist", "Senior Research Scientist", "Staff Scientist"], []),
    "data": (3, ["Data Scientist", "Senior Data Scientist", "Lead Data Scientist"], []),
    "student": (2, ["Doctoral Researcher", "PhD Candidate in Computer Science", "Postdoctoral Researcher", "Research Assistant"], []),
    "vision": (2, ["Computer Vision Engineer", "Perception Engineer", "NLP Engineer", "Speech Scientist"], []),
    "quiet": (2, ["Statistician", "Quantitative Analyst", "Software Engineer", "Principal Engineer"], []),
}
OTHERS = {
    "sales": (4, ["Sales Manager", "Account Executive", "Key Account Manager"], ["cold calls", "order intake", "sales pipeline", "price lists", "trade fairs"]),
    "recruiting": (3, ["Recruiter", "Talent Acquisition Partner", "HR Manager"], ["job interviews", "applicant tracking", "onboarding", "employer branding", "job adverts"]),
    "marketing": (3, ["Marketing Manager", "Brand Manager", "Content Manager"], ["campaigns", "newsletters", "search engine advertising", "brand guidelines", "trade press"]),
    "finance": (3, ["Accountant", "Controller", "Financial Analyst"], ["month end closing", "balance sheets", "cash flow", "tax returns", "audit files"]),
    "nursing": (2, ["Registered Nurse", "Ward Sister", "Paramedic"], ["patient care", "wound dressings", "night shifts", "care plans", "medication rounds"]),
    "teaching": (2, ["Primary School Teacher", "Teacher of History", "Language Teacher"], ["lesson plans", "parents evenings", "school trips", "classroom", "marking of essays"]),
    "web": (4, ["Frontend Developer", "Full Stack Developer", "Software Engineer"], ["JavaScript", "user interfaces", "REST services", "unit tests", "code reviews", "Spring"]),
    "operations": (2, ["System Administrator", "DevOps Engineer", "Network Engineer"], ["firewalls", "backups", "Kubernetes", "help desk", "routers"]),
    "mechanical": (3, ["Mechanical Engineer", "Research Engineer, Materials", "Production Engineer"], ["technical drawings", "injection moulding", "tolerances", "assembly lines", "CAD models"]),
    "building": (2, ["Civil Engineer", "Architect", "Site Manager"], ["building sites", "structural analysis", "tender documents", "concrete", "planning permission"]),
    "law": (2, ["Lawyer", "Legal Counsel", "Paralegal"], ["court hearings", "legal opinions", "due diligence", "company law", "trade marks"]),
    "logistics": (3, ["Logistics Planner", "Warehouse Manager", "Dispatcher"], ["lorry fleets", "customs papers", "route planning", "forklifts", "pallets"]),
    "kitchen": (1, ["Chef", "Restaurant Manager", "Baker"], ["menus", "food hygiene", "catering", "kitchen brigade"]),
    "projects": (3, ["Project Manager", "Product Manager", "Scrum Master"], ["roadmaps", "project plans", "risk registers", "sprint reviews", "steering committees"]),
    "consulting": (2, ["Management Consultant", "Business Analyst"], ["process mapping", "workshop facilitation", "cost savings", "client meetings", "slide decks"]),
    "insurance": (2, ["Underwriter", "Claims Handler", "Actuary"], ["claims files", "policies", "premium rates", "loss reserves"]),
    "design": (2, ["Graphic Designer", "Interior Designer"], ["typography", "logos", "mood boards", "packaging", "illustrations"]),
    "press": (1, ["Journalist", "Editor", "Translator"], ["editorial meetings", "proof reading", "feature articles", "subtitles"]),
    "crafts": (2, ["Electrician", "Plumber", "Car Mechanic"], ["wiring", "boilers", "spare parts", "inspections", "apprentices"]),
    "analysis": (2, ["Data Analyst", "Data Scientist"], ["dashboards", "pivot tables", "Power BI", "data warehouse", "key figures"]),
    "pharmacy": (1, ["Pharmacist", "Laboratory Technician"], ["prescriptions", "blood samples", "good manufacturing practice", "chromatography"]),
    "science": (2, ["Research Scientist, Biology", "Environmental Scientist", "Lecturer in History"], ["field work", "spectroscopy", "archives", "gene expression", "grant proposals"]),
}
TRADE_SHARE = 0.6

EMPLOYERS = ["Harrowgate Group", "Millbrook Partners", "Tessel & Sons", "Orrin Systems", "Brightwater", "Castell Werke", "Nordhaven", "Pinecrest",
             "Maison Verlaine", "Grupo Almenara", "Ostermann", "Fairlight", "Redfern Labs", "Kitewood", "Velora", "Stonebridge", "Lumen & Co",
             "Halden", "Quarry Lane", "Tidewell", "Ashcombe", "Belgrove", "Corvane", "Dunsmere", "Elmstead"]
SCHOOLS = ["University of Northmoor", "Calverton University", "Technische Hochschule Lindach", "Université de Montclair", "Universidad de Sanmar",
           "Ravenhall College", "Institute of Technology Aldersgate", "University of Westmere", "Hochschule Birkenau", "Kingsford Polytechnic"]
TOWNS = ["Northmoor", "Lindach", "Montclair", "Sanmar", "Aldersgate", "Westmere", "Calverton", "Eastport"]
# where a planted word stands; all others stand among the duties of a position
HOBBIES = ("football", "photography", "chess", "running", "cooking", "piano", "travelling", "night classes")
EXTRAS = ("driving licence", "volunteer", "first aid", "scholarship", "works council")
SOFT = ("team player", "communication", "problem solving", "presentations", "agile", "leadership", "negotiation", "international team")
VENUES = ("NeurIPS", "ICML", "CVPR", "EMNLP")
WRITING = ("first author", "peer reviewed papers", "PhD thesis")
VERBS = ["Responsible for", "Worked on", "Introduced", "Looked after", "Took part in", "In charge of", "Day-to-day work with", "Experience with", "Built up"]
SUMMARIES = ["{title} with {years} years of experience, most of them with {a} and {b}.", "{title}. Main subjects: {a}, {b}.",
             "Now based in {town}; before that with {employer}, where {a} filled my days.", "What I care about at work: {a} and {b}.",
             "Background in {a}.", "{years} years in the business, mostly {a}.", "Looking for a new role around {a} or {b}.",
             "My colleagues know me for {a}.", "Always curious; lately about {a}.", "I like to get things done and to know why they are done."]
# sentences that anybody writes
ANYBODY = ["Moved from {town} to take up this post.", "Reported to the head of the department and, from {year} on, to the management.",
           "The post was limited to {few} years and was extended once.", "Stood in for my superior during a leave of {few} months.",
           "Helped to move the office from {town} to a new building without a day of standstill.", "Worked in English and in the language of the country.",
           "The team grew from {few} to {many} people in that time.", "Wrote the handbook that newcomers still read.", "Received the yearly award of {employer} in {year}.",
           "Part time (80 %) because of a small child.", "A company of {many}00 people with sites in {town} and abroad.", "Was asked to come back a year later, and did.",
           "Shared an office, a coffee machine and most ideas with {few} colleagues.", "Left when the site was closed.", "Came as a substitute and stayed for {few} years.",
           "Set up the yearly plan together with the other departments.", "Saved about {many} hours a month by leaving out steps nobody needed.",
           "Kept in touch with partners in {few} countries.", "Trained {few} newcomers who have since moved on to posts of their own.",
           "Took over a post that had been vacant for a year and cleared what had piled up.", "Handed over in good order at the end.",
           "Much of it was new to all of us, and we learnt as we went.", "Was part of the group that prepared the audit in {year}.",
           "Answered for results before the board twice a year.", "Shift work for the first {few} months, regular hours afterwards.",
           "Made sure that what we promised on Monday was done by Friday.", "Got to know every part of the house, from the cellar to the roof.",
           "Spent {few} months at the site in {town}.", "Merged two teams that had never talked to each other.", "Cut the time from order to delivery by {many} %.",
           "Won back a partner who had left in {year}.", "Found out why things went wrong on Thursdays, and put it right.",
           "Chose and introduced a new tool together with {employer}.", "Kept costs within what had been agreed in each of {few} years.",
           "Sat on the committee for health and safety.", "A job with few rules and long days, which I liked."]
LINES = {
    "de": ["Berufserfahrung in {town} und Umgebung.", "Sehr gute Kenntnisse: {a}, {b}.", "Ausbildung: {school}, Abschluss mit Auszeichnung.", "Führerschein vorhanden, Reisebereitschaft."],
    "fr": ["Expérience professionnelle à {town}, équipe internationale.", "Compétences : {a}, {b}.", "Diplômé de {school}.", "Français courant, anglais professionnel."],
    "es": ["Experiencia laboral en {town}.", "Conocimientos de {a} y {b}.", "Estudios en {school}.", "Español nativo, inglés fluido."],
}
DEGREES = ["BSc", "BA", "MSc", "Diploma", "MA", "Apprenticeship"]
FIELDS_OF_STUDY = ["Business Studies", "Engineering", "Economics", "Informatics", "Natural Sciences", "Languages", "Public Administration", "Design"]
CLOSINGS = ["References on request.", "Available at three months' notice.", "Happy to talk.", "CV last updated in May.", "No agencies please.", "Languages: English, German.",
            "Languages: English (native), French (B2).", "Interests below."]
CLASSES = {True: "true", False: "false"}


class Dice:
    """Random choices that stay the same in every version of Python: only `random()` of a seeded stream is used."""

    def __init__(self, *key):
        self.next = random.Random(":".join(map(str, (SEED, *key)))).random

    def below(self, n):
        return int(self.next() * n)

    def pick(self, values):
        return values[self.below(len(values))]

    def chance(self, share):
        return self.next() < share

    def shuffled(self, values):
        values = list(values)
        for i in range(len(values) - 1, 0, -1):
            j = self.below(i + 1)
            values[i], values[j] = values[j], values[i]
        return values

    def weighted(self, table):
        mark = self.next() * sum(weight for weight, *_ in table.values())
        for name, (weight, *_) in table.items():
            mark -= weight
            if mark < 0:
                return name
        return name


def planted_shares():
    """Every planted keyword with the share of experts and of others that are to have it."""
    shares = dict(KEYWORDS)
    weights = sum(weight for weight, *_ in OTHERS.values())
    for weight, _, phrases in OTHERS.values():
        for phrase in phrases:
            shares[phrase] = (0.0, round(TRADE_SHARE * weight / weights, 4))
    return shares


def keywords_of(dice, expert, occupation, phrases):
    """The planted keywords of one person, in random order."""
    talks_of_it = not expert and (occupation in ("recruiting", "sales", "projects", "consulting") and dice.chance(0.2))
    scholar = not expert and occupation == "science"
    found = []
    for word, (of_experts, of_others) in KEYWORDS.items():
        share = of_experts if expert else of_others
        if expert and word in FIELD:
            # the quiet leave the field to the others, so that the share of all experts is as planned
            share = 0.03 if occupation == "quiet" else min(0.97, share * 17 / 15)
        elif expert and word in QUIET:
            share = 17 / 2 * share if occupation == "quiet" else 0.0
        elif word in FIELD and not expert:
            share = min(0.9, share * 6) if talks_of_it else share * 0.75
            if scholar and word in ("PhD thesis", "peer reviewed papers", "first author"):
                share = 0.6
        if dice.chance(share):
            found.append(word)
    return dice.shuffled(found + [phrase for phrase in phrases if dice.chance(TRADE_SHARE)])


def person(dice, expert):
    table = EXPERTS if expert else OTHERS
    occupation = dice.weighted(table)
    _, titles, phrases = table[occupation]
    return dice.pick(titles), titles, keywords_of(dice, expert, occupation, phrases)


def fill(dice, template, title, words):
    """A template with one or two of the person's words; the words are used up."""
    values = {"title": title, "years": 2 + dice.below(25), "town": dice.pick(TOWNS), "employer": dice.pick(EMPLOYERS), "school": dice.pick(SCHOOLS)}
    for name in ("a", "b"):
        if "{" + name + "}" in template:
            values[name] = words.pop() if words else dice.pick(["my work", "new things", "my trade", "the job"])
    return template.format(**values)


def anybody(dice):
    """A sentence that tells nothing."""
    values = {"town": dice.pick(TOWNS), "employer": dice.pick(EMPLOYERS), "year": 2003 + dice.below(20), "few": 2 + dice.below(7), "many": 10 + dice.below(50)}
    return dice.pick(ANYBODY).format(**values)


def listed(words):
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]


def split(words, *groups):
    """The words of each group, and the rest."""
    return *([word for word in words if word in group] for group in groups), [w for w in words if not any(w in g for g in groups)]


def position(dice, place, words, mark, wordy):
    """A heading, then what was done there: the words in sentences, between sentences that tell nothing."""
    lines = []
    while words:
        these = [words.pop() for _ in range(min(len(words), 1 + dice.below(3)))]
        lines.append(f"{dice.pick(VERBS)} {listed(these)}" + (f" in a team of {2 + dice.below(30)}." if dice.chance(0.3) else "."))
    lines += [anybody(dice) for _ in range(dice.below(wordy + 1))]
    return [place, *(mark + line for line in dice.shuffled(lines))]


def cv(dice, expert):
    title, titles, words = person(dice, expert)
    hobbies, extras, soft, venues, writing, words = split(words, HOBBIES, EXTRAS, SOFT, VENUES, WRITING)
    style = dice.pick(["bullets", "dashes", "prose", "capitals"])
    mark = {"bullets": "• ", "dashes": "- ", "prose": "", "capitals": "* "}[style]
    heading = (lambda text: text.upper()) if style == "capitals" else (lambda text: text)
    wordy = dice.pick([0, 1, 2, 3, 5, 8, 12])
    skills = [words.pop() for _ in range(len(words) * (2 + dice.below(4)) // 10)] + soft
    blocks = [title if dice.chance(0.5) else f"{title} at {dice.pick(EMPLOYERS)}"]
    templates = dice.shuffled(SUMMARIES)[: 1 + dice.below(4)]
    summary = [fill(dice, template, title, words) for template in templates] + [anybody(dice) for _ in range(wordy // 4)]
    blocks.append(" ".join(summary))
    year = 2024 - dice.below(3)
    number = 1 + dice.below(5)
    lines = []
    for left in range(number, 0, -1):
        start = year - 1 - dice.below(5)
        place = f"{dice.pick(titles)}, {dice.pick(EMPLOYERS)}, {dice.pick(TOWNS)} ({start}-{year if left < number else 'today'})"
        these = [words.pop() for _ in range(-(-len(words) // left))]
        lines.append((" " if style == "prose" else "\n").join(position(dice, place, these, mark, wordy)))
        year = start
    blocks.append(heading("Experience") + "\n" + "\n".join(lines))
    education = [f"{dice.pick(DEGREES)} {dice.pick(FIELDS_OF_STUDY)}, {dice.pick(SCHOOLS)}, {year - dice.below(3)}" for _ in range(1 + dice.below(2))]
    education += [word for word in writing if word == "PhD thesis"]
    education += [
        f"On {listed([dice.pick(skills or ['methods']), dice.pick(FIELDS_OF_STUDY).lower()])}. {venue} {year + dice.below(9)}." for venue in venues
    ]
    education += [word for word in writing if word != "PhD thesis"]
    blocks.append(heading("Education") + "\n" + "\n".join(education))
    if skills:
        blocks.append(heading("Skills") + ": " + dice.pick([", ", " | ", "; ", " / "]).join(dice.shuffled(skills)))
    if dice.chance(0.14):
        some = dice.shuffled(LINES[dice.pick(["de", "fr", "es"])])[: 1 + dice.below(3)]
        blocks.append("\n".join(fill(dice, line, title, list(skills)) for line in some))
    if hobbies or extras:
        blocks.append(heading(dice.pick(["Interests", "Besides", "Personal"])) + ": " + ", ".join(dice.shuffled(hobbies + extras)))
    if dice.chance(0.5):
        blocks.append(dice.pick(CLOSINGS))
    return noisy(dice, "\n\n".join(blocks))


def short_profile(dice, company, expert):
    """A few lines, as networks of professionals have them: the words of a person, some of them left out."""
    title, _, words = person(dice, expert)
    *_, words = split(words, HOBBIES, EXTRAS)
    words = words[: 4 + dice.below(12)]
    blocks = [f"{title} at {company}"]
    if dice.chance(0.8):
        blocks.append(" ".join(fill(dice, template, title, words) for template in dice.shuffled(SUMMARIES)[: 1 + dice.below(2)]))
    blocks += [anybody(dice) for _ in range(dice.below(3))]
    while words:
        these = [words.pop() for _ in range(min(len(words), 1 + dice.below(4)))]
        blocks.append(f"{dice.pick(VERBS)} {listed(these)}.")
    return noisy(dice, "\n".join(blocks))


def noisy(dice, text):
    """Case, line breaks and spaces as people leave them."""
    if dice.chance(0.05):
        text = text.lower()
    if dice.chance(0.1):
        text = text.replace(" and ", " & ")
    if dice.chance(0.1):
        text = text.replace("machine learning", "machine-learning").replace("deep learning", "deep-learning")
    if dice.chance(0.08):
        text = text.replace(" learning", "\nlearning", 1)
    if dice.chance(0.08):
        text = text.replace(". ", ".  ").replace(" - ", " – ")
    return text


def read(name):
    with open(DATA / name, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write(path, columns, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def experts_of_companies(profiles):
    """profile_id of everybody in the four companies, and whether the person is one of its experts."""
    yes = {}
    for row in read("ratings.csv"):
        yes[row["profile_id"]] = yes.get(row["profile_id"], 0) + (row["label"] == "1")
    truth = {row["company"]: int(row["experts"]) for row in read("truth.csv")}
    for company in COMPANIES:
        people = [row["profile_id"] for row in profiles if row["company"] == company]
        order = sorted(people, key=lambda i: (-yes.get(i, 0), hashlib.md5(i.encode()).hexdigest()))
        experts = set(order[: truth[company]])
        yield from ((i, company, i in experts) for i in people)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--to", type=Path, default=DATA, help="folder to write to; default: the folder of this file")
    folder = parser.parse_args().to
    profiles = read("profiles.csv")
    gold = [row for row in profiles if row["is_expert"]]
    cvs = [(row["profile_id"], cv(Dice("cv", row["profile_id"]), row["is_expert"] == "true")) for row in gold]
    write(folder / "cvs.csv", ("profile_id", "text"), cvs)
    people = sorted(experts_of_companies(profiles), key=lambda person: int(person[0]))
    texts = [(i, short_profile(Dice("text", i), company, expert)) for i, company, expert in people]
    write(folder / "texts.csv", ("profile_id", "text"), texts)
    label = lambda a, b: "" if a == b else CLASSES[a > b]
    planted = [(word, label(a, b), a, b) for word, (a, b) in sorted(planted_shares().items(), key=lambda item: item[0].lower())]
    write(folder / "planted_keywords.csv", ("keyword", "label", "share_true", "share_false"), planted)
    for name, rows in (("cvs.csv", cvs), ("texts.csv", texts)):
        lengths = sorted(len(text.split()) for _, text in rows)
        print(f"{name}: {len(rows)} texts of {lengths[0]} to {lengths[-1]} words, median {lengths[len(lengths) // 2]}")
    print(f"planted_keywords.csv: {len(planted)} keywords")


if __name__ == "__main__":
    main()
