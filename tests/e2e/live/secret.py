"""Where private keys (PEM, of P-256 or RSA) lie in the memory of processes: KEY[,KEY...] PID... Says for each process and key how often
in what a core could hold, and whether in what is left out of cores (MADV_DONTDUMP) and locked. Of RSA it is the exponent."""
import re
import subprocess
import sys


def secret(path):
    text = subprocess.run(["openssl", "pkey", "-in", path, "-noout", "-text"], capture_output=True, text=True, check=True).stdout
    digits = re.search(r"(?:priv|privateExponent):\s+([0-9a-f:\s]+)(?:pub|prime1):", text).group(1)
    return bytes.fromhex(re.sub(r"[^0-9a-f]", "", digits)).lstrip(b"\0")


def mappings(pid):
    """(from, to, left out and locked) of all that can be read."""
    place = None
    for line in open(f"/proc/{pid}/smaps"):
        head = re.match(r"([0-9a-f]+)-([0-9a-f]+) (r?)", line)
        if head:
            place = (int(head[1], 16), int(head[2], 16)) if head[3] else None
        elif line.startswith("VmFlags:") and place:
            yield (*place, " dd" in line and " lo" in line)


keys = [secret(path) for path in sys.argv[1].split(",")]
for pid in sys.argv[2:]:
    found = [{False: 0, True: 0} for _ in keys]
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for begin, end, kept in mappings(pid):
            if end - begin > 1 << 28:
                continue  # tables of flows and pools of packets
            try:
                memory.seek(begin)
                held = memory.read(end - begin)
            except (OSError, ValueError, OverflowError):
                continue
            for key, one in zip(keys, found):
                one[kept] += held.count(key) + held.count(key[::-1])  # as files have it, and as the library's numbers do
    for one in found:
        print(one[False], "and" if one[True] else "nor", "locked")
