"""Whether README.md shows the clients as they are tested here. Exit status 77 where it does not name this folder."""
import pathlib
import sys

here = pathlib.Path(__file__).parent
readme = (here / "../../README.md").read_text()
if "tests/clients" not in readme:
    print("clients: skipped: README.md does not name tests/clients")
    sys.exit(77)
missing = [
    client
    for client in ("python/score_listing.py", "go/main.go", "java/src/main/java/ScoreListing.java", "node/score_listing.mjs")
    if (here / client).read_text().strip() not in readme
]
if missing:
    sys.exit(f"README.md does not have these files of tests/clients as they are: {', '.join(missing)}; copy them there")
