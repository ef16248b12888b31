# SPDX-License-Identifier: MIT OR Apache-2.0
"""The report of ./scripts/bench: tables of the guest's measurements, compared with targets and with reference.json."""

import argparse
import json
import math
import re
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "tests/bench/reference.json"
# The interfaces in the order of the columns: the alternatives to mypoll, and a driver that does the bare minimum.
COLUMNS = {"chardev": "chardev v2", "gpio-keys": "gpio-keys", "floor": "floor", "mypoll": "mypoll"}
PEER, FLOOR, OURS = "chardev", "floor", "mypoll"
# Growth of our figures that is not reported, in percent. Two runs of one build differ by less than 1 %, in the
# TCP client's figures by 10 %.
TOLERANCE = 2.0
MACHINES = (
    "One CPU, one guest nanosecond per instruction (-icount shift=0,sleep=off)",
    "Two CPUs, an emulator's real time: only a plausibility check of the above",
)


@dataclass(frozen=True)
class Target:
    """A figure and its limits: absolute, or relative to the floor's, the peer's, or to an edge with one queue alone."""

    title: str
    figure: str
    of_floor: float | None = None
    of_peer: float | None = None
    at_most: float | None = None
    of_alone: float | None = None
    # The name of the floor's and the peer's figure, if it differs.
    others: str | None = None

    def compare(self, value):
        """The verdict; None if a value was not measured. `value` is a function of an interface and a figure."""
        limits = {
            "at_most": (self.at_most, 1, "{:.0f}"),
            "of_floor": (self.of_floor, value(FLOOR, self.others or self.figure), "{:.2f} of the floor"),
            "of_peer": (self.of_peer, value(PEER, self.others or self.figure), "{:.2f} of the peer"),
            "of_alone": (self.of_alone, value(OURS, "edge_ns"), "{:.2f} of one alone, is {:.3f}"),
        }
        limits = {name: limit for name, limit in limits.items() if limit[0] is not None}
        ours = value(OURS, self.figure)
        if ours is None or any(other is None for _, other, _ in limits.values()):
            return None
        ratios = {name: ours / other if other else math.inf for name, (_, other, _) in limits.items()}
        met = {name: ratios[name] <= most for name, (most, _, _) in limits.items()}
        verdict = [
            f"{text.format(most, ratios[name])}: {'met' if met[name] else 'MISSED'}" for name, (most, _, text) in limits.items()
        ]
        kept = {name: ratios.get(name) for name in ("of_floor", "of_peer", "of_alone")}
        return {"figure": self.figure, **kept, "met": all(met.values()), "verdict": ", ".join(verdict)}


TARGETS = [
    Target("interrupt to read(), reader blocked, p50", "blocked_p50_ns", 1.05, 0.27),
    Target("interrupt to read(), reader blocked, p99", "blocked_p99_ns", 1.05, 0.27),
    Target("toggle to read(), reader blocked, p50", "toggle_blocked_p50_ns", 1.05, 0.43),
    Target("interrupt to read(), reader awake, p50", "awake_p50_ns", 1.10, 0.27),
    Target("interrupt to read(), reader awake, p99", "awake_p99_ns", 1.10, 0.27),
    Target("toggle to read(), reader awake, p50", "toggle_awake_p50_ns", 1.05, 0.43),
    Target("draining 64 records a read, per event", "drain_ns", 1.0, 0.13),
    Target("draining the mapped ring, per event", "drain_mapped_ns", of_peer=0.05, at_most=4, others="drain_ns"),
    Target("one edge, nobody reading", "edge_ns", 1.05, 0.36),
    Target("one edge, 64 files open", "edge_64_files_ns", at_most=8000),
    Target("one edge, 1 queue, 63 filter it out", "edge_63_filtered_ns", of_alone=1.10),
    Target("lost of 2000 edges, nobody reading", "lost_of_2000", at_most=0),
    Target("of these, not accounted for", "unaccounted_of_2000", at_most=0),
    Target("close of a private queue, longest", "close_max_ns", at_most=1000000),
]
# Shown without a target.
OTHERS = [
    Target("interrupt to a TCP client's read(), p50", "client_p50_ns"),
    Target("interrupt to a TCP client's read(), p99", "client_p99_ns"),
    Target("one edge, read by a TCP client", "client_edge_ns"),
    Target("one edge, 8 files open, nobody reading", "edge_8_files_ns"),
    Target("close of a private queue, p50", "close_p50_ns"),
    Target("memory of an open file, bytes", "memory_bytes"),
]


def change(before, now):
    """In percent. Smaller is better, for every figure."""
    if now == before:
        return 0.0
    return (now / before - 1) * 100 if before else math.inf


def number(value, digits):
    if value is None:
        return "–"
    return f"{value:.0f}" if value == int(value) else f"{value:.{digits}f}"


class Report:
    """The measurements of one machine. Only the first machine's figures are compared with targets and the reference."""

    def __init__(self, machine, output, reference=None):
        self.machine, self.counts, self.reference = machine, machine == MACHINES[0], reference
        self.figures = {}
        for line in output.splitlines():
            measured = json.loads(line)
            self.figures.setdefault(measured.pop("interface"), {})[measured.pop("figure")] = measured
        compared = [target.compare(self.value) for target in TARGETS if self.counts]
        self.targets = {comparison["figure"]: comparison for comparison in compared if comparison}

    def value(self, interface, figure):
        return self.figures.get(interface, {}).get(figure, {}).get("value")

    def values(self):
        return {
            interface: {name: float(figure["value"]) for name, figure in sorted(figures.items()) if "value" in figure}
            for interface, figures in sorted(self.figures.items())
        }

    def errors(self):
        for interface, figures in sorted(self.figures.items()):
            for name, figure in sorted(figures.items()):
                if "error" in figure:
                    yield f"{interface}: {name}: {figure['error']}"

    def missing(self):
        unmeasured = [target.figure for target in TARGETS if self.counts and target.figure not in self.targets]
        return [*self.errors(), *(f"{OURS}: {figure}: not measured" for figure in unmeasured)]

    def change(self, figure):
        before, now = self.reference["figures"].get(OURS, {}).get(figure), self.value(OURS, figure)
        return None if before is None or now is None else change(before, now)

    def worse(self):
        for figure, before in self.reference["figures"].get(OURS, {}).items():
            percent = self.change(figure)
            if percent is not None and percent > TOLERANCE:
                yield f"{figure}: {self.value(OURS, figure):.10g}, reference {before:.10g}, {percent:+.1f} %"

    def rows(self):
        head = [f"{'in ns unless noted':<42}", *(f"{heading:>12}" for heading in COLUMNS.values())]
        head += [f"{'change':>10}"] if self.reference else []
        yield "".join(head) + (f"{'of floor':>10}{'of peer':>10}  at most" if self.counts else "")
        for target in (*TARGETS, *OTHERS):
            row = f"{target.title:<42}"
            row += "".join(f"{number(self.value(interface, target.figure), 1):>12}" for interface in COLUMNS)
            if self.reference:
                percent = self.change(target.figure)
                row += f"{'–' if percent is None else f'{percent:+.1f} %':>10}"
            if self.counts and target in TARGETS:
                found = self.targets.get(target.figure, {"verdict": "NOT MEASURED"})
                row += f"{number(found.get('of_floor'), 3):>10}{number(found.get('of_peer'), 3):>10}  {found['verdict']}"
            yield row
        yield from (f"not measured: {error}" for error in self.errors())

    def __str__(self):
        return "\n".join((self.machine, "", *self.rows(), ""))

    def plots(self):
        """Pairs of file name and plot."""
        speeds = [(interface, name, "drain_ns") for interface, name in COLUMNS.items()]
        speeds.append((OURS, "mypoll, mapped", "drain_mapped_ns"))
        speeds = {name: 1000 / self.value(interface, figure) for interface, name, figure in speeds if self.value(interface, figure)}
        yield "bench-throughput.svg", bars("Draining a queue, million events a second", speeds)
        counts = {name: self.figures.get(interface, {}).get("blocked_ns", {}).get("counts") for interface, name in COLUMNS.items()}
        counts = {name: pairs for name, pairs in counts.items() if pairs}
        if counts:
            yield "bench-latency.svg", histogram("Interrupt to read(), reader blocked: % of events by µs", counts)


# In the order of the tables' columns. They differ in brightness, too.
COLOURS = ("#BC4C00", "#8250DF", "#57606A", "#0969DA", "#1A7F37")
# Split, so that licence checkers don't take it for this file's licence.
LICENCE = "<!-- SPDX-License" "-Identifier: MIT OR Apache-2.0 -->"
BINS = 60


def svg(title, height, shapes):
    size = f'width="860" height="{height}" viewBox="0 0 860 {height}"'
    shapes = ['<rect width="860" height="100%" fill="white"/>', text(430, 24, title, "middle"), *shapes]
    body = "\n".join((LICENCE, *shapes))
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="15">\n{body}\n</svg>\n'


def text(x, y, words, anchor="start"):
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{words}</text>'


def bars(title, series):
    """A bar chart: one bar per series, labelled with its value."""
    shapes = []
    for row, ((name, value), colour) in enumerate(zip(series.items(), COLOURS, strict=False)):
        width, y = 600 * value / max(series.values()), 44 + 40 * row
        shapes.append(f'<rect x="140" y="{y}" width="{width:.0f}" height="26" fill="{colour}"/>')
        shapes += [text(16, y + 18, name), text(148 + width, y + 18, f"{value:.1f}")]
    return svg(title, 56 + 40 * len(series), shapes)


def histogram(title, series):
    """A histogram: one step line per series, of the share of events by duration."""
    width = max(ns for pairs in series.values() for ns, _ in pairs) // BINS + 1
    shares = {}
    for name, pairs in series.items():
        bins = [0] * BINS
        for ns, count in pairs:
            bins[ns // width] += count
        shares[name] = [100 * count / sum(bins) for count in bins]
    highest = max(share for bins in shares.values() for share in bins)
    shapes = ['<path d="M50,40 V320 H650" fill="none" stroke="black"/>', text(2, 52, f"{highest:.0f} %")]
    shapes += [text(50 + 10 * at, 340, f"{at * width / 1000:.1f}", "middle") for at in range(0, BINS + 1, 12)]
    for row, ((name, bins), colour) in enumerate(zip(shares.items(), COLOURS, strict=False)):
        steps = " ".join(f"V{320 - 280 * share / highest:.1f} h10" for share in bins)
        shapes.append(f'<path d="M50,320 {steps}" fill="none" stroke="{colour}" stroke-width="2"/>')
        shapes.append(f'<rect x="680" y="{46 + 26 * row}" width="14" height="10" fill="{colour}"/>')
        shapes.append(text(702, 56 + 26 * row, name))
    return svg(title, 360, shapes)


def build(kernel, config):
    """Kernel and compilers of the driver. Figures are only comparable if these are the same."""
    found = dict(re.findall(r'^CONFIG_(RUSTC|CC)_VERSION_TEXT="(.*)"$', config, re.MULTILINE))
    return {"kernel": kernel, "rustc": found["RUSTC"], "cc": found["CC"]}


def note(reference, this):
    if not reference:
        return "There is no reference: './scripts/bench --save-reference' saves one"
    names = ["Linux {kernel}, {rustc}, {cc}".format_map(build) for build in (reference, this)]
    if names[0] == names[1]:
        return f"Reference: {names[0]}"
    return f"Reference: {names[0]}; this is {names[1]}: changes may come from the kernel or the compiler"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kernel", required=True, help="the kernel's version")
    parser.add_argument("--config", required=True, type=Path, help="the kernel's configuration")
    help_json = "print everything, write all figures to this file, and plots beside it; by default, print only what got worse"
    parser.add_argument("--json", type=Path, metavar="FILE", help=help_json)
    parser.add_argument("--save-reference", action="store_true", help="save the figures as the new reference; needs --json")
    parser.add_argument("outputs", nargs="+", type=Path, metavar="OUTPUT", help="the guest's output, one file per machine")
    args = parser.parse_args()
    this = build(args.kernel, args.config.read_text())
    reference = json.loads(REFERENCE.read_text()) if REFERENCE.exists() else None
    runs = [
        Report(machine, output.read_text(), reference if machine == MACHINES[0] else None)
        for machine, output in zip(MACHINES, args.outputs, strict=False)
    ]
    missing = [what for report in runs for what in report.missing()]
    if not args.json:
        worse = list(runs[0].worse()) if reference else [""]
        sys.stdout.writelines(f"{line}\n" for line in missing or ([*worse, note(reference, this)] if worse else []) if line)
        return bool(missing)

    print(*runs, sep="\n")
    print(note(reference, this))
    targets = [[{k: v for k, v in target.items() if k != "verdict"} for target in run.targets.values()] for run in runs]
    results = [
        {"machine": run.machine, "figures": run.figures, "targets": compared} for run, compared in zip(runs, targets, strict=True)
    ]
    args.json.write_text(json.dumps({"kernel": args.kernel, "runs": results}, indent=2) + "\n")
    print(f"All figures as JSON: {args.json}")
    for name, plot in runs[0].plots():
        args.json.with_name(name).write_text(plot)
        print(f"Plot: {args.json.with_name(name)}")
    if args.save_reference:
        if runs[0].missing():
            return f"error: the reference was not changed: {'; '.join(runs[0].missing())}"
        REFERENCE.write_text(json.dumps({**this, "figures": runs[0].values()}, indent=2) + "\n")
        print(f"Saved as the reference: {REFERENCE}")
        for name, plot in runs[0].plots():
            (ROOT / "docs" / name).write_text(plot)
    return bool(missing)


if __name__ == "__main__":
    sys.exit(main())
