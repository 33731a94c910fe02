"""Puts the tables of tests/bench/results into the README.md there, between lines of the form
<!-- FILE: HEADING --> and <!-- end -->, so that what it quotes is what was measured."""

import os
import re

from report import RESULTS

README = os.path.join(RESULTS, "README.md")
QUOTE = re.compile(r"(<!-- (\S+\.md): (.+?) -->\n).*?(<!-- end -->\n)", re.DOTALL)


def quoted(match):
    """The section's tables alone."""
    opening, file, heading, closing = match.groups()
    with open(os.path.join(RESULTS, file), encoding="utf-8") as results:
        sections = re.split(r"^#+ (.+)\n", results.read(), flags=re.MULTILINE)
    section = dict(zip(sections[1::2], sections[2::2]))[heading]
    rows = [line for line in section.splitlines(keepends=True) if line.startswith("|")]
    return "".join([opening, "\n", *rows, "\n", closing])


def main():
    with open(README, encoding="utf-8") as file:
        text = QUOTE.sub(quoted, file.read())
    with open(README, "w", encoding="utf-8") as file:
        file.write(text)


main()
