"""One hundred made CVs: seeded, nobody real, of many occupations, lengths, spellings and languages.

`texts()` is what keybert_keywords.py and tfidf_keywords.py work on; keybert_keywords.json keeps the texts themselves.
"""

import random

FIELDS = {
    "machine learning": (
        ["machine learning engineer", "research scientist", "applied scientist", "computer vision engineer", "NLP researcher"],
        ["deep neural networks", "transformer language models", "reinforcement learning", "image segmentation", "graph neural networks",
         "speech recognition", "recommender systems", "self-supervised representation learning", "variational inference", "PyTorch",
         "TensorFlow", "distributed training on GPU clusters", "object detection", "causal inference", "retrieval-augmented generation"],
    ),
    "data": (
        ["data scientist", "data analyst", "statistician", "business intelligence developer", "quantitative analyst"],
        ["A/B testing", "time series forecasting", "SQL and dbt pipelines", "Bayesian hierarchical models", "churn prediction", "dashboards in Tableau",
         "survey sampling", "credit risk scoring", "Spark jobs", "customer segmentation", "regression models in R", "experiment design"],
    ),
    "software": (
        ["software engineer", "backend developer", "site reliability engineer", "mobile developer", "C++ developer"],
        ["microservices in Go", "Kubernetes clusters", "PostgreSQL", "REST and gRPC APIs", "continuous integration", "React front ends", "embedded firmware",
         "payment systems", "observability", "Rust and C++ libraries", "cloud cost reduction", "legacy migration", "Node.js services"],
    ),
    "sales": (
        ["account manager", "sales manager", "recruiter", "marketing manager", "customer success manager"],
        ["enterprise software sales", "lead generation", "contract negotiation", "trade fairs", "brand campaigns", "talent sourcing for machine learning teams",
         "key accounts in retail", "CRM administration", "search engine marketing", "event planning", "quarterly targets", "onboarding of customers"],
    ),
    "health": (
        ["registered nurse", "physician", "clinical research associate", "pharmacist", "physiotherapist"],
        ["intensive care", "clinical trials", "patient education", "wound treatment", "medication review", "radiology images", "cardiology ward",
         "rehabilitation after stroke", "vaccination programmes", "hospital hygiene", "electronic health records"],
    ),
    "industry": (
        ["mechanical engineer", "electrician", "production planner", "quality manager", "architect", "logistics coordinator"],
        ["injection moulding", "lean manufacturing", "CAD drawings", "high-voltage installations", "ISO 9001 audits", "warehouse automation", "timber construction",
         "predictive maintenance", "welding supervision", "supply chain planning", "energy efficient buildings", "robot cells"],
    ),
    "arts": (
        ["graphic designer", "high school teacher", "translator", "journalist", "violinist", "museum curator"],
        ["typography", "mathematics lessons", "legal translation", "investigative reporting", "chamber music", "exhibitions of modern art", "picture editing",
         "curriculum development", "podcasts", "children's books", "film subtitles", "digital archives"],
    ),
}
VERBS = ["built", "led", "designed", "improved", "taught", "published on", "maintained", "introduced", "supported", "evaluated", "automated", "presented"]
WHERE = ["for a bank", "at a university hospital", "in a start-up of twelve people", "for the public sector", "at a car maker", "in three countries",
         "for an online shop", "with a team of five", "at a research institute", "for insurance companies", "since 2019", "between 2012 and 2017"]
SCHOOL = ["PhD in computer science", "MSc in statistics", "BA in economics", "diploma in nursing", "MEng in mechanical engineering", "state examination",
          "BSc in mathematics", "MA in linguistics", "apprenticeship with distinction", "MBA", "Ph.D., physics"]
OTHER = [
    "Je parle français et j'ai dirigé une équipe d'ingénieurs à l'étranger; très motivée.",
    "Ich habe Maschinenbau studiert und große Anlagen für die Straße der Zukunft geplant. Fließend Englisch.",
    "Gestión de proyectos, análisis de datos y atención al cliente en español y portugués.",
    "Ведущий инженер-программист, опыт работы 10 лет.",
    "機械学習エンジニア、画像認識の研究。",
    "Naïve Bayes, résumé parsing & co-operation with the café next door ☕️.",
    "İstanbul'da doğdum; İngilizce biliyorum.",
    "Skills: C#, .NET, R&D, e-mail: someone@example.org, https://example.org/cv?id=42",
    "👩‍💻 Open to work!!! #hiring #opentowork 🚀🚀",
    "ΔΙΔΑΚΤΩΡ ΦΥΣΙΚΗΣ, ΑΘΗΝΑ",
    "ISBN 978-3-16-148410-0; 1st author of 12 papers; h-index 9; top 0.5 % on Kaggle (snake_case user_name).",
    "ENGLISH (C1), DEUTSCH (B2), 中文 (HSK4)",
]
HOBBIES = ["climbing", "chess", "choir", "marathon running", "open source", "gardening", "board games", "volunteer fire brigade"]


def cv(generator):
    name = generator.choice(list(FIELDS))
    titles, things = FIELDS[name]
    pick = generator.choice
    title = pick(titles)
    lines = [pick([f"{title.title()} | {name}", f"{title} with a passion for {pick(things)}", title.upper(), f"Senior {title}; {pick(things)}"])]
    if generator.random() < 0.7:
        lines.append(f"I am a {title} with {generator.randint(1, 30)} years of experience. My focus is {pick(things)} and {pick(things)}.")
    for _ in range(generator.choice([0, 1, 2, 3, 4, 6, 9, 14])):
        # now and then something from another field
        source = things if generator.random() < 0.85 else FIELDS[pick(list(FIELDS))][1]
        role = title if generator.random() < 0.5 else pick(titles)
        lines.append(pick([
            f"{role.capitalize()}: {pick(VERBS)} {pick(source)} {pick(WHERE)}.",
            f"As {role} I {pick(VERBS)} {pick(source)} and {pick(VERBS)} {pick(source)} {pick(WHERE)}.",
            f"- {pick(VERBS)} {pick(source)}, {pick(source)}, {pick(source)} ({generator.randint(2001, 2024)})",
            f"{pick(source)} {pick(WHERE)}; {pick(VERBS)} {pick(source)}, which saved {generator.randint(2, 60)} % of the cost.",
        ]))
    if generator.random() < 0.8:
        lines.append(f"Education: {pick(SCHOOL)}" + (f", {pick(SCHOOL)}" if generator.random() < 0.3 else "") + ".")
    for _ in range(generator.choice([0, 0, 1, 1, 2])):
        lines.append(pick(OTHER))
    if generator.random() < 0.4:
        lines.append(f"In my free time: {pick(HOBBIES)}, {pick(HOBBIES)}.")
    return pick(["\n", " ", "\r\n", " • "]).join(lines)


def texts(n=100, seed=20):
    generator = random.Random(seed)
    return [cv(generator) for _ in range(n)]


if __name__ == "__main__":
    lengths = sorted(len(text.split()) for text in texts())
    print(f"{len(lengths)} texts of {lengths[0]} to {lengths[-1]} words, median {lengths[len(lengths) // 2]}, {sum(map(len, texts())):,} characters")
