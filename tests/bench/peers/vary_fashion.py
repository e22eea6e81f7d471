"""A SNAP catalogue of COUNT products as plain text on standard output, varied from the
fashion catalogue: each product again and again, under ids in no order, as a shop's are,
and with the number of the round in its title.

    vary_fashion.py metadata.json.gz COUNT | gzip > out.json.gz
"""
import ast
import gzip
import sys


def main():
    source, count = sys.argv[1], int(sys.argv[2])
    middles, tails = [], []
    with gzip.open(source, "rt", encoding="utf-8") as lines:
        for line in lines:
            product = ast.literal_eval(line)
            del product["asin"]
            title = repr(product.pop("title", "untitled"))
            middles.append(f"', 'title': {title[:-1]} No. ")
            tails.append(f"{title[-1]}, {repr(product)[1:]}\n")
    out = []
    for i in range(count):
        which = i % len(middles)
        # A multiplicative hash of the number, which is never the same twice.
        out.append(f"{{'asin': '{(i * 2654435761) % 2**32:08X}{middles[which]}{i // len(middles)}{tails[which]}")
        if len(out) == 10_000:
            sys.stdout.write("".join(out))
            out.clear()
    sys.stdout.write("".join(out))


main()
