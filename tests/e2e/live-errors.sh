#!/usr/bin/env bash
# Live, when what surrounds it is at fault: rules at a reload, a ring that overflows, servers in odd places. Each is named in
# plain words, and the service is kept. (What a start refuses: live-bad-input.sh and live-preflight.sh.)
set -u
EXEC=user # its --ring is too small for a socket on each queue, which is refused
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

site one
rules shop <<'RULES'
pool web { server one 10.2.0.2:80 }
service shop on 10.1.0.100 tcp/80 { mode passthrough; announce; -> web }
RULES
rules strict <<'RULES'
firewall edge in default accept { drop tcp port 22 }
RULES
rules tunnel <<'RULES'
pool web { server one 10.2.0.2:80 }
service shop on 10.1.0.100 tcp/80 { mode dsr ipip; announce; -> web }
RULES
cp shop.pbc good.pbc
serves() { same "$1" "$(at client curl -s -m 20 http://10.1.0.100/)" one; }

# Reloads that fail, one after the other; the rules that run go on.
prey prey -i wan -i lan --log json --ring 256KiB --format json shop.pbc
refusals=0
refused() { # SENTENCE PATTERN: the next reload
    refusals=$((refusals + 1))
    kill -HUP "$prey"
    told() { [ "$(grep -c '"refused"' prey.err)" -ge "$refusals" ]; }
    until_true 100 "$1: it is told" told
    grep '"refused"' prey.err | tail -1 | grep -q "$2.*; the old program keeps running"
    ok $? "$1 is refused, and why"
}
cp "$work/shop.prey" shop.pbc
refused 'rules as text' 'shop.pbc: not a compiled prey program; compile the rules first: preyc RULES.prey -o FILE.pbc'
head -c 200 good.pbc >shop.pbc
refused 'a program that breaks off' 'shop.pbc: truncated: 200 bytes of'
head -c 3000 /dev/urandom >>shop.pbc
refused 'a program with garbage in it' 'shop.pbc: '
: >shop.pbc
refused 'an empty file' 'shop.pbc: not a compiled prey program'
rm shop.pbc
refused 'no file' 'shop.pbc: No such file or directory'
mkdir shop.pbc
refused 'a folder' 'shop.pbc: not a regular file'
rmdir shop.pbc
cp strict.pbc shop.pbc
refused 'what cannot be enforced' 'strict.prey:1 may drop this machine.s own traffic'
cp good.pbc shop.pbc
serves 'the service is kept'

# A ring overflows while the threads cannot run: what found no room is counted and told, and the rest judged.
threads=$(cat "/proc/$prey"/task/*/children)
kill -STOP $prey $threads
at client python3 -c "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(3000): s.sendto(b'x' * 1000, ('10.1.0.2', 9))"
kill -CONT $prey $threads
until_true 100 'the overflow is told' grep -q '"lost".*frames that found no room in the receive ring (--ring): [0-9]' prey.err
serves 'it serves after an overflow'
truncate -s 0 prey.out
prey_ends
adds_up 'every frame that found room has one verdict'
same 'what found none is counted' "$(($(number interfaces 0 lost) > 0)) $(grep -o 'receive ring (--ring): [0-9]*' prey.err | awk '{ n += $NF } END { print n }')" "1 $(number interfaces 0 lost)"

# A server whose address is in the subnets of two interfaces: the route says by which it is reached.
address prey wan 10.2.0.200/24
prey prey -i wan -i lan shop.pbc
same 'a server on two interfaces is named' "$(grep -c 'notice: server web/one, 10.2.0.2, is in the subnets of .*: packets leave by the interface of the route' prey.err)" 1
same 'so are two interfaces in one subnet' "$(grep -c 'are in one subnet, 10.2.0' prey.err)" 1
serves 'and served where the route leads'
prey_ends
ip -n "$id-prey" addr del 10.2.0.200/24 dev wan

# A tunnel's way is too narrow for a whole packet: worth a line.
prey prey -i wan -i lan tunnel.pbc
same 'a way too narrow for a tunnel is named' "$(grep -c 'doesn'\''t fit into the tunnel to server web/one: the server.s route takes only 1500 bytes, and the tunnel needs 1520.*ip link set lan mtu 1520' prey.err)" 1
prey_ends
exit $failed
