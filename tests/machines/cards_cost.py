"""Of cards_inside.sh: what a contender costs, once it forwards: cards_cost.py CONTENDER frames|bulk. Prints its name, how long the machine's
processor was busy, in nanoseconds, the units that left on lan meanwhile, and the share of time in which it was idle."""
import sys
import time

name, traffic = sys.argv[1:]
first, most, what = (4000, 40000, "tx_packets") if traffic == "frames" else (2000, 20000, "tx_bytes")


def units():
    with open("/sys/class/net/lan/statistics/" + what) as f:
        return int(f.read()) // (1 if traffic == "frames" else 1024)


def idle():
    with open("/proc/stat") as f:
        fields = f.readline().split()
    return (int(fields[4]) + int(fields[5])) * 10_000_000


def until(n, seconds):
    end = time.monotonic() + seconds
    while units() < n and time.monotonic() < end:
        time.sleep(0.05)
    return units() >= n


if not until(units() + first, 60):
    sys.exit(f"# {name} forwards nothing")
at, before, idle_before = time.monotonic_ns(), units(), idle()
until(before + most, 60)
passed, did, idled = time.monotonic_ns() - at, units() - before, idle() - idle_before
print(f"{name}\t{passed - idled}\t{did}\t{idled * 100 // passed} % idle", flush=True)
