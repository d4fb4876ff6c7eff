#!/usr/bin/env bash
# Frames of all kinds across a live bridge: STP and LLDP, whatever the default says; one tag and two, jumbo frames; a
# station that moves to the other side is followed. A port of a kernel's bridge is refused.
set -u
EXEC=user # bridges are user space's
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

space left prey right
link left eth0 prey a
link right eth0 prey b
for at in left:eth0 prey:a prey:b right:eth0; do ip -n "$id-${at%:*}" link set dev "${at#*:}" mtu 9000; done
address left eth0 10.1.0.1/24
address right eth0 10.1.0.2/24
rules plain <<'END'
firewall f forward default drop {
  accept icmp
  accept ether 0x9999
}
END
rules strict <<'END'
firewall f forward default drop other frames drop { accept icmp }
END
# sends SIDE FRAME...: as hex
sends() {
    local side=$1
    shift
    at "$side" python3 -c '
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
for frame in sys.argv[1:]:
    s.send(bytes.fromhex(frame).ljust(60, b"\0"))' "$@"
}
# listens SIDE FILTER: what arrives there, into heard
listens() {
    : >heard
    ip netns exec "$id-$1" timeout 60 tcpdump --immediate-mode -i eth0 -n -e -l "inbound and ($2)" >heard 2>heard.err &
    dump=$!
    pids="$pids $dump"
    until_true 100 'tcpdump listens' grep -q listening heard.err
}
heard() { # SENTENCE PATTERN: in time
    is_heard() { grep -qE -- "$2" heard; }
    until_true 50 "$1" is_heard "$@" && ok 0 "$1"
}
stp=0180c200000002000000000700264242030000000000800002000000000700000000800002000000000780010000140002000f00
lldp=0180c200000e02000000000788cc0207040200000000070403056130060200780000
lacp=0180c200000202000000000788090101
last=ffffffffffff0200000000079999
marked=$(printf '00%.0s' {1..47})
twice=ffffffffffff02000000000788a800058100000799995a5a

prey prey --bridge a:b --format json plain.pbc
listens right 'ether src 02:00:00:00:00:07'
first() {
    sends left $last
    grep -q 0x9999 heard
}
until_true 50 'a frame that a rule accepts crosses' first && ok 0 'a frame that a rule accepts crosses'
sends left $stp $lldp $lacp $last$marked
heard 'so does one that comes after others' '0x9999.*length 61'
same 'STP crosses whatever the default says' "$(grep -c '01:80:c2:00:00:00' heard)" 1
same 'so does LLDP' "$(grep -c '01:80:c2:00:00:0e' heard)" 1
same 'no other of those groups does' "$(grep -c '01:80:c2:00:00:02' heard)" 0
sends left $twice
heard 'two tags stay where they were' 'vlan 5,.*vlan 7'
at left ping -c 2 -i 0.2 -w 20 -M do -s 8900 10.1.0.2 >out 2>&1
has 'a jumbo frame crosses as it is' ' [2-9] received'

# What a station on the left is told stays there; once it is heard on the right it crosses.
sends left ffffffffffff0200000000099999
sends right ffffffffffff0200000000089999
truncate -s 0 heard
sends left 020000000009020000000007999901 020000000008020000000007999902
heard 'a frame for a station on the other side crosses' '02:00:00:00:00:07 > 02:00:00:00:00:08'
same 'one for a station on its own does not' "$(grep -c '> 02:00:00:00:00:09' heard)" 0
sends right ffffffffffff0200000000099999
moved() {
    sends left 020000000009020000000007999903
    grep -q '> 02:00:00:00:00:09' heard
}
until_true 50 'a station that moved is followed' moved && ok 0 'a station that moved is followed'
truncate -s 0 prey.out
prey_ends
same 'it ends with 0' "$status" 0
adds_up 'every frame has one verdict'

prey prey --bridge a:b strict.pbc
truncate -s 0 heard
sends left $stp $lldp
at left ping -c 1 -W 20 10.1.0.2 >out 2>&1
same "where the rules say \`other frames drop\` they do not cross" "$(grep -c '01:80:c2' heard)" 0
prey_ends

echo 'firewall f in default drop { accept tcp port 80 }' | rules only_in
at prey timeout 20 "$bin/preyrun" --bridge a:b only_in.pbc >out 2>&1
same 'rules that judge nothing of what crosses are refused' "$?|$(grep -c 'firewall f forward' out)" '2|1'

ip -n "$id-prey" link add kernels type bridge
ip -n "$id-prey" link set dev a master kernels
at prey timeout 20 "$bin/preyrun" --bridge a:b plain.pbc >out 2>&1
same "a port of a kernel's bridge is refused" "$?|$(grep -c 'a is a port of the kernel.s bridge [a-z0-9]*, which also forwards the arriving frames; to fix it: ip link set a nomaster' out)" '2|1'

exit $failed
