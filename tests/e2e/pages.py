"""The commands of README and of the pages in docs, as they stand there."""

import re
import shlex
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def blocks(page, language):
    """The blocks of a page in this language."""
    text = (REPOSITORY / page).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands(page):
    """Each line of a page's blocks for a shell, and of its indented ones; a document in place (<<) is a part of its line."""
    found = []
    indented = re.findall(r"(?:^|\n\n)((?: {4}.*\n)+)", (REPOSITORY / page).read_text())
    for block in [*blocks(page, "sh"), *(re.sub(r"^ {4}", "", block, flags=re.MULTILINE) for block in indented)]:
        rest = block
        while rest:
            line, _, rest = rest.partition("\n")
            if here := re.search(r"<<'(\w+)'$", line):
                document, _, rest = rest.partition(f"\n{here[1]}\n")
                line = f"{line}\n{document}\n{here[1]}"
            if line:
                found.append(line)
    return found


def words(line):
    return shlex.split(line)
