#!/usr/bin/env bash
# A recording as the executor in the kernel leaves it, of packets by themselves: each is judged once more by what it met in
# the flow table, and what is otherwise is found out; those of before, which lack that, are read as well; damaged ones are told.
set -u
. tests/lib/scratch.sh

shop() { # RULE: for new connections to port 22
    cat <<END
interface wan = "eth0"
pool web { source 10.9.0.1; server a 10.0.0.11:8080 }
service shop on 203.0.113.10 tcp/80, udp/53 { mode passthrough; announce; -> web }
nat edge { forward 192.0.2.200 tcp/8000 -> 10.0.0.20:80 }
firewall f default drop {
  accept state established as OPEN
  accept tcp to port 80, 8000 as WEB
  $1
  accept udp to port 53 as NAMES
  reject tcp port 113 as IDENT
}
END
}
shop 'accept tcp to port 22 as SHELL' | rules shop
shop 'drop tcp to port 22 as SHELL' | rules shut
shop 'accept tcp to port 22 as SHELL' | sed 's/10.0.0.11/10.0.0.12/' | rules moved
cat >begins <<'END'
eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 40000 > 80 syn seq 1
eth / ip4 198.18.0.4 > 10.0.0.9 / tcp 40000 > 22 syn seq 1
eth / ip4 10.0.0.9 > 198.18.0.4 / tcp 22 > 40000 syn ack seq 5 ack 2
eth / ip4 198.18.0.4 > 10.0.0.9 / tcp 40000 > 22 ack seq 2 ack 6
eth / ip4 198.18.0.4 > 10.0.0.9 / tcp 40000 > 22 ack seq 2 ack 6 / zeros 9
eth / ip4 198.18.0.4 > 10.0.0.9 / tcp 40001 > 22 ack seq 2 ack 6
eth / ip4 198.18.0.5 > 10.0.0.9 / tcp 40000 > 113 syn seq 1
eth / ip4 198.18.0.6 > 10.0.0.9 / tcp 40000 > 25 syn seq 1
eth / ip4 198.18.0.7 > 203.0.113.10 / udp 40000 > 53
eth / ip4 198.18.0.70 > 192.0.2.200 / tcp 40000 > 8000 syn seq 1
END
# The ports that flows leave with are chosen by the worker's seed: from what it records they are told to those who answer.
capture begins <begins
"$bin/tests/tools/mkrec" -k shop.pbc begins.pcap first
cat >ports.py <<'END'
import struct
data, at = open("first/prey-000001.pcapng", "rb").read(), 0
while at < len(data):
    kind, size = struct.unpack_from("<II", data, at)
    if kind == 6:
        f = data[at + 28:at + size]
        src, proto, port = ".".join(map(str, f[26:30])), f[23], struct.unpack_from(">H", f, 34)[0]
        if src == "10.9.0.1": print("TCP" if proto == 6 else "UDP", port)
    at += size
END
python3 ports.py >ports
port() { awk -v of="$1" '$1 == of { print $2; exit }' ports; }
{ cat begins
cat <<END
eth / ip4 10.0.0.11 > 10.9.0.1 / tcp 8080 > $(port TCP) syn ack seq 9 ack 2
eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 40000 > 80 ack seq 2 ack 10
eth / ip4 10.0.0.11 > 10.9.0.1 / tcp 8080 > $(port TCP) ack seq 10 ack 2 / zeros 100
eth / ip4 10.0.0.11 > 10.9.0.1 / udp 8080 > $(port UDP)
eth / ip4 10.0.0.20 > 198.18.0.70 / tcp 80 > 40000 syn ack seq 9 ack 2
END
} | capture whole
"$bin/tests/tools/mkrec" -k shop.pbc whole.pcap kept
ok $? 'a recording is made'
said() { awk '/^verdicts/ { print $2, $5, $7 }' out; }
run --replay kept --verdicts lines
cat lines >was
same 'every packet is judged once more' "$status $(said)$(cat err)" '0 15 0 0'
same 'with a line each' "$(cut -f 2,3 lines | sed 1d | tr '\t\n' ' ;')" \
    'forward WEB;accept SHELL;accept -;accept OPEN;accept OPEN;accept SHELL;reject IDENT;drop default;forward NAMES;forward WEB;forward -;forward OPEN;forward -;forward -;forward -;'
run --replay kept --verdicts lines shut.pbc
same 'where a rule is another its packets are otherwise, and those of flows that do not begin' "$status $(said)" '0 11 4 0'
same 'and lines say which' "$(paste was lines | awk -F'\t' '$2 != $8 { printf "%s %s %s;", $1, $8, $9 }')" \
    '2 drop SHELL;4 drop SHELL;5 drop SHELL;6 drop SHELL;'
run --replay kept moved.pbc
same 'where a server is elsewhere its replies are none' "$status $(said)" '0 12 3 0'

# Blocks of the recording, changed one way each.
cat >bend.py <<'END'
import struct, sys
how, src, dst = sys.argv[1:4]
data, out, at, met = bytearray(open(src, "rb").read()), bytearray(), 0, 0
SINGLE, MET, VERDICTS = 12, 13, 2
while at < len(data):
    kind, size = struct.unpack_from("<II", data, at)
    block = data[at:at + size]
    at += size
    if kind == 0xbad:
        what = struct.unpack_from("<H", block, 16)[0]
        if what == 2 and how in ("version5", "version6", "version7"): # a program's head ended before its bounds
            del block[24 + 80:24 + 96]
            struct.pack_into("<I", block, 4, size - 16)
            struct.pack_into("<I", block, 20, struct.unpack_from("<I", block, 20)[0] - 16)
            struct.pack_into("<I", block, size - 20, size - 16)
        if what == 5 and how in ("version5", "version7"): continue # tables of routes had another form, and may be missing
        if what == 3 and how.startswith("version") and int(how[7:]) < 17: # a world said of no service whether it drains
            body = struct.unpack_from("<I", block, 20)[0] - 4 # nor how many ranges of ports are of which kind: here none is
            behind = 16 + 56 # the one service's byte, then a hop, and ports of which none is bound
            said = block[24:24 + body - behind - 1] + block[24 + body - behind:24 + body]
            struct.pack_into("<I", block, 20, body - 1)
            size = 24 + len(said) + -len(said) % 4 + 4
            block = block[:24] + said + bytes(-len(said) % 4) + struct.pack("<I", size)
            struct.pack_into("<I", block, 4, size)
        if what == 3 and how in ("version5", "version7"): struct.pack_into("<Q", block, 24 + 32, 0)
        if what == 1 and how.startswith("version"): struct.pack_into("<I", block, 24, int(how[7:]))
        step = struct.unpack_from("<H", block, 28)[0] if what == 4 else None
        if step == MET: # 24 bytes of the block, 24 of the record, then what it met (vm/flow/track/met.h)
            met += 1
            if how == "version5": continue # there was none
            flow, has = 48, block[48 + 87]
            if how == "address" and has & 4: block[flow + 56] ^= 1
            if how == "tuple" and has & 2: block[flow] ^= 1; block[flow + 16] ^= 1
            if how == "server" and has & 4: struct.pack_into("<I", block, flow + 72, 77777)
            if how == "branch" and has & 4: struct.pack_into("<I", block, flow + 76, 77777)
            if how == "state": block[flow + 128] = 250
            if how == "came": struct.pack_into("<H", block, flow + 132, 0xfff0)
            if how == "none": block[flow + 87] = 0
            if how == "short": struct.pack_into("<H", block, 30, 9)
    if kind == 6 and how == "port": block[28 + 34] ^= 0x10
    out += block
open(dst, "wb").write(out)
print(met)
END
bent() { # HOW
    rm -rf bent
    mkdir bent
    python3 bend.py "$1" kept/prey-000001.pcapng bent/prey-000001.pcapng >met
    run --replay bent
}
sum() { said | awk '{ print $1 + $2 + $3 }'; }
bent whole
same 'each packet says what it met' "$(cat met) $(said)" '15 15 0 0'
for how in address port server branch state; do
    bent $how
    same "$how: what is otherwise is found out" "$status $(sum) $(said | awk '{ print ($2 >= 3) }')" '1 15 1'
done
bent tuple
same 'of another tuple a flow is none' "$status $(sum) $(said | awk '{ print ($2 + $3 >= 3) }')" '0 15 1'
bent came
same 'of a device that there is not each packet is judged, too' "$(sum)" 15
for how in none short; do
    bent $how
    same "$how: where nothing is said, replies hang on more, and no packet is otherwise" "$status $(said)" '0 11 0 4'
done
bent version5
same 'one of before is read: of replies it knows no more' "$status $(said)$(cat err)" '0 11 0 4'
bent version7
same 'one without bounds is read' "$status $(said)$(cat err)" '0 15 0 0'
bent version14
same 'one without devices by which packets came is read' "$status $(said)$(cat err)" '0 15 0 0'
bent version15
same 'one without devices that have no Ethernet is read' "$status $(said)$(cat err)" '0 15 0 0'
bent version16
same 'one without services that drain is read' "$status $(said)$(cat err)" '0 15 0 0'
bent version12
same 'one with routes of before is refused' "$status $(tail -n 1 err)" '2 preyrun: bent/prey-000001.pcapng: the recording has format version 12, but this preyrun reads tables of routes only from version 13 on: replay it with the preyrun that made it'
for how in version4 version20; do
    bent $how
    same "$how is refused" "$status $(cat err)" '2 preyrun: bent/prey-000001.pcapng: the recording has format version '"${how#version}"', but this preyrun reads 5 to 19: replay it with the preyrun that made it'
done
# Cut short anywhere, between a packet and its verdict, too: what is whole is judged.
size=$(stat -c %s kept/prey-000001.pcapng)
for at in $(seq $((size - 12)) -52 $((size - 3000))); do
    rm -rf bent
    mkdir bent
    "$bin/tests/tools/damage" kept/prey-000001.pcapng bent/prey-000001.pcapng cut "$at"
    run --replay bent
    echo "$status $(said | cut -d' ' -f 2)"
done | sort | uniq -c | tr -s ' ' >cuts
same 'cut short anywhere: what is whole is judged, and none otherwise' "$(sed 's/^ [0-9]* //' cuts)" '0 0'
exit $failed
