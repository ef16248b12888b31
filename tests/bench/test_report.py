# SPDX-License-Identifier: MIT OR Apache-2.0
import json

import pytest
from report import FLOOR, MACHINES, OURS, PEER, REFERENCE, ROOT, TARGETS, Report, build, histogram, note

BUILD = build("6.18.15", 'CONFIG_CC_VERSION_TEXT="clang version 19"\nCONFIG_RUSTC_VERSION_TEXT="rustc 1.95.0"\n')


def line(interface, figure, **measured):
    return json.dumps({"interface": interface, "figure": figure, **measured}) + "\n"


def report(*more, reference=None):
    """A run that meets all targets, except for the figures in `more`."""
    output = ""
    for target in TARGETS:
        others = target.others or target.figure
        output += line(OURS, target.figure, value=0) + line(FLOOR, others, value=100) + line(PEER, others, value=1000)
    return Report(MACHINES[0], output + line(OURS, "edge_ns", value=100) + "".join(more), reference)


def row(text, title):
    (found,) = (line for line in text.splitlines() if line.startswith(title))
    return " ".join(found.split())


def test_missed_targets_are_shown():
    assert report().missing() == []
    assert "MISSED" not in str(report())
    missed = report(line(OURS, "edge_ns", value=1234.56))
    assert missed.missing() == []
    verdict = "1000 – 100 1234.6 12.346 1.235 1.05 of the floor: MISSED, 0.36 of the peer: MISSED"
    assert row(str(missed), "one edge, nobody") == f"one edge, nobody reading {verdict}"
    assert not missed.targets["edge_ns"]["met"]


@pytest.mark.parametrize(("ours", "verdict"), [(110, "is 1.100: met"), (120, "is 1.200: MISSED")])
def test_filtering_queues_are_compared_with_one_queue_alone(ours, verdict):
    compared = report(line(OURS, "edge_63_filtered_ns", value=ours)).targets["edge_63_filtered_ns"]
    assert compared["verdict"] == f"1.10 of one alone, {verdict}"
    assert compared["of_alone"] == ours / 100


def test_missing_measurements_are_reported():
    missing = report(line(OURS, "edge_ns", error="no edge"))
    assert f"{OURS}: edge_ns: no edge" in missing.missing()
    assert f"{OURS}: edge_ns: not measured" in missing.missing()
    assert "NOT MEASURED" in row(str(missing), "one edge, nobody")
    failed = report(line("gpio-keys", "edge_ns", error="3 of 31"))
    assert str(failed).endswith("not measured: gpio-keys: edge_ns: 3 of 31\n")
    with pytest.raises(json.JSONDecodeError):
        Report(MACHINES[0], "Killed\n")


def test_only_figures_worse_than_the_tolerance_are_reported():
    reference = {**BUILD, "figures": {OURS: {"a": 100.0, "b": 100.0, "c": 100.0, "lost": 0.0, "edge_ns": 100.0}}}
    values = {"a": 103, "b": 101.9, "c": 50, "lost": 1, "new": 1, "edge_ns": 105}
    now = report(*(line(OURS, name, value=value) for name, value in values.items()), reference=reference)
    assert list(now.worse()) == [
        "a: 103, reference 100, +3.0 %",
        "lost: 1, reference 0, +inf %",
        "edge_ns: 105, reference 100, +5.0 %",
    ]
    assert "105 +5.0 % 1.050" in row(str(now), "one edge, nobody")


def test_note_names_a_different_kernel():
    assert note(BUILD, BUILD) == "Reference: Linux 6.18.15, rustc 1.95.0, clang version 19"
    assert "this is Linux 6.18.12, " in note(BUILD, {**BUILD, "kernel": "6.18.12"})


def test_plot_in_docs_shows_the_reference():
    reference = json.loads(REFERENCE.read_text())["figures"]
    lines = [line(interface, name, value=value) for interface, figures in reference.items() for name, value in figures.items()]
    ((name, plot),) = Report(MACHINES[0], "".join(lines)).plots()
    assert (ROOT / "docs" / name).read_text() == plot, "outdated: run './scripts/bench --save-reference'"


def test_histogram():
    plots = dict(report(line(OURS, "blocked_ns", counts=[[4992, 900], [5536, 100]])).plots())
    assert "mypoll" in plots["bench-latency.svg"]
    # Two of three values are in the first bin, which is the highest.
    assert "M50,320 V40.0 h10" in histogram("", {"a": [[0, 1], [1, 1], [119, 1]]})
