"""How long what a client says first is on its way through prey, by captures on both sides of it: cut_took.py BEFORE BEHIND PORT. Of
each connection: the time from the first segment with bytes for PORT that came to the first that left. Prints their number, and median and
99th percentile in microseconds."""
import statistics
import subprocess
import sys


def firsts(file):
    """By the client's port: when its first bytes passed, in seconds."""
    fields = ["-e", "tcp.srcport", "-e", "frame.time_epoch"]
    out = subprocess.run(["tshark", "-r", file, "-Y", f"tcp.dstport == {sys.argv[3]} && tcp.len > 0", "-T", "fields", *fields],
                         capture_output=True, text=True, check=True).stdout
    times = {}
    for line in out.splitlines():
        port, time = line.split("\t")
        times.setdefault(port, float(time))
    return times


came, left = firsts(sys.argv[1]), firsts(sys.argv[2])
took = sorted((left[port] - came[port]) * 1e6 for port in came if port in left)
print(len(took), f"{statistics.median(took):.0f} ({took[len(took) * 99 // 100]:.0f})")
