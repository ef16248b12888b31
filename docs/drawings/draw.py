#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Draws DRAWING.svg from each DRAWING.pikchr in this folder, with pikchr-cli.

cargo install --locked --version 0.1.2 pikchr-cli
docs/drawings/draw.py            # redraw
docs/drawings/draw.py --check    # exit status 1 if a drawing is outdated
"""

import argparse
import pathlib
import re
import subprocess
import sys

FOLDER = pathlib.Path(__file__).resolve().parent
PALETTE = "palette.pikchr"
# Pixels per pikchr unit (144 units are one inch).
SCALE = 0.85

# The colours of the dark mode, by the names in the palette.
DARK = {
    "ink": "#e6edf3",
    "dim": "#9198a1",
    "paper": "#0d1117",
    "panel": "#161b22",
    "blue": "#58a6ff",
    "sky": "#0c2d6b",
    "rust": "#f0883e",
    "peach": "#3d1d00",
    "leaf": "#3fb950",
    "mint": "#0f2d17",
}


def dark_rules(palette):
    colours = dict(re.findall(r"\b(\w+) = 0x([0-9a-f]{6})\b", palette))
    if colours.keys() != DARK.keys():
        sys.exit(
            f"draw.py and {PALETTE} have different colours: {sorted(colours.keys() ^ DARK.keys())}"
        )
    for name, dark in DARK.items():
        rgb = "rgb({},{},{})".format(*bytes.fromhex(colours[name]))
        yield f'[fill="{rgb}"]{{fill:{dark}}}'
        for key in ("fill", "stroke"):
            yield f'[style*="{key}:{rgb}"]{{{key}:{dark}!important}}'


def draw(pikchr, source):
    palette = (FOLDER / PALETTE).read_text()
    text = source.read_text()
    title = re.search(r"^# title: (.+)$", text, re.MULTILINE)
    if not title:
        sys.exit(
            f"{source}: the line '# title: …' is missing: screen readers need it"
        )
    drawn = subprocess.run(
        [pikchr, "/dev/stdin"],
        check=False,
        input=palette + text,
        text=True,
        capture_output=True,
    )
    svg = re.search(r"<svg .*?>\n(.*</svg>\n)", drawn.stdout, re.DOTALL)
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', drawn.stdout)
    if drawn.returncode or not svg or not box:
        sys.exit(f"{source}: pikchr can't draw it: {drawn.stdout}{drawn.stderr}")
    width, height = box.groups()
    licence = text.splitlines()[0].removeprefix("# ")
    style = "".join(dark_rules(palette))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
        f' width="{float(width) * SCALE:.0f}" height="{float(height) * SCALE:.0f}"'
        f' font-family="sans-serif" font-size="18" role="img" aria-label="{title[1]}">\n'
        f"<!-- {licence} -->\n<!-- Drawn by draw.py from {source.name}. -->\n"
        f"<style>@media(prefers-color-scheme:dark){{{style}}}</style>\n"
        f'<rect width="100%" height="100%" rx="6" fill="rgb(255,255,255)"/>\n{svg[1]}'
    )


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument(
        "--check",
        action="store_true",
        help="change nothing; report outdated drawings",
    )
    arguments.add_argument(
        "--pikchr", default="pikchr-cli", help="path of pikchr-cli"
    )
    arguments = arguments.parse_args()
    stale = []
    for source in sorted(FOLDER.glob("*.pikchr")):
        if source.name == PALETTE:
            continue
        target = source.with_suffix(".svg")
        svg = draw(arguments.pikchr, source)
        if not target.exists() or target.read_text() != svg:
            stale.append(target.name)
            if not arguments.check:
                target.write_text(svg)
    sources = {path.stem for path in FOLDER.glob("*.pikchr")}
    stale += [
        f"{path.name} (has no source)"
        for path in FOLDER.glob("*.svg")
        if path.stem not in sources
    ]
    if arguments.check and stale:
        sys.exit(
            f"outdated: {', '.join(stale)}: run docs/drawings/draw.py"
        )


if __name__ == "__main__":
    main()
