# SPDX-License-Identifier: MIT OR Apache-2.0
"""What builds of mypoll-image download.

    fetches.py list BUILD.json        in the shell that kas gives: asks bitbake
    fetches.py page BUILD.json... >docs/fetches.md

`cargo run --manifest-path scripts/lab/Cargo.toml -- fetches` does both for all builds.
"""

import json
import sys
from pathlib import Path

HEAD = """\
# What is downloaded?

All that bitbake fetches for `mypoll-image` when nothing is in sstate, by recipe: from where, and the checksum or the commit that
it has to have. The crates of a recipe are one line: their checksums are in its Cargo.lock, or in the recipe. DEBIAN_MIRROR is
bitbake's variable; with the host's toolchain its value is the mirror that the host's apt uses. Written by

    cargo run --manifest-path scripts/lab/Cargo.toml -- fetches

for these builds of [builds.rs](../scripts/lab/src/yocto/builds.rs):
"""

SECTION = """
## {}
| recipe | from | sha256 or commit |
|---|---|---|
"""


def dependency_graph(tinfoil, target):
    import bb

    tinfoil.set_event_mask(["bb.event.NoProvider", "bb.event.DepTreeGenerated", "bb.command.CommandCompleted",
                            "bb.command.CommandFailed"])
    tinfoil.run_command("generateDepTreeEvent", [target], "do_build")
    graph = None
    while True:
        event = tinfoil.wait_event(1000)
        if isinstance(event, bb.event.DepTreeGenerated):
            graph = event._depgraph
        elif isinstance(event, bb.event.NoProvider):
            sys.exit(f"error: {event}")
        elif isinstance(event, bb.command.CommandFailed):
            sys.exit(f"error: {event.error}")
        elif isinstance(event, bb.command.CommandCompleted):
            return graph


def place(uri, d):
    """Where a file comes from, in words that hold wherever a registry is mirrored."""
    address = uri.split(";")[0]
    package = d.getVar("PYPI_PACKAGE")
    if package:
        return f"{address.rsplit('/', 1)[1]} of PyPI's {package}"
    return address.replace(d.getVar("DEBIAN_MIRROR"), "${DEBIAN_MIRROR}")


def fetches(d):
    """What one recipe fetches, as (uri, checksum); a file of its own is no fetch."""
    import bb

    uris = [uri for uri in (d.getVar("SRC_URI") or "").split() if not uri.startswith(("file://", "npmsw://"))]
    crates = [uri for uri in uris if uri.startswith("crate://")]
    if crates:
        yield f"{len(crates)} crates of crates.io", "each its own"
    for uri in uris:
        if uri in crates:
            continue
        data = bb.fetch2.FetchData(uri, d)
        address = place(uri, d)
        if data.method.supports_srcrev():
            data.setup_revisions(d)
            yield address, data.revision
        else:
            yield address, data.sha256_expected or ""


def list_build(path):
    import bb.tinfoil

    with bb.tinfoil.Tinfoil() as tinfoil:
        tinfoil.prepare(quiet=2)
        recipes = dependency_graph(tinfoil, "mypoll-image")["pn"]
        found = set()
        for recipe in recipes.values():
            d = tinfoil.parse_recipe_file(recipe["filename"])
            if not bb.utils.to_boolean(d.getVarFlag("do_fetch", "noexec")):
                # native, cross and target are one recipe.
                name = f"{d.getVar('BPN')} {d.getVar('PV').split('+')[0]}"
                found |= {(name, *fetch) for fetch in fetches(d)}
    Path(path).write_text(json.dumps(sorted(found), indent=0), encoding="utf-8")


def title(names, every):
    """Which builds it is for, in as few words as possible."""
    rest = [name for name in every if name not in names]
    if not rest:
        return "All builds"
    return ", ".join(names) if len(names) <= len(rest) else f"All but {', '.join(rest)}"


def page(paths):
    """Each fetch once, with those that the same builds have; first what most builds have."""
    every = [Path(path).stem for path in paths]
    builds = {}
    for name, path in zip(every, paths):
        for fetch in json.loads(Path(path).read_text(encoding="utf-8")):
            builds.setdefault(tuple(fetch), []).append(name)
    sections = {}
    for fetch, names in sorted(builds.items()):
        sections.setdefault(tuple(names), []).append(fetch)
    lines = [HEAD, f"{', '.join(every)}.\n"]
    for names, fetched in sorted(sections.items(), key=lambda section: (-len(section[0]), section[0])):
        lines.append(SECTION.format(title(names, every)))
        lines += [f"| {' | '.join(fetch)} |\n" for fetch in fetched]
    return "".join(lines)


def main():
    match sys.argv[1:]:
        case ["list", path]:
            list_build(path)
        case ["page", *paths] if paths:
            sys.stdout.write(page(paths))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
