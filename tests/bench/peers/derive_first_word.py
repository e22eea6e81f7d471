"""Colour and gender as one would take them first: the first word of a list in the title.

    derive_first_word.py styles.csv

Agreement is counted as bench_derive_attributes counts it. Prints one JSON object.
"""

import csv
import json
import re
import sys

SHADE_OF = {"burgundy": "red", "charcoal": "grey", "maroon": "red", "navy blue": "blue", "olive": "green",
            "grey melange": "grey", "tan": "brown", "turquoise": "blue"}
GENDERS = {"men": "men", "mens": "men", "women": "women", "womens": "women", "boy": "boys", "boys": "boys",
           "girl": "girls", "girls": "girls", "unisex": "unisex"}


def family(color):
    return SHADE_OF.get(color) or color.split()[-1]


def main():
    with open(sys.argv[1], encoding="utf-8", errors="replace", newline="") as file:
        rows = list(csv.DictReader(file))
    colors = sorted({row["baseColour"].lower() for row in rows} - {"na", ""}, key=len, reverse=True)
    color_word = re.compile(r"\b(" + "|".join(colors) + r")\b", re.IGNORECASE)
    gender_word = re.compile(r"\b(" + "|".join(GENDERS) + r")\b", re.IGNORECASE)
    derived = {"color": 0, "gender": 0}
    agree = {"color": 0, "gender": 0}
    for row in rows:
        color, gender = color_word.search(row["productDisplayName"]), gender_word.search(row["productDisplayName"])
        if color:
            derived["color"] += 1
            agree["color"] += family(color.group().lower()) == family(row["baseColour"].lower())
        if gender:
            derived["gender"] += 1
            agree["gender"] += GENDERS[gender.group().lower()] == row["gender"].lower()
    print(json.dumps({f"{name}_precision": round(agree[name] / derived[name], 4) for name in derived} |
                     {f"{name}_coverage": round(derived[name] / len(rows), 3) for name in derived}))


main()
