"""Every long option of the programs is told by --help, described in the man page, and tried by a test.

The options are those that --help prints and those that the man page describes: both must name the same.
Prints TAP lines."""
import os
import pathlib
import re
import subprocess
import sys

BUILD = pathlib.Path(os.environ.get("B", "build"))


def main():
    failed = 0

    def say(good, what):
        nonlocal failed
        failed += not good
        print(f"{'ok' if good else 'not ok'} - {what}")

    tests = "".join(p.read_text(errors="replace") for p in pathlib.Path("tests").rglob("*")
                    if p.is_file() and p.suffix in (".sh", ".c", ".py") and "lint" not in p.parts)
    for program, other in (("preyc", "preyrun"), ("preyrun", "preyc "), ("preyctl", "preyrun")):
        run = subprocess.run([BUILD / program, "--help"], capture_output=True, text=True, timeout=60)
        say(run.returncode == 0 and not run.stderr, f"{program} --help")
        told = set(re.findall(r"(?<![\w-])--([a-z][a-z-]*)", run.stdout))
        page = pathlib.Path("man", program + ".1").read_text().replace("\\-", "-").replace("\\&", "")
        say(not re.search("@[A-Z]+@", page), f"the man page of {program} is installed as it is: nothing in it is filled in")
        # A line that shows the other program shows its options.
        manual = "\n".join(line for line in page.splitlines() if other not in line)
        described = set(re.findall(r"(?<![\w-])--([a-z][a-z-]*)", manual))
        # mdoc writes `.Fl -name`
        described |= set(re.findall(r"\bFl -([a-z][a-z-]*)", manual))
        say(len(told) > 3, f"{program} --help names its options")
        for option in sorted(told | described):
            say(option in told, f"{program} --{option} is in --help")
            say(option in described, f"{program} --{option} is in the man page")
            say(re.search(rf"--{option}\b", tests) is not None, f"{program} --{option} is tried by a test")
        run = subprocess.run([BUILD / program, "--no-such-option"], capture_output=True, text=True, timeout=60)
        say(run.returncode == 2 and run.stderr.strip(), f"{program} refuses an unknown option with status 2")
        run = subprocess.run([BUILD / program, "--version"], capture_output=True, text=True, timeout=60)
        say(run.returncode == 0 and program in run.stdout, f"{program} --version")
    return failed != 0


sys.exit(main())
