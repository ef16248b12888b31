#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Builds the site from README.md and docs/, and checks its links and anchors, offline.

    cargo install --locked --version 0.5.4 mdbook
    pip install --requirement docs/requirements.txt
    docs/site.py OUTPUT

--api NAME=FOLDER adds a page for cargo doc's output in FOLDER.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys

DOCS = pathlib.Path(__file__).resolve().parent
REPO = DOCS.parent
BINDING = "recipes-kernel/mypoll/bindings/misc/mypoll,events.yaml"
# [text](target) and [text](target#anchor), within the repository.
LINK = re.compile(r"(\]\()([^)#:\s]+)((?:#[^)\s]*)?\))")

# As root, LinkChecker would become the user nobody, who can't read a cache below /root.
LINKCHECKER = """
import sys
from linkcheck.command import linkchecker as program
program.drop_privileges = lambda: None
sys.exit(program.linkchecker())
"""


def index(path):
    """index.md for README.md: mdBook would create index.html from it, but not change links to it."""
    return re.sub(r"(^|/)README\.md$", r"\1index.md", str(path))


def stage(source, page):
    """Copies a page and everything it links to, recursively. Paths are those in the repository."""
    target = source / index(page)
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    text = (REPO / page).read_text()
    target.write_text(LINK.sub(lambda link: link[1] + index(link[2]) + link[3], text))
    for _, link, _ in LINK.findall(text):
        linked = pathlib.Path(os.path.normpath(page.parent / link))
        original = REPO / linked
        if linked.suffix == ".md" and original.is_file():
            stage(source, linked)
        elif original.is_file():
            (source / linked).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(original, source / linked)
        elif original.is_dir():
            listing(source / linked, linked)


def listing(target, folder):
    """Creates an index page for a folder: a static site can't list it."""
    files = subprocess.run(
        ["git", "ls-files", "--", str(folder)],
        cwd=REPO,
        text=True,
        capture_output=True,
        check=True,
    ).stdout
    target.mkdir(parents=True, exist_ok=True)
    lines = "".join(f"<li>{name}</li>\n" for name in files.splitlines())
    (target / "index.html").write_text(f"<!doctype html><title>{folder}</title>\n<ul>\n{lines}</ul>\n")


def contents(source, api):
    """SUMMARY.md for mdBook, whose links are relative to the source folder."""
    text = (DOCS / "SUMMARY.md").read_text()
    text = LINK.sub(
        lambda link: link[1] + index(os.path.normpath(f"docs/{link[2]}")) + link[3],
        text,
    )
    pages = ["# Reference\n- [Device-tree binding](docs/binding.md)\n"]
    pages += [f"- [{name}](docs/api-{number}.md)\n" for number, (name, _) in enumerate(api)]
    text = text.replace("# Development\n", "".join(pages) + "\n# Development\n", 1)
    # Linked pages that SUMMARY.md omits, such as CONTRIBUTING.md.
    for page in sorted(source.rglob("*.md")):
        name = str(page.relative_to(source))
        if f"({name})" not in text:
            title = re.search(r"^# (.+)$", page.read_text(), re.MULTILINE)
            text += f"[{title[1] if title else name}]({name})\n"
    return text


def build(output, mdbook, api):
    work = output / "book"
    shutil.rmtree(output, ignore_errors=True)
    source = work / "src"
    stage(source, pathlib.Path("README.md"))
    for _, link, _ in LINK.findall((DOCS / "SUMMARY.md").read_text()):
        stage(source, pathlib.Path(os.path.normpath(f"docs/{link}")))
    binding = (REPO / BINDING).read_text()
    (source / "docs/binding.md").write_text(f"# Device-tree binding\n```yaml\n{binding}```\n")
    for number, (name, folder) in enumerate(api):
        crates = sorted(page.parent.name for page in pathlib.Path(folder).glob("*/all.html"))
        links = "".join(f"- [{crate}](../api/{number}/{crate}/index.html)\n" for crate in crates)
        (source / f"docs/api-{number}.md").write_text(f"# {name}\n{links}")
    (source / "SUMMARY.md").write_text(contents(source, api))
    shutil.copy(DOCS / "book.toml", work)
    subprocess.run([mdbook, "build", work, "--dest-dir", output / "html"], check=True)
    for number, (_, folder) in enumerate(api):
        shutil.copytree(folder, output / "html/api" / str(number))


def check(output, python):
    """Reports broken links and anchors within the site."""
    command = [python, "-c", LINKCHECKER, "--config", DOCS / "linkchecker.ini"]
    command.append(output / "html/index.html")
    return subprocess.run(command, check=False).returncode


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--mdbook", default="mdbook")
    parser.add_argument("--python", default=sys.executable, help="a Python that has LinkChecker")
    parser.add_argument("--api", action="append", default=[], metavar="NAME=FOLDER")
    arguments = parser.parse_args()
    output = arguments.output.resolve()
    build(output, arguments.mdbook, [api.split("=", 1) for api in arguments.api])
    sys.exit(check(output, arguments.python))


if __name__ == "__main__":
    main()
