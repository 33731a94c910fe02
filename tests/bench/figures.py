"""Puts the tables of tests/bench/results into the README, between lines of the form
<!-- tests/bench/results/FILE: HEADING --> and <!-- end -->, so that what it quotes is what was measured."""

import os
import re

import report

README = os.path.join(report.HERE, "../../README.md")
QUOTE = re.compile(r"(<!-- tests/bench/results/(\S+): (.+?) -->\n).*?(<!-- end -->\n)", re.DOTALL)


def quoted(match):
    """The section's tables alone."""
    opening, file, heading, closing = match.groups()
    with open(os.path.join(report.RESULTS, file), encoding="utf-8") as results:
        sections = re.split(r"^#+ (.+)\n", results.read(), flags=re.MULTILINE)
    section = dict(zip(sections[1::2], sections[2::2]))[heading]
    rows = [line for line in section.splitlines(keepends=True) if line.startswith("|")]
    return "".join([opening, "\n", *rows, "\n", closing])


def main():
    with open(README, encoding="utf-8") as file:
        text = file.read()
    with open(README, "w", encoding="utf-8") as file:
        file.write(QUOTE.sub(quoted, text))


main()
