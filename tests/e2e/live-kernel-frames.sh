#!/usr/bin/env bash
# Frames that no sound machine sends, live at the executor in the kernel: at XDP, in the driver's mode and in the generic one, and at
# traffic control. Each is judged as a replay in user space judges it.
set -u
EXEC=user # where it says no other
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || { echo 'ok - hostile frames in the kernel, live # SKIP this machine lets us mount no file system of BPF'; exit 0; }
. "$top/tests/e2e/live/kernel.sh"
frames=${LONG:+100000}
frames=${frames:-4000}

rules strict <<'END'
firewall edge in default drop {
  drop options any as OPTIONS
  drop vlan 1-2000 as TAGGED
  drop tcp flags has syn, fin as ODD
  accept tcp port 80 as WEB
  drop tcp port 22 log 1/m as SSH
  accept udp port 53 as DNS
  accept icmp6 type nd as ND
  drop icmp type echo-request as PING
  accept icmp as ICMP
  drop sctp as SCTP
}
END
box_behind_bridge
# Which else drops what is no sound IP.
at prey sysctl -q -w net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0 2>/dev/null
# Nobody else speaks on these links.
for name in client box; do at "$name" sysctl -q -w net.ipv6.conf.all.disable_ipv6=1; done
self=10.1.0.2,fd00:1::2,127.0.0.1,::1
mac() { at prey cat "/sys/class/net/$1/address"; }

# judged HOOK [WORD]: what the drivers of a cable and of a bridge bring, at that hook. WORD: `untagged`, where the kernel takes tags off before.
judged() {
    python3 "$top/tests/e2e/live/hostile.py" native.pcap "$frames" 1 "$(mac eth0)" 10.1.0.2 fd00:1::2 ${2:+"$2"}
    python3 "$top/tests/e2e/live/hostile.py" generic.pcap "$frames" 2 "$(mac br0)" 10.1.0.2 fd00:1::2 untagged
    for kind in native generic; do
        "$bin/preyrun" --pcap $kind.pcap --self $self --strict-checksum --format json strict.pbc >$kind.json 2>/dev/null
    done
    prey prey -i eth0 -i br0 --exec kernel --hook "$1" --log text --format json strict.pbc
    at client python3 "$top/tests/e2e/live/send.py" eth0 native.pcap >sent
    at box python3 "$top/tests/e2e/live/send.py" eth0 generic.pcap >>sent
    prey_ends
    same "it ends in order ($1)" "$status|$(tr '\n' ' ' <sent)" "0|$frames $frames "
    adds_up "every frame has one verdict ($1)"
    same "reasons and rules are those of replays ($1)" "$(python3 "$top/tests/e2e/live/reasons.py")" equal
}

judged xdp
judged tc untagged
exit $failed
