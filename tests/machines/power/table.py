"""Writes RESULTS.md of rows that run.py left: table.py FILE..."""
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).parent
WHOLE = {"open": 1, "boots": 5, "restarts": 5, "upgrades": 5, "kills": 12, "end": 1}
SUITES = dict(line.split()[:2] for line in (HERE.parent / "kernels.list").read_text().splitlines() if line and not line.startswith("#"))


def main(files):
    rows = [json.loads(line) for file in files for line in pathlib.Path(file).read_text().splitlines()]
    text = ["# From power-on to power-off", "", "Written by `make check-machines POWER=1` (`table.py`). A row is one machine with systemd as process 1, asked twenty times a second for an open port and",
            "a closed one, from outside and from behind. *Closed*: frames that came from the closed port, or errors about it. *Behind*: packets for a closed port that",
            "arrived at the other side. Both must be 0, and *open* must not. `--exec user` judges only what crosses; what it lets this machine say stands in *closed* all the same.", ""]
    for machine in dict.fromkeys(row["machine"] for row in rows):
        ours = [row for row in rows if row["machine"] == machine]
        text += [f"## Debian {SUITES.get(machine, '')}, Linux {machine}", "", "| what | executor | seconds asked | ARP answers | open | closed | behind | |", "|---|---|---|---|---|---|---|---|"]
        for row in ours:
            what = f"{row['part']}: {row['what']}" + (f" ({', '.join(row['faults'])})" if row.get("faults") else "")
            text.append(f"| {what} | {row['executor']} | {row['asked']} | {row['arp']} | {row['open']} | {row['closed']} | {row['behind']} | {'good' if row['good'] else '**bad**'} |")
        short = [f"{sum(row['part'] == part for row in ours)} of {most} {part}" for part, most in WHOLE.items() if sum(row["part"] == part for row in ours) < most]
        text += ["", f"**Not whole:** {', '.join(short)}."] if short else []
        seeds = sorted({row["seed"] for row in ours if "seed" in row})
        text += [""] + ([f"Kills by SEED={', '.join(map(str, seeds))}.", ""] if seeds else [])
    (HERE / "RESULTS.md").write_text("\n".join(text).rstrip() + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
