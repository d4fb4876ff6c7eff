#!/usr/bin/python3
"""From power-on to power-off, in machines with Debian's systemd: run.py WORK NAME [PART...], of kernels.list's NAME.

A machine between an outside and a host behind it is started, upgraded, restarted, and hit by signals, while probe.py asks it from
all sides: for a port that its rules open, and for one that they close, behind which something listens from before the network on.
No byte may come from the closed one, nor a packet for it arrive behind, from the first ARP to the power's end; and the open one must
answer in between, or nothing was tried. Only counts are held to anything.

PART: `open`, `boots`, `restarts`, `upgrades`, `kills`, `end`; all without. SEED draws the kills, COUNT of them. It needs root and a network
namespace of its own (run.sh). Each part's rows go to WORK/rows, lines of JSON, from which table.py makes RESULTS.md. Status 1: a row failed.
"""
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import network
from guest import Gone, Guest

HERE = pathlib.Path(__file__).parent
CARDS = [("eth0", "wan", "52:54:00:00:00:01"), ("eth1", "lan", "52:54:00:00:00:02"), ("eth2", "far", "52:54:00:00:00:03")]
NAMESPACES = {"wan": "outside", "lan": "behind", "far": "outside"}
OWN = {"wan": ("10.1.0.9/24", "fd01::9/64"), "lan": ("10.2.0.2/24", "fd02::2/64"), "far": ("10.3.0.9/24", "fd03::9/64")}
BOOT, LATE = 900, 20  # seconds: a bound, and how long a card stays away
KILLS = int(os.environ.get("COUNT") or 12)
OPTIONS = "-i eth0 -i eth1 -i eth2 -i wg0"
RULES = (HERE / "disk/etc/prey/edge.prey").read_text()


def rules(executor):
    """Rules about this machine itself are refused by the executor in user space, which couldn't enforce them."""
    return RULES if executor == "kernel" else RULES[RULES.index("firewall way"):]


def sh(words, check=True):
    return subprocess.run(words, shell=True, check=check, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout


class Sides:
    """The namespaces beside the machine, the prober in them, and a DHCP server that can be away."""

    def __init__(self, work):
        self.work, self.server = work, None
        for name in ("outside", "behind"):
            sh(f"ip netns add {name} && ip -n {name} link set lo up")
        for tap in NAMESPACES:
            sh(f"ip tuntap add dev {tap} mode tap && ip link set {tap} up")

    def settle(self):
        """Move the taps, which the machine has opened by now: a device keeps its machine wherever it goes."""
        for tap, namespace in NAMESPACES.items():
            address, address6 = OWN[tap]
            sh(f"ip link set {tap} netns {namespace} && ip -n {namespace} addr add {address} dev {tap} &&"
               f"ip -n {namespace} addr add {address6} dev {tap} nodad && ip -n {namespace} link set {tap} up")
        sh("ip -n behind route add default via 10.2.0.1; ip -n behind -6 route add default via fd02::1")
        sh("ip -n outside route add 10.2.0.0/24 via 10.1.0.1; ip -n outside -6 route add fd02::/64 via fd01::1")
        networks = [f"{NAMESPACES[tap]}:{tap}:{mac}" for _, tap, mac in CARDS]
        self.prober = subprocess.Popen([sys.executable, HERE / "probe.py", self.work / "answers", *networks])

    def dhcp(self, here):
        if here and self.server is None:
            config = self.work / "dhcp.conf"
            config.write_text(f"start 10.3.0.10\nend 10.3.0.10\ninterface far\nmax_leases 1\nlease_file {self.work}/leases\n"
                              f"pidfile {self.work}/dhcp.pid\noption subnet 255.255.255.0\n")
            (self.work / "leases").touch()
            self.server = subprocess.Popen(["ip", "netns", "exec", "outside", "busybox", "udhcpd", "-f", config], stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        elif not here and self.server is not None:
            self.server.terminate()
            self.server.wait()
            self.server = None

    def answers(self, since):
        """What came since: kind to count."""
        counts = {}
        for line in (self.work / "answers").read_text().splitlines():
            at, *kind, count = line.split(" ")
            if float(at) >= since and count.isdigit():
                kind = " ".join(kind)
                counts[kind] = counts.get(kind, 0) + int(count)
        return counts

    def wait_for(self, kind, since, bound):
        """Wait until something of that kind came, whatever its words."""
        until = time.time() + bound
        while time.time() < until:
            if any(of.split(" ")[0] == kind for of in self.answers(since)):
                return True
            time.sleep(1)
        return False

    def end(self):
        self.dhcp(False)
        for process in [getattr(self, "prober", None)]:
            if process:
                process.kill()
                process.wait()


class Run:
    def __init__(self, work, name):
        self.work, self.name = work, name
        self.folder = pathlib.Path(os.environ["B"]) / "machines/power" / name
        kernel = self.folder.parent.parent / "kernels" / name
        sh(f"cp --sparse=always {self.folder}/disk {work}/disk; ln -sf {kernel.resolve()}/image {work}/image; ln -sf {self.folder.resolve()}/initrd {work}/initrd")
        self.sides = Sides(work)
        self.guest = Guest(work, work / "disk", work, CARDS)
        self.sides.settle()
        self.rows = open(work / "rows", "w")
        self.executor, self.failed = "kernel", 0

    def row(self, part, what, since, answers=True, **more):
        """Judge what came since, and write it down. answers: the open port must have answered, too."""
        time.sleep(2)  # the prober's line of the last second
        counts = self.sides.answers(since)
        ours = {k: v for k, v in counts.items() if k.startswith("closed")}
        behind = {k: v for k, v in counts.items() if k.startswith("behind")}
        # The executor in user space judges copies of what this machine itself receives.
        wrong = behind if self.executor == "user" else {**ours, **behind}
        row = {"machine": self.name, "part": part, "what": what, "executor": "none" if part == "open" else self.executor, "asked": counts.get("alive", 0),
               "arp": counts.get("arp", 0), "open": counts.get("open", 0), "closed": sum(ours.values()), "behind": sum(behind.values()), "kinds": {**ours, **behind}, **more}
        if part == "open":
            row["good"] = bool(ours) and bool(behind)
        else:
            row["good"] = not wrong and (row["open"] > 0 or not answers) and more.get("right", True)
        self.failed += not row["good"]
        self.rows.write(json.dumps(row) + "\n")
        self.rows.flush()
        print("ok     " if row["good"] else "not ok ", json.dumps(row), flush=True)

    # What happens to the machine.
    def options(self, executor):
        self.executor = executor
        words = OPTIONS + (" --exec user" if executor == "user" else "")
        self.guest.write("/etc/default/prey-edge", f"OPTIONS='{words}'\n")
        self.guest.write("/etc/prey/edge.prey", rules(executor))

    def reboot(self, late=False):
        """A real one. The time of the order, from which a row counts, and that from which the machine's answers are its new start's."""
        if late:
            self.guest.unplug("eth2")
            time.sleep(3)
        since = time.time()
        self.guest.tell("systemctl --no-block reboot")
        self.guest.ready(BOOT)
        up = time.time()
        if late:
            self.sides.wait_for("arp", up, BOOT)
            time.sleep(LATE)
            self.guest.plug("eth2")
        return since, up

    def serves(self, since, bound=BOOT):
        """Wait until the open port answers and prey says that it is ready."""
        served = self.sides.wait_for("open", since, bound)
        until = time.time() + bound
        while served and time.time() < until:
            if self.guest.tell("systemctl is-active preyrun@edge")[1] == "active":
                return True
            time.sleep(1)
        return False

    def part_open(self):
        """Without prey: what the prober sees of a machine that is open."""
        self.guest.tell("systemctl disable preyrun@edge")
        since, up = self.reboot()
        self.sides.wait_for("closed", up, BOOT)
        time.sleep(5)
        self.row("open", "without prey", since)
        self.guest.tell("systemctl enable --now preyrun@edge", BOOT)

    def part_boots(self):
        own, other = ("ifupdown", "networkd") if self.name == "6.1" else ("networkd", "ifupdown")
        for by, executor, faults, beside in [
            (own, "kernel", ["no DHCP server"], []),
            (own, "kernel", ["late card"], ["nftables"]),
            ("NetworkManager", "kernel", ["no DHCP server", "late card"], []),
            (other, "kernel", ["broken rules"], ["firewalld"]),
            (own, "user", ["no DHCP server", "late card"], []),
        ]:
            network.configure(self.guest, by, beside)
            self.options(executor)
            self.sides.dhcp("no DHCP server" not in faults)
            if "broken rules" in faults:
                self.guest.write("/etc/prey/edge.prey", rules(executor) + "firewall way forward {\n")
            since, up = self.reboot("late card" in faults)
            right = self.serves(up)
            if "late card" in faults:  # it is judged like the others once it is there
                right = right and self.guest.tell("for i in $(seq 60); do preyctl status | grep -q eth2 && exit; sleep 1; done; exit 1")[0] == 0
            if "broken rules" in faults:
                right = right and self.guest.tell("journalctl -b -u preyrun@edge | grep -q \"doesn't compile: preyrun starts with the rules of\"")[0] == 0
                self.guest.write("/etc/prey/edge.prey", rules(executor))
            time.sleep(5)
            self.row("boots", " and ".join([by] + beside), since, faults=faults + ["wg0 never comes"], right=right)

    def changes(self, part, words):
        for executor in ("kernel", "user"):
            self.options(executor)
            self.guest.tell("systemctl restart preyrun@edge")
            self.serves(time.time())
            for at in range(3 if executor == "kernel" else 2):
                since = time.time()
                status, said = self.guest.tell(words(at, executor), BOOT)
                right = self.serves(since) and status == 0
                time.sleep(3)
                self.row(part, f"{part[:-1]} {at + 1}", since, right=right, said=said[-200:])

    def part_restarts(self):
        self.changes("restarts", lambda at, executor: "systemctl restart preyrun@edge")

    def part_upgrades(self):
        # To the version that is to come and back, which is a downgrade.
        def words(at, executor):
            folder = "upgrade" if (at + (executor == "user")) % 2 == 0 else "now"
            return f"dpkg -i /root/{folder}/*.deb"
        self.changes("upgrades", words)

    def part_kills(self):
        seed = int(os.environ.get("SEED") or random.randrange(1 << 31))
        print(f"SEED={seed}", flush=True)
        draw = random.Random(seed)
        hits = 0
        for _ in range(3 * KILLS):  # one that meets nobody is no kill
            if hits == KILLS:
                break
            who = draw.choice(["parent", "child", "prey-compile"])
            when = draw.choice(["restart", "reload"] if who == "prey-compile" else ["running", "restart", "reload", "stop"])
            how = draw.choice(["KILL", "STOP", "SEGV", "TERM"])
            executor = draw.choice(["kernel", "kernel", "user"])
            delay = draw.uniform(0, 3)
            self.options(executor)
            self.guest.tell("systemctl restart preyrun@edge")
            self.serves(time.time())
            since = time.time()
            _, said = self.guest.tell(f"lab-kill {who} {how} {when} {delay:.2f}", BOOT)
            hit = "nobody was there" not in said
            # A machine that was stopped, or whose start was ended, stays closed until somebody starts it.
            right = self.sides.wait_for("arp", time.time(), BOOT)
            self.guest.tell("for i in $(seq 90); do case $(systemctl is-active preyrun@edge) in active) exit;; inactive|failed) break;; esac; sleep 1; done;"
                            "systemctl reset-failed preyrun@edge; systemctl start preyrun@edge", BOOT)
            right = self.serves(time.time()) and right
            time.sleep(2)
            hits += hit
            if hit:
                self.row("kills", f"{how} to {who}, {when} + {delay:.1f} s", since, right=right, said=said[:120], seed=seed)
        if hits < KILLS:
            self.failed += 1
            print(f"not ok  {self.name}: {hits} of {KILLS} kills met somebody", flush=True)

    def part_end(self):
        """Off, by the machine's own order."""
        since = time.time()
        self.guest.tell("systemctl --no-block poweroff")
        self.guest.process.wait(300)
        self.row("end", "power-off", since, answers=False)

    def end(self):
        self.guest.end()
        self.sides.end()


def main(work, name, *parts):
    work = pathlib.Path(work)
    work.mkdir(parents=True, exist_ok=True)
    run = Run(work, name)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(143))
    try:
        run.guest.ready(BOOT)
        network.configure(run.guest, "ifupdown")
        run.guest.tell("systemctl restart networking", BOOT)
        for part in parts or ["open", "boots", "restarts", "upgrades", "kills", "end"]:
            getattr(run, f"part_{part}")()
    except (Gone, subprocess.TimeoutExpired) as gone:
        print(f"not ok  {name}: {gone}; its console is {work}/console", flush=True)
        run.failed += 1
    finally:
        run.end()
    sys.exit(run.failed != 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
