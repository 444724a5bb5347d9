"""Makes the affiliations of the sample study: where people say they work, as messy as such texts are.

    python data/make_affiliations.py     (standard library only; writes affiliations.csv)

affiliations.csv   profile_id, affiliation: the gold people and about a fifth of the others of profiles.csv

Companies are those of companies.csv, spelled as people spell them: with a legal form or without, in capitals, behind a
department, before a city, together with a university. Gold people have no company there; theirs, and the universities, agencies and
foundations, are put together from the lists of make_texts.py and the lists below. But for the cities nothing in them exists, and nobody.
Streams are keyed by profile_id, so a person's line does not depend on the others.
"""

import argparse
from pathlib import Path

from make_texts import DATA, EMPLOYERS, SCHOOLS, Dice, read, write

SHARE = 0.2
FORMS = ["Inc.", "Inc", "Ltd", "GmbH", "AG", "plc", "Corp.", "LLC", "S.A.", "Limited"]
DEPARTMENTS = ["Dept. of Computer Science", "Research & Development", "Department of Statistics", "Analytics", "IT", "Human Resources", "Faculty of Engineering"]
UNIVERSITIES = SCHOOLS + ["Eastport University", "Universität Birkenau", "Università di Sanmar", "Uniwersytet Lindach", "École Polytechnique de Montclair"]
PUBLIC = ["Ministry of Transport, Northmoor", "City of Eastport", "Westmere County Council", "Federal Agency for Statistics", "National Laboratory Aldersgate"]
FOUNDATIONS = ["Calverton Foundation", "Association of Lindach Libraries", "Verein für Technik Birkenau e.V.", "Open Maps Foundation"]
CITIES = ["London, UK", "Berlin", "Paris, France", "Toronto", "Zürich", "Madrid", "Boston, MA", "Tokyo, Japan"]
NOTHING = ["", "-", "n/a", "self-employed", "Freelance", "retired"]
SEPARATORS = [" / ", "; ", " | ", "\n", " - "]


def spelled(dice, company):
    """A company as somebody writes it."""
    name = company
    if dice.chance(0.35):
        name = f"{name}{dice.pick([', ', ' '])}{dice.pick(FORMS)}"
    if dice.chance(0.12):
        name = name.upper()
    elif dice.chance(0.08):
        name = name.lower()
    if dice.chance(0.1):
        name = name.replace(" & ", " and ")
    if dice.chance(0.1):
        name = f"{dice.pick(DEPARTMENTS)}, {name}"
    if dice.chance(0.12):
        name = f"{name}, {dice.pick(CITIES)}"
    elif dice.chance(0.06):
        name = f"{name} ({dice.pick(['part time', 'since 2019', 'formerly', 'Research'])})"
    return name


def affiliation(dice, company):
    """What a person of `company` gives as affiliation; None = somebody of no company that is known."""
    if company is None:
        mark = dice.next()
        if mark < 0.03:
            return dice.pick(NOTHING)
        if mark < 0.3:
            return f"{dice.pick(DEPARTMENTS)}, {dice.pick(UNIVERSITIES)}" if dice.chance(0.4) else dice.pick(UNIVERSITIES)
        if mark < 0.36:
            return dice.pick(PUBLIC)
        if mark < 0.4:
            return dice.pick(FOUNDATIONS)
        company = dice.pick(EMPLOYERS)
    parts = [spelled(dice, company)]
    if dice.chance(0.12):
        parts.append(dice.pick(UNIVERSITIES))
    elif dice.chance(0.05):
        parts.append(spelled(dice, dice.pick(EMPLOYERS)))
    return dice.pick(SEPARATORS).join(dice.shuffled(parts))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--to", type=Path, default=DATA, help="folder to write to; default: the folder of this file")
    folder = parser.parse_args().to
    rows = []
    for row in read("profiles.csv"):
        dice = Dice("affiliation", row["profile_id"])
        if dice.chance(SHARE) or row["is_expert"]:
            rows.append((row["profile_id"], affiliation(dice, row["company"] or None)))
    write(folder / "affiliations.csv", ("profile_id", "affiliation"), rows)
    print(f"affiliations.csv: {len(rows)} people, {len({text for _, text in rows})} different texts")


if __name__ == "__main__":
    main()
