"""A machine of its own for a rule set, and what its kernel makes of packets.

A network namespace with interfaces that this process holds the other end of. A frame that is written there has gone through the
kernel's hooks when the write returns, and so has what is sent from here: nothing is waited for. A table of our own, in
chains before and behind those of the rule set, remembers which packets came by. Each is told by its IPv4 identification or
IPv6 flow label, the packet's number."""
import ctypes
import fcntl
import ipaddress
import json
import os
import re
import socket
import struct
import subprocess

CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 2, 0x1000
IPV6_HDRINCL = 36
OURS = 0x70726579  # the mark of what we send; what the kernel's own stack says has none, and goes nowhere
STAGES = {  # where a packet is seen: hook and priority
    "came": "prerouting priority -10000", "prerouted": "prerouting priority 10000",
    "routed_in": "input priority -10000", "routed_on": "forward priority -10000",
    "passed_in": "input priority 10000", "passed_on": "postrouting priority 10000",
}
FIRST, LAST = -440, -450  # in the output hook, before all rules: what is ours, and the rest


def networks(interfaces, text=""):
    """The addresses of this machine: {interface: (IPv4, IPv6)}; the first leads to the world, the others to a network each: the
    one that the text says (`# br1 has 172.18.0.1/16`), or that Docker leaves untranslated there (`-s 172.18.0.0/16 ! -o br1`)."""
    said = {device: ipaddress.ip_interface(at) for device, at in re.findall(r"# (\S+) has ([0-9.]+/[0-9]+)", text)}
    for network, device in re.findall(r"-s ([0-9.]+/[0-9]+) ! -o (\S+)", text):
        network = ipaddress.ip_network(network)
        said.setdefault(device, ipaddress.ip_interface(f"{network[1]}/{network.prefixlen}"))
    mine = {}
    for i, name in enumerate(interfaces):
        v4 = ("203.0.113.2/24", "192.168.1.1/24")[i] if i < 2 else f"10.{i}.0.1/24"
        mine[name] = (said.get(name, ipaddress.ip_interface(v4)), ipaddress.ip_interface(f"2001:db8:{i}::1/64"))
    return mine


def enter(mine):
    """Go into a new namespace with these interfaces; returns {interface: its other end}."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "no network namespace")
    for name, value in (("ipv4/ip_forward", 1), ("ipv4/conf/all/rp_filter", 0), ("ipv4/conf/default/rp_filter", 0),
                        ("ipv6/conf/all/forwarding", 1), ("ipv6/conf/all/accept_dad", 0), ("ipv6/conf/default/accept_dad", 0),
                        ("ipv4/icmp_ratelimit", 0), ("ipv6/icmp/ratelimit", 0), 
                        ("ipv4/icmp_msgs_per_sec", 1000000), ("ipv4/icmp_msgs_burst", 1000000),
                        # What is in the middle of a connection that nobody saw begin is invalid, as in a replay.
                        ("netfilter/nf_conntrack_tcp_loose", 0)):
        # Before Linux 6.12 the last two are of the whole machine, and no namespace has them.
        if os.path.exists("/proc/sys/net/" + name):
            with open("/proc/sys/net/" + name, "w") as f:
                f.write(str(value))
    ends = {}
    for name in mine:
        ends[name] = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(ends[name], TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    lines = ["link set lo up"]
    for name, (v4, v6) in mine.items():
        # The usual destination of tests/lib/note.def.
        lines += [f"link set {name} address 02:00:00:00:00:02 up", f"address add {v4} dev {name}",
                  f"address add {v6} dev {name} nodad"]
    world = next(iter(mine))
    lines += [f"route add default via 203.0.113.1 dev {world}", f"route add default via 2001:db8:0::9 dev {world}"]
    subprocess.run(["ip", "-batch", "-"], input="\n".join(lines), text=True, check=True)
    return ends


def answers_all():
    """Does the kernel answer every packet that a rule rejects, or after some fifty only so many a second?"""
    return os.path.exists("/proc/sys/net/ipv4/icmp_msgs_burst")


def routes():
    """As a replay reads them."""
    return "".join(subprocess.run(["ip", family, "route"], capture_output=True, check=True, text=True).stdout for family in ("-4", "-6"))


def leave(ends):
    for end in ends.values():
        os.close(end)


def probe():
    """The table that remembers; nft's text."""
    def remembers(name):
        return (f"set {name}4 {{ typeof @nh,32,16; size 65535; }}\nset {name}6 {{ typeof @nh,0,32; size 65535; }}\n")

    def add(name):
        return (f"meta nfproto ipv4 add @{name}4 {{ @nh,32,16 }}\nmeta nfproto ipv6 add @{name}6 {{ @nh,0,32 }}\n")

    text = "table inet probe {\nset resets { typeof tcp sport . tcp dport . tcp sequence . tcp ackseq; size 65535; }\n"
    for name in [*STAGES, "sent", "refused"]:
        text += remembers(name)
    for name, hook in STAGES.items():
        text += f"chain {name} {{ type filter hook {hook}; {add(name)} }}\n"
    # An ICMP error quotes the header of what it refuses, a reset acknowledges it.
    return text + f"""
chain output {{
  type filter hook output priority {LAST};
  meta mark {OURS} {add("sent").replace(chr(10), chr(10) + f"meta mark {OURS} ", 1)} meta mark {OURS} meta mark set 0 accept
  icmp type destination-unreachable add @refused4 {{ @th,96,16 }} drop
  icmpv6 type destination-unreachable add @refused6 {{ @th,64,32 }} drop
  tcp flags rst add @resets {{ tcp sport . tcp dport . tcp sequence . tcp ackseq }} drop
  drop
}}
}}
"""


def load_probe():
    subprocess.run(["nft", "-f", "-"], input=probe(), text=True, check=True)


def remembered():
    """{set: its elements} of the table."""
    listing = json.loads(subprocess.run(["nft", "-j", "-n", "list", "table", "inet", "probe"], capture_output=True,
                                        check=True).stdout)
    sets = {}
    for entry in listing["nftables"]:
        if "set" in entry:
            elements = entry["set"].get("elem", [])
            sets[entry["set"]["name"]] = {tuple(e["concat"]) if isinstance(e, dict) else e for e in elements}
    return sets


class Sender:
    """Frames of the capture into the kernel: by an interface, or, of this machine's own, as its programs send."""

    def __init__(self, ends):
        self.ends = ends
        self.raw = {}
        for family, level, option in ((socket.AF_INET, socket.IPPROTO_IP, socket.IP_HDRINCL),
                                      (socket.AF_INET6, socket.IPPROTO_IPV6, IPV6_HDRINCL)):
            s = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
            s.setsockopt(level, option, 1)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, OURS)
            self.raw[family] = s

    def arrives(self, interface, frame):
        os.write(self.ends[interface], frame)

    def leaves(self, frame):
        v6 = frame[14] >> 4 == 6
        to = (socket.inet_ntop(socket.AF_INET6, frame[38:54]), 0, 0, 0) if v6 else (socket.inet_ntoa(frame[30:34]), 0)
        try:
            self.raw[socket.AF_INET6 if v6 else socket.AF_INET].sendto(frame[14:], to)
        except PermissionError:
            pass  # a rule dropped it, and says so to who sends

    def close(self):
        for s in self.raw.values():
            s.close()
