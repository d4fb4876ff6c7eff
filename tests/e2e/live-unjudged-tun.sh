#!/usr/bin/env bash
# A device without Ethernet, as WireGuard and PPP make them (a TUN device stands for both), that -i does not name: where rules name it,
# no firewall judges it, so it is shut for what a firewall would judge, whether it is there at the start or comes later; all that reports says so
# in the same words.
set -u
EXEC=user # where it says no other
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@"
live_begin

between server
at prey sysctl -q -w net.ipv4.ip_forward=1
ip -n "$id-client" route add 10.8.0.0/24 via 10.1.0.2

# The other end of the tunnel: packets that a program reads from and writes to the device. What arrives at 10.8.0.1 from 10.8.0.2 comes by wg0.
cat >far.py <<'PY'
import fcntl, os, select, struct, sys
tun = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tun, 0x400454CA, struct.pack("16sH", b"wg0", 0x1001))  # TUNSETIFF: IFF_TUN | IFF_NO_PI
os.system("ip addr add 10.8.0.1/24 dev wg0 && ip link set wg0 up")
open(sys.argv[1], "w").close()
def total(b):
    b += b"\0" * (len(b) % 2)
    s = sum(struct.unpack(f"!{len(b) // 2}H", b))
    while s >> 16: s = (s & 0xFFFF) + (s >> 16)
    return ~s & 0xFFFF
def udp(src, dst, sport, dport, data):
    a = bytes(map(int, src.split("."))) + bytes(map(int, dst.split(".")))
    u = struct.pack("!4H", sport, dport, 8 + len(data), 0) + data
    u = u[:6] + struct.pack("!H", total(a + struct.pack("!2H", 17, len(u)) + u) or 0xFFFF) + u[8:]
    h = struct.pack("!2B3H2BH", 0x45, 0, 20 + len(u), 1, 0, 64, 17, 0) + a
    return h[:10] + struct.pack("!H", total(h)) + h[12:] + u
# Each line asks for a datagram; the answer is `got` with what comes back within a second, or `nothing`.
for line in sys.stdin:
    src, dst, dport = line.split()
    while select.select([tun], [], [], 0)[0]: os.read(tun, 65536)
    os.write(tun, udp(src, dst, 4000, int(dport), b"hello"))
    said, left = "nothing", 20
    while left and select.select([tun], [], [], 1)[0]:
        left -= 1
        p = os.read(tun, 65536)
        if p[0] >> 4 == 4 and p[9] == 17 and p[16:20] == bytes(map(int, src.split("."))):
            said = "got"
            break
    print(said, flush=True)
PY
# far_begins, far_ends: the device comes and goes. asks ADDRESS PORT: a datagram from behind it.
far_begins() {
    rm -f there
    coproc FAR { exec ip netns exec "$id-prey" python3 far.py there 2>far.err; }
    pids="$pids $FAR_PID"
    far=$FAR_PID
    until_true 100 'the tunnel is there' [ -e there ]
}
far_ends() {
    kill "$far"
    wait "$far" 2>/dev/null
}
asks() {
    local got
    echo "10.8.0.2 $1 $2" >&"${FAR[1]}"
    read -r got <&"${FAR[0]}"
    echo "$got"
}

udp prey 53
udp server 53
udp server 5353
rules vpn <<'RULES'
interface vpn = "wg0"
firewall door on "wan" in default drop { accept icmp6 type nd; accept tcp to port 22 }
firewall back on "lan" in default accept { }
firewall vpnin on vpn in default drop { accept icmp type echo-request }
RULES
rules plain <<'RULES'
firewall door on "wan" in default drop { accept icmp6 type nd; accept tcp to port 22 }
firewall back on "lan" in default accept { }
RULES
rules across <<'RULES'
firewall box in default accept { }
firewall vpnway on "wg*" forward default drop { accept udp to port 5353 }
firewall ways forward default accept { }
RULES
in='no firewall judges packets that arrive on wg0'
why=': -i doesn'\''t name it'

# preyc looks at the device, too, where it is.
checks() { at prey "$bin/preyc" "$@" >out 2>&1; }
checks --check -i wan,lan vpn.prey
same 'a check where it is absent says that -i doesn'\''t name it' "$(grep -c "$in: -i doesn't name it" out)" 1
far_begins
checks --check -i wan,lan vpn.prey
same 'a check says what it is, and what serves it' "$(grep -c "$in$why" out) $(grep -c 'serve the device with -i wg0' out)" '1 1'
checks --check -i wan,lan,wg0 vpn.prey
same 'named, it is served' "$(grep -c wg0 out)" 0
rules linked <<'RULES'
firewall vpnway on "wg*" forward default drop { accept arp; accept ether from 02:00:00:00:00:01; accept vlan 5; accept vlan none; accept ether 0x88cc; count not arp; count ether 0x0800, 0x88cc; count ether not 0x0806; count vlan not any }
firewall ways forward default accept { drop arp on "wg0", "wan"; drop vlan any on "wg0" }
firewall here in default accept { }
RULES
checks --check -i wan,lan,wg0 linked.prey
same 'and rules that ask for what it does not have are warned of' "$(grep -oE 'linked.prey:[0-9]+ never matches: the rule tests `[a-z ]*` of packets from wg[0*], which carries no Ethernet' out | sed 's/linked.prey:\([0-9]*\).*`\(.*\)`.* from \(wg.\),.*/\1 \2 \3/' | tr '\n' ',')" '1 arp wg*,1 ether from wg*,1 vlan wg*,1 ether wg*,2 vlan wg0,'
checks --ask 'udp 10.8.0.2:4000 -> 10.8.0.1:53 on wg0' --self 10.8.0.1 -i wan,lan vpn.prey
same '--ask says so, too' "$(grep -c "$in$why" out)" 1

# This process does not see what crosses from it.
prey prey -i wan -i lan --exec user across.pbc
same "user: what crosses from it is shut" "$(asks 10.2.0.2 5353) $(grep -c "not judged: no firewall judges packets that arrive on wg0 or are forwarded from it$why (shut" prey.err)" 'nothing 1'
ctl explain 'udp 10.8.0.2:4000 -> 10.2.0.2:5353'
same "user: explain, of what crosses" "$(grep -c '^verdict: drop  reason unjudged (wg0 is shut except for ARP, ND and DHCP)' out)" 1
ctl explain 'udp 10.2.0.2:5353 -> 10.8.0.2:4000 on lan'
same "user: and of what crosses to it, which the rules accept" "$(grep -c '^  not sent: wg0 is shut except for ARP, ND and DHCP: no firewall judges .*wg0' out) $(grep -c '^verdict: drop  rule .*  reason unjudged$' out)" '1 1'
ctl explain --json 'udp 10.2.0.2:5353 -> 10.8.0.2:4000 on lan'
same "user: in JSON, too" "$(python3 -c 'import json, sys; o = json.load(sys.stdin); print(o["verdict"], o["reason"], o["not_sent"][:11])' <out)" 'drop unjudged wg0 is shut'
ctl explain 'udp 10.2.0.2:5353 -> 10.1.0.1:4000 on lan'
same "user: and what goes elsewhere is accepted" "$(grep -c '^verdict: accept' out)" 1
prey_ends
prey prey -i wan -i lan --exec user --allow-unjudged 'wg*' across.pbc
same "user: unless a pattern allows it" "$(asks 10.2.0.2 53)" got
prey_ends
far_ends

# Programs in the kernel judge it where it leaves, by its own firewall.
crosses() {
    far_begins
    prey prey -i wan -i lan --exec kernel $1 across.pbc
    same "kernel: what crosses from it is judged where it leaves, $2" "$(asks 10.2.0.2 53) $(asks 10.2.0.2 5353)" 'nothing got'
    same "kernel: and the rest is told, $2" "$(grep -c "not judged: no firewall judges packets that arrive on wg0 or are forwarded from it to an unserved interface$why ($2" prey.err)" 1
    ctl explain 'udp 10.8.0.2:4000 -> 10.2.0.2:53'
    same "kernel: explain, of what crosses, $2" "$(grep -c 'drop of firewall vpnway' out)" 1
    prey_ends
    far_ends
}

for exec in kernel; do
    if ! seeing prey timeout 60 "$bin/preyrun" -i wan -i lan --preflight --exec "$exec" plain.pbc >out 2>err; then
        sed 's/^/# /' err
        echo "ok - in the kernel # SKIP the kernel lacks what the executor there needs"
        exit 0
    fi
    # It is absent: told, and shut as soon as it comes.
    prey prey -i wan -i lan --exec "$exec" vpn.pbc
    hears 'a device that is absent is told' "not judged: this machine has no interface wg0, which the rules name: $in (shut"
    far_begins
    hears 'and when it comes' "not judged: $in$why (shut"
    same 'it is shut' "$(asks 10.8.0.1 53)" nothing
    ctl explain 'udp 10.8.0.2:4000 -> 10.8.0.1:53'
    same 'explain says who judges it, by the route to its source' "$status $(grep -c "$in$why" out) $(grep -c '^verdict: drop  reason unjudged (wg0 is shut except for ARP, ND and DHCP)' out)" '0 1 1'
    ctl explain 'udp 10.8.0.2:4000 -> 10.8.0.1:53 on vpn'
    same 'and by its name in the rules' "$status $(grep -c "$in$why" out)" '0 1'
    ctl explain --json 'udp 10.8.0.2:4000 -> 10.8.0.1:53 on wg0'
    same 'JSON likewise' "$status $(python3 -c 'import json; d = json.load(open("out")); print(d["verdict"], d["reason"])')" '0 drop unjudged'
    ctl load plain.pbc
    same 'rules that do not name it are taken, and the answer says what is open' "$status $(grep -c "^not judged: $in$why (open)" out)" '0 1'
    hears 'it is told, though no rule names it' "not judged: $in$why (open)"
    same 'then it is open' "$(asks 10.8.0.1 53)" got
    ctl explain 'udp 10.8.0.2:4000 -> 10.8.0.1:53'
    same 'and explain says so' "$(grep -c '^verdict: no firewall judges the packet (wg0 is open)' out)" 1
    ctl load vpn.pbc
    same 'a load that names it is refused' "$status $(grep -c "$in$why: add a firewall, name the interface with -i, or correct its name; to leave it unjudged, use --allow-unjudged wg0; plain.pbc keeps running" err)" '2 1'
    ctl load vpn.pbc --allow-unjudged wg0
    same 'unless its name is said' "$status $(asks 10.8.0.1 53)" '0 got'
    prey_ends
    same 'nothing is left' "$(at prey nft list ruleset)" ''
    far_ends

    # Given, it is served as soon as it comes: pings come in, and nothing else.
    prey prey -i wan -i lan -i wg0 --exec "$exec" vpn.pbc
    far_begins
    hears 'given and come later, it is served' 'wg0 is back'
    same 'its firewall judges' "$(asks 10.8.0.1 53)" nothing
    ctl explain 'icmp 10.8.0.2 -> 10.8.0.1 type echo-request on "wg0"'
    same 'and lets in pings' "$status $(grep -c '^verdict: accept' out)" '0 1'
    prey_ends
    seeing prey timeout 60 "$bin/preyrun" -i wan -i lan --preflight --exec "$exec" vpn.pbc >out 2>err
    same 'preflight says it' "$? $(grep -c "notice: not judged: $in$why (shut except for ARP, ND and DHCP)\$" err)" '0 1'
    prey prey -i wan -i lan --exec "$exec" --allow-unjudged wg0 vpn.pbc
    same 'a start with its name leaves it open' "$(asks 10.8.0.1 53) $(grep -c "not judged: $in$why (open)\$" prey.err)" 'got 1'
    prey_ends
    prey prey -i wan -i lan --exec "$exec" plain.pbc
    same 'what no firewall would judge crosses' "$(asks 10.2.0.2 53)" got
    prey_ends
    far_ends
    crosses '' shut
    crosses '--allow-unjudged wg*' open
done
[ "$failed" = 0 ]
