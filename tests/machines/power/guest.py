"""A machine with Debian's systemd: QEMU, its cards, and the agent on its second serial line (disk/usr/local/sbin/lab-agent)."""
import base64
import json
import os
import pathlib
import socket
import subprocess
import time

# As machine.sh has it: the machine's clock goes by its instructions, so that bounds on time hold in there, however slow this one is.
CLOCK = ["-accel", "tcg,thread=single", "-icount", "shift=0,sleep=on", "-smp", "1", "-cpu", "max,-erms,-fsrm"]
WORDS = "console=ttyS0 net.ifnames=0 loglevel=4 panic=-1 norandmaps cryptomgr.notests=1 mitigations=off systemd.show_status=0"


class Gone(Exception):
    """The machine ended, or did not answer within its bound."""


def connected(path, bound):
    """A stream to the socket that QEMU makes."""
    until = time.time() + bound
    while True:
        stream = socket.socket(socket.AF_UNIX)
        try:
            stream.connect(str(path))
            return stream
        except OSError:
            stream.close()
            if time.time() > until:
                raise Gone(f"no {path}")
            time.sleep(0.1)


class Lines:
    """Lines of a stream, each within a bound."""

    def __init__(self, stream):
        self.stream, self.rest = stream, b""

    def next(self, until):
        while b"\n" not in self.rest:
            left = until - time.time()
            if left <= 0:
                return None
            self.stream.settimeout(left)
            try:
                more = self.stream.recv(65536)
            except TimeoutError:
                return None
            if not more:
                raise Gone("the machine ended")
            self.rest += more
        line, self.rest = self.rest.split(b"\n", 1)
        return line.decode(errors="replace").strip()


class Guest:
    def __init__(self, folder, disk, work, cards):
        """FOLDER has image and initrd; WORK takes console and sockets; CARDS: (device, tap, mac), of which taps are there already."""
        self.work, self.cards, self.number = pathlib.Path(work), cards, 0
        for name in ("agent", "monitor"):
            (self.work / name).unlink(missing_ok=True)
        net = []
        for name, tap, mac in cards:
            net += ["-netdev", f"tap,id={name},ifname={tap},script=no,downscript=no", "-device", self.device(name, mac)]
        self.process = subprocess.Popen(
            ["qemu-system-x86_64", *CLOCK, "-m", "1536", "-kernel", f"{folder}/image", "-initrd", f"{folder}/initrd", "-append", WORDS,
             "-drive", f"file={disk},if=virtio,format=raw,cache=unsafe", "-display", "none",
             "-serial", f"file:{self.work}/console", "-serial", f"unix:{self.work}/agent,server=on,wait=off",
             "-qmp", f"unix:{self.work}/monitor,server=on,wait=off", *net],
            stdin=subprocess.DEVNULL, stdout=open(self.work / "qemu", "w"), stderr=subprocess.STDOUT)
        self.monitor = Lines(connected(self.work / "monitor", 20))
        self.ask_monitor("qmp_capabilities")
        self.agent = Lines(connected(self.work / "agent", 20))

    def device(self, name, mac):
        return f"virtio-net-pci,netdev={name},id=card-{name},mac={mac},addr={16 + [c[0] for c in self.cards].index(name)},romfile="

    def ask_monitor(self, command, **arguments):
        self.monitor.stream.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        until = time.time() + 30
        while True:
            line = self.monitor.next(until)
            if line is None:
                raise Gone(f"the emulator does not answer {command}")
            said = json.loads(line)
            if "return" in said or "error" in said:
                return said

    def unplug(self, name):
        self.ask_monitor("device_del", id=f"card-{name}")

    def plug(self, name):
        mac = next(m for n, _, m in self.cards if n == name)
        options = dict(part.split("=", 1) for part in self.device(name, mac).split(",")[1:])
        return self.ask_monitor("device_add", driver="virtio-net-pci", **{k: v for k, v in options.items() if v})

    def ready(self, bound):
        """Wait for the agent of a start."""
        until = time.time() + bound
        while True:
            line = self.agent.next(until)
            if line is None:
                raise Gone(f"no agent within {bound} s")
            if line.startswith("lab ready"):
                return

    def tell(self, words, bound=300):
        """Run WORDS by a shell in there; its status and what it said."""
        self.number += 1
        self.agent.stream.sendall(f"{self.number} {base64.b64encode(words.encode()).decode()}\n".encode())
        until = time.time() + bound
        while True:
            line = self.agent.next(until)
            if line is None:
                raise Gone(f"no answer within {bound} s: {words}")
            word = line.split(" ")
            if word[0] == str(self.number) and len(word) >= 2:
                return int(word[1]), base64.b64decode(word[2] if len(word) > 2 else "").decode(errors="replace").rstrip("\n")

    def write(self, path, text, mode="644"):
        said = self.tell(f"mkdir -p {os.path.dirname(path)} && base64 -d >{path} <<<'{base64.b64encode(text.encode()).decode()}' && chmod {mode} {path}")
        if said[0]:
            raise Gone(f"{path} can't be written: {said[1]}")

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
