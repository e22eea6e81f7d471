"""Shows a figure's JSON line as a row of the table and appends it to results.jsonl. Used by run.sh."""
import argparse
import json
import os
import sys
import time

LAYOUT = "{:<16} {:>14} {:>14} {:>8}  {:<14} {}"


def number(value):
    if value is None:
        return "missing"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def ratio_of(line):
    """Above 1 where ours is better."""
    ours, theirs = line["ours"], line["theirs"]
    if theirs is None or not ours or not theirs:
        return None
    return ours / theirs if line["better"] == "higher" else theirs / ours


def parse(text):
    """The one JSON line of a figure; ValueError says what is wrong with it."""
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) != 1:
        raise ValueError(f"expected one JSON line on standard output, got {len(lines)}")
    line = json.loads(lines[0])
    for key in ("figure", "ours", "unit", "theirs", "peer", "better"):
        if key not in line:
            raise ValueError(f'the JSON line has no "{key}"')
    if line["better"] not in ("higher", "lower"):
        raise ValueError('"better" is "higher" or "lower"')
    return line


def row(args):
    with open(args.out) as out, open(args.err) as err:
        text, errors = out.read(), err.read().strip()
    if args.status != 0:
        tail = "\n  ".join(errors.splitlines()[-5:]) or f"exit status {args.status}"
        print(LAYOUT.format(args.figure, "failed", "", "", "", "").rstrip() + f"\n  {tail}", flush=True)
        return 1
    try:
        line = parse(text)
    except ValueError as error:
        print(LAYOUT.format(args.figure, "failed", "", "", "", "").rstrip() + f"\n  {error}", flush=True)
        return 1
    ratio = ratio_of(line)
    print(LAYOUT.format(line["figure"], number(line["ours"]), number(line["theirs"]),
                        f"{ratio:.2f}" if ratio else "-", line["unit"], line["peer"]))
    if line.get("note"):
        print(f"  {line['note']}")
    sys.stdout.flush()
    line |= {"ratio": ratio, "commit": args.commit, "cores": os.cpu_count(),
             "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    with open(args.append, "a") as results:
        results.write(json.dumps(line) + "\n")
    return 0


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    commands = arguments.add_subparsers(dest="command", required=True)
    commands.add_parser("header")
    one = commands.add_parser("row")
    one.add_argument("figure")
    one.add_argument("status", type=int, help="the figure's exit status")
    one.add_argument("out", help="file of its standard output")
    one.add_argument("err", help="file of its standard error")
    one.add_argument("--append", required=True)
    one.add_argument("--commit", required=True)
    args = arguments.parse_args()
    if args.command == "header":
        print(LAYOUT.format("figure", "ours", "peer's", "ratio", "unit", "peer"), flush=True)
        return 0
    return row(args)


if __name__ == "__main__":
    sys.exit(main())
