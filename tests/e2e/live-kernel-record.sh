#!/usr/bin/env bash
# The flight recorder beside the executor in the kernel: of passthrough, translation and a host firewall nearly every packet
# that was recorded is judged once more, and none otherwise; other rules are found out.
set -u
EXEC=kernel
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@" || { echo 'ok - recordings beside the kernel executor # SKIP this machine lets us mount no file system of BPF'; exit 0; }
live_begin
RECORD=0 # this script records by itself

space client prey far
link client eth0 prey lan
link prey wan far eth0
address client eth0 10.1.0.1/24 fd00:1::1/64
address prey lan 10.1.0.2/24 fd00:1::2/64
address prey wan 10.2.0.2/24 fd00:2::2/64
address far eth0 10.2.0.3/24 fd00:2::3/64
ip -n "$id-client" route add default via 10.1.0.2
ip -n "$id-client" -6 route add default via fd00:1::2
ip -n "$id-far" -6 route add default via fd00:2::2
ip -n "$id-far" route add 10.1.0.0/24 via 10.2.0.2
at prey sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.rp_filter=0
web client
web prey
web far
udp far 53
udp prey 53
payload 3000000 far prey client

rules balanced <<'RULES'
pool farm { source 10.2.0.50, fd00:2::50; server far 10.2.0.3; server far6 fd00:2::3 }
service web on 10.1.0.100, fd00:1::100 tcp/80, udp/53 { mode passthrough; announce; -> farm }
RULES
rules guarded <<'RULES'
pool farm { source 10.2.0.50, fd00:2::50; server far 10.2.0.3; server far6 fd00:2::3 }
service web on 10.1.0.100, fd00:1::100 tcp/80, udp/53 { mode passthrough; announce; -> farm }
firewall edge in default drop {
  accept state established, related as OPEN
  accept tcp port 80 as WEB
  accept udp port 53 as DNS
  accept icmp6 type nd as ND
  accept icmp type echo-request
}
RULES
rules translated <<'RULES'
interface wan = "wan"
nat edge {
  masquerade from 10.1.0.0/24 out on wan ports 40000-50000
  forward 10.2.0.2 tcp/8000 -> 10.1.0.1:80
}
firewall crossing forward default drop {
  accept state established, related as OPEN
  accept tcp port 80, 8000 as WEB
  accept udp as DATAGRAM
  accept icmp type echo-request as PING
  accept icmp6 type echo-request as PING6
}
RULES
rules host <<'RULES'
firewall edge in default drop {
  accept state established, related as OPEN
  drop state invalid as INVALID
  accept icmp6 type nd as ND
  accept icmp type echo-request as PING
  accept icmp6 type echo-request as PING6
  accept tcp port 80 as WEB
  accept udp port 53 as DNS
  reject tcp port 81 as SHUT
}
RULES

records() { # NAME OPTION...: from now on, into that directory
    local name=$1
    shift
    cp "$name.pbc" run.pbc
    prey prey -i lan -i wan --format json --record "$name" "$@" run.pbc
}
get() { for i in 1 2 3 4; do ask "$1" "$2"; done >/dev/null; fetches "a file from $2" "$1" "$2"; }
verdicts() { # DIR [PROGRAM]: as recorded, otherwise, and those that hang on more
    "$bin/preyrun" --replay "$@" --format json >again.out 2>again.err
    python3 -c '
import json
r = json.load(open("again.out"))["recording"]
print(r["verdicts"], r["verdicts_otherwise"], r["verdicts_unclaimed"])'
}
judged() { # SENTENCE DIR LEAST: of so many packets at least 99 in a hundred are judged, and all are as recorded
    local said
    said=$(verdicts "$2")
    [ ! -s again.err ] && awk -v least="$3" '{ exit !($1 >= least && $2 == 0 && $1 >= 99 * $3) }' <<<"$said"
    ok $? "$1: $said"
}
otherwise() { # SENTENCE DIR PROGRAM LEAST: by that program at least so many are otherwise
    local said
    said=$(verdicts "$2" "$3")
    awk -v least="$4" '{ exit !($2 >= least) }' <<<"$said"
    ok $? "$1: $said"
    same "$1: each pair of verdicts is told" "$(python3 -c '
import json
r = json.load(open("again.out"))["recording"]
pairs = r["otherwise"]
print(sum(p["packets"] for p in pairs) + r["otherwise_left_out"] - r["verdicts_otherwise"],
      all((p["was"]["verdict"], p["was"]["rule"]) != (p["now"]["verdict"], p["now"]["rule"]) for p in pairs))')" '0 True'
    same "$1: and has lines" "$("$bin/preyrun" --replay "$2" "$3" --only otherwise | sed 1d | wc -l)" "$(awk '{ print $2 }' <<<"$said")"
}

for name in balanced guarded; do
    records $name --record-sample 3
    get client 10.1.0.100
    get client '[fd00:1::100]'
    for i in 1 2 3; do talk client 10.1.0.100; done >/dev/null
    kill -HUP "$prey"
    hears 'a reload' 'reloaded: run.pbc'
    get client 10.1.0.100
    prey_ends
    judged "$name: packets of services" $name 200
done
sed 's/accept tcp port 80 as WEB/accept tcp port 81 as WEB/' guarded.prey | rules shut
otherwise 'where another rule lets no connection begin' guarded shut.pbc 100
sed 's/server far 10.2.0.3/server far 10.2.0.4/' guarded.prey | rules moved
otherwise 'where the server is elsewhere' guarded moved.pbc 40

records translated --record-sample 3
get client 10.2.0.3
get client '[fd00:2::3]'
talk client 10.2.0.3 >/dev/null
at client ping -q -c 20 -i 0.05 -W 20 10.2.0.3 >/dev/null
get far 10.2.0.2:8000
prey_ends
judged 'translated, both ways, and routed' translated 150
grep -v masquerade translated.prey | rules kept
otherwise 'where nothing is masqueraded' translated kept.pbc 40

# What nobody knows the way of comes back once this machine has routed it, and is recorded there as well.
ip -n "$id-prey" route add default via 10.1.0.1 dev lan table 7
ip -n "$id-prey" rule add fwmark 7 table 7
cp translated.pbc routed.pbc
records routed --record-sample 3
get client 10.2.0.3
talk client 10.2.0.3 >/dev/null
at client ping -q -c 20 -i 0.05 -W 20 10.2.0.3 >/dev/null
prey_ends
ip -n "$id-prey" rule del fwmark 7
judged 'translated behind the routing' routed 90
otherwise 'where nothing is masqueraded there' routed kept.pbc 40
routed=$(python3 -c 'import json; print(json.load(open("prey.out"))["translated"]["routed"])')
"$bin/preyrun" --replay routed --verdicts lines --describe >out
same 'each of these is there, without a rule' "$(grep -cP '\tforward\t-\t.* 10\.1\.0\.1\S* > 10\.2\.0\.3' lines)" "$routed"
[ "$(tcpdump -nr routed/prey-000001.pcapng 'src 10.2.0.2 and icmp' 2>/dev/null | wc -l)" -ge 20 ]
ok $? 'and so is what left'

records host --record-sample 2
get client 10.1.0.2
get client '[fd00:1::2]'
at client ping -q -c 20 -i 0.05 -W 20 10.1.0.2 >/dev/null
talk client 10.1.0.2 >/dev/null
prey_ends
judged 'a host firewall' host 40
sed 's/accept tcp port 80 as WEB/drop tcp port 80 as WEB/' host.prey | rules shut
otherwise 'where a rule is another' host shut.pbc 20

# One of the packets that the kernel told of is bent: its port is another flow's, or nobody's.
cat >bend.py <<'END'
import struct
data, at, bent = bytearray(open("host/prey-000001.pcapng", "rb").read()), 0, 0
while at < len(data) and bent < 5:
    kind, size = struct.unpack_from("<II", data, at)
    frame = at + 28
    if kind == 6 and data[frame + 12:frame + 14] == b"\x08\x00" and data[frame + 23] == 6 and data[frame + 47] == 0x10:
        data[frame + 34] ^= 0x10 # of an acknowledgement
        bent += 1
    at += size
open("host/prey-000001.pcapng", "wb").write(data)
END
python3 bend.py
same 'packets that were bent are found out' "$(verdicts host | cut -d' ' -f2)" 5

# With one packet in a million, those are there that one looks for.
records host --record-sample 1000000
get client 10.1.0.2
ask client 10.1.0.2:81 >/dev/null
at client curl -s -m 0.3 http://10.1.0.2:8080/ >/dev/null
prey_ends
"$bin/preyrun" --replay host --from 2 --verdicts lines >out
of() { cut -f 2,3 lines | grep -cxF "$(printf '%s\t%s' "$1" "$2")"; }
same 'however few are sampled: first packets, and what is rejected or dropped' \
    "$(of accept WEB) $(($(of reject SHUT) > 0)) $(($(of drop default) > 0))" '5 1 1'
exit $failed
