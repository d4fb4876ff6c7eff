"""Writes RESULTS.md (or FILE) of what a run of run.sh left: results.py FOLDER [FILE]: by kernel and EXEC the tests that ran and passed,
what can't run and why, and the verifier's figures of machines/net. A part of a run (KERNEL=, ONLY=) replaces its own rows
alone: the rest is kept in rows.json beside, in the build folder."""
import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).parent
RESULTS = HERE / "RESULTS.md"
LOADED = re.compile(r"the stages, as (.*) wants? them # instructions looked at: (.*); load ms ([0-9.]+)")
WORST = re.compile(r"# (most instructions looked at in an? \w+|longest load of a judge, ms|\d+ programs): (.*)")


def rows_of(kernel):
    return [line.split()[0] for line in (HERE / kernel).read_text().splitlines() if line and not line.startswith("#")]


def stem(kernel, executor, test):
    """The name of a test's log."""
    return f"{kernel}/{executor}/{test.removeprefix('e2e/')}".replace("/", "_")


def test_rows(folder):
    """What became of each test: passed, failed, skipped, and reasons."""
    tests = {}
    for count in sorted((folder / "log").glob("*.count")):
        good, bad, skip = map(int, count.read_text().split())
        name = count.stem
        log = count.with_suffix(".log")
        text = log.read_text(errors="replace") if log.exists() else ""
        tests[name] = {"good": good, "bad": bad, "skip": skip, "why": sorted(set(re.findall(r"# SKIP (.*)", text)))}
        if name.endswith("machines_net"):
            tests[name]["loaded"] = LOADED.findall(text)
            tests[name]["worst"] = WORST.findall(text)
    return tests


def read(run, kept):
    versions = {}
    for folder in sorted(run.glob("*-*-*")):
        kernel, executor, _ = folder.name.rsplit("-", 2)
        version = run.parent / "kernels" / kernel / "version"
        if version.exists():
            versions[kernel] = version.read_text().strip()
        entry = kept.setdefault(kernel, {}).setdefault(executor, {"tests": {}, "cannot": {}})
        if entry.get("version") != versions.get(kernel):
            entry.update(tests={}, version=versions.get(kernel))
        ran, cannot = test_rows(folder), folder / "cannot"
        left = dict(line.split("\t", 1) for line in cannot.read_text().splitlines()) if cannot.exists() else {}
        entry["tests"].update(ran)
        entry["cannot"].update(left)
        for name in left:  # what can't run did not, and the other way round: the last run counts
            entry["tests"].pop(stem(kernel, executor, name), None)
        entry["cannot"] = {t: w for t, w in entry["cannot"].items() if stem(kernel, executor, t) not in ran}
    return kept


def dropped(run, kept):
    """Without what no test is called any more, by the lists that run.sh wrote: else a test that was renamed, or left
    out since, would stand there for ever."""
    for kernel, executors in kept.items():
        for executor, entry in executors.items():
            names = run / f"tests-{executor}"
            if not names.exists():
                continue
            tests = names.read_text().split()
            stems = {stem(kernel, executor, t) for t in tests}
            entry["tests"] = {n: t for n, t in entry["tests"].items() if n in stems}
            entry["cannot"] = {t: w for t, w in entry["cannot"].items() if t in tests}
    return kept


def shown(stem):
    """6.1_kernel_machines_net is 6.1/kernel/machines/net."""
    kernel, executor, test = stem.split("_", 2)
    return f"{kernel}/{executor}/{test.replace('_', '/', 1) if '_' in test else test}"


def drivers_rows(top, store):
    """What drivers/run.sh left, by kernel: a part of a run replaces its own rows alone."""
    kept = json.loads(store.read_text()) if store.exists() else {}
    cells = (HERE / "drivers" / "cells.list").read_text()
    for folder in sorted(top.glob("*/log")):
        kernel = folder.parent.name
        version = (top.parent / "kernels" / kernel / "version").read_text().strip()
        entry = kept.get(kernel, {})
        if entry.get("version") != version:
            entry = {"version": version, "tests": {}}
        for count in folder.glob("*.count"):
            good, bad, _ = map(int, count.read_text().split())
            entry["tests"][count.stem.split("_", 2)[2]] = [good, bad]
        kept[kernel] = entry
    if kept:
        store.write_text(json.dumps(kept))
    names = ["-".join(words[:4] + [words[5]]) for words in map(str.split, cells.splitlines()) if words and words[0] != "#"]
    for entry in kept.values():  # cells that are no longer in the list
        entry["tests"] = {n: t for n, t in entry["tests"].items() if n in names or n.startswith(("auto-", "faults-", "rounds-"))}
    return kept


CARDS = "## Network cards"


def drivers_section(kept, names):
    kernels = [k for k in names if kept.get(k, {}).get("tests")]
    if not kernels:  # they ran from another build folder, which has their rows: the section stays
        text = RESULTS.read_text() if RESULTS.exists() else ""
        return [text[text.index(CARDS):]] if CARDS in text else []

    def became(kernel, test):
        good, bad = kept[kernel]["tests"].get(test, (0, 0))
        return "failed" if bad else f"passed ({good})" if good else ""

    tests = sorted({t for k in kernels for t in kept[k]["tests"]}, key=lambda t: (t.startswith(("auto-", "faults-", "rounds-")), t))
    out = [CARDS, "", "Written by `make check-machines DRIVERS=1` ([drivers/](drivers/README.md)): driver, job, way, workers, and how it ended. In brackets: assertions.", ""]
    return out + table(["what"] + [f"{k} ({kept[k]['version']})" for k in kernels], [[t] + [became(k, t) for k in kernels] for t in tests])


def table(head, rows):
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)] + ["| " + " | ".join(map(str, r)) + " |" for r in rows] + [""]


def write(all_rows, names, drivers):
    out = ["# What runs on which kernel", "", "Written by `make check-machines` (results.py), of its last run of each kernel. EXEC `user` is none; `kernel` has the executor",
           "in the kernel judge. Assertions are the single `ok` lines of the tests.", ""]
    ran, failed, skipped, cannot, figures = [], [], [], {}, []
    for kernel in names:
        for executor, entry in sorted(all_rows.get(kernel, {}).items(), reverse=True):
            tests = entry["tests"]
            bad = [n for n, t in tests.items() if t["bad"]]
            ran.append([kernel, entry["version"], executor, len(tests), len(tests) - len(bad), len(entry["cannot"]), sum(t["good"] for t in tests.values())])
            failed += [[shown(n)] for n in bad]
            skipped += [[shown(n), w] for n, t in tests.items() for w in t["why"]]
            for name, why in entry["cannot"].items():
                cannot.setdefault((name.split("/")[-1], executor, why), []).append(kernel)
            for name, t in tests.items():
                for who, looked, ms in t.get("loaded", []):
                    figures.append([kernel, f"stages, as {who} want them", looked, ms])
                for what, value in t.get("worst", []):
                    figures.append([kernel, what, value, ""])
    out += table(["kernel", "Linux", "EXEC", "tests run", "passed", "impossible", "assertions passed"], ran)
    if failed:
        out += ["## Failed", ""] + table(["test"], failed)
    out += ["## Impossible", "", "From `cannot.list`.", ""] + table(["test", "EXEC", "kernels", "reason"], [[n, e, ", ".join(k), w] for (n, e, w), k in sorted(cannot.items())])
    if skipped:
        out += ["## Skipped by the tests themselves", ""] + table(["test", "reason"], skipped)
    if figures:
        out += ["## The verifier", "", "Milliseconds are of the machine's own clock, a nanosecond an instruction: to compare kernels, no speed of a machine.", ""]
        out += table(["kernel", "what", "instructions looked at", "load ms"], figures)
    out += drivers_section(drivers, names)
    RESULTS.write_text("\n".join(out).rstrip() + "\n")


def main():
    global RESULTS
    run = pathlib.Path(sys.argv[1])
    RESULTS = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else RESULTS
    store = run.parent / "rows.json"
    kept = json.loads(store.read_text()) if store.exists() else {}
    kept = dropped(run, read(run, kept))
    drivers = drivers_rows(run.parent / "drivers", run.parent / "drivers.json")
    if not drivers and not any(t["tests"] for kernel in kept.values() for t in kernel.values()):
        print("tests/machines/RESULTS.md is left as it was: nothing ran")
        return
    store.write_text(json.dumps(kept))
    write(kept, rows_of("kernels.list"), drivers)


main()
