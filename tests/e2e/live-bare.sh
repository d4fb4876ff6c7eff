#!/usr/bin/env bash
# Devices without Ethernet (TUN devices, as WireGuard's and PPP's are): what comes and leaves by them begins with IP. Firewalls, routes,
# translation, services, errors and fragments, from and to them and between two of them; recordings, traces and captures.
# EXEC: kernel (live-kernel-bare.sh) or user.
set -u
EXEC=${EXEC:-user}
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
if [ "$EXEC" = kernel ]; then
    pins "$@" || { echo 'ok - devices without Ethernet in the kernel # SKIP this machine lets us mount no file system of BPF'; exit 0; }
fi
live_begin
each_workers=${LONG:+1 }2
[ "$EXEC" = user ] || each_workers=1 # who takes what comes up
RECORD=1 RECORD_SAMPLE=1

#     client --lan-- prey ==wg0== far
#                        ==wg1== near
space client prey far near
link client eth0 prey lan
address client eth0 10.1.0.2/24 fd00:1::2/64
address prey lan 10.1.0.1/24 fd00:1::1/64
# ends N NAME [OWN]: the addresses of both ends of cord N, to NAME; prey's is 10.8.N.OWN, or 1
ends() {
    address prey "wg$1" "10.8.$1.${3:-1}/24" "fd00:8:$1::1/64"
    address "$2" "wg$1" "10.8.$1.2/24" "fd00:8:$1::2/64"
    ip -n "$id-$2" route add default dev "wg$1"
    ip -n "$id-$2" -6 route add default dev "wg$1"
}
cord prey wg0 far wg0
far=$last
cord prey wg1 near wg1
ends 0 far
ends 1 near
ip -n "$id-client" route add default via 10.1.0.1
ip -n "$id-client" -6 route add default via fd00:1::1
for s in client far near; do
    web "$s"
    udp "$s" 53
done
payload 3000000 client far near

# begins RULES OPTION...: preyrun on all three
begins() {
    local name=$1
    shift
    prey prey -i lan -i wg0 -i wg1 --format json "$@" "$name.pbc"
}
over() { # SENTENCE: it ends, and each frame has one verdict
    truncate -s 0 prey.out
    prey_ends
    same "$1: it ends with 0" "$status" 0
    adds_up "$1: every frame has one verdict"
}

rules cross <<'RULES'
firewall across forward default drop {
  drop urpf-failed as SPOOFED
  drop vlan any on "wg0" as NEVER
  drop ether from 00:00:00:00:00:00 on "wg0" as NEVER_SAID
  accept state established, related as GOES_ON
  accept tcp port 80 as WEB
  accept udp port 53 as NAMES
  accept icmp type echo-request as PING
  accept icmp6 type echo-request as PING6
  reject tcp port 8080 with rst as SHUT
  reject udp port 99 with unreachable as SHUT_UDP
}
RULES
quietly() { at "$@" >out 2>&1; }
pings() { # SENTENCE PATTERN NAME OPTION...
    local sentence=$1 pattern=$2
    shift 2
    quietly "$1" ping -c 1 -W 20 "${@:2}"
    has "$sentence" "$pattern"
}
address far lo 10.8.1.99/32 fd00:8:1::99/128 10.1.0.99/32
address client lo 10.8.0.99/32
cp cross.prey cross.prey.kept
for workers in $each_workers; do
    begins cross --workers $workers
    for pair in 'client 10.8.0.2 far' 'client [fd00:8:0::2] far' 'far 10.1.0.2 client' 'far [fd00:1::2] client' 'near 10.8.0.2 far' 'far [fd00:8:1::2] near'; do
        set -- $pair
        fetches "$workers: 3 MB from $2 to $1" "$1" "$2"
        quietly "$1" curl -s -m 20 "http://$2:8080/"
        same "$workers: $1 to $2: a reset" $? 7
        a=${2#[}
        a=${a%]}
        same "$workers: $1 to $2: datagrams, in fragments, too" "$(talk "$1" "$a" | cut -d" " -f1) $(talk "$1" "$a" 53 0 4000 | cut -d" " -f1,3)" "$3 $3 4000"
        same "$workers: $1 to $2: unreachable" "$(refused_by "$1" "$a" 99)" refused
        pings "$workers: $1 to $2: one hop less" ' ttl=63 ' "$1" "$a"
        pings "$workers: $1 to $2: the last hop" 'Time (to live )?exceeded' "$1" -t 1 "$a"
    done
    # Who speaks for another network: by a tunnel for the one behind another tunnel, or behind this machine, and for a tunnel's by the cable.
    for who in 'far 10.8.1.99 10.1.0.2' 'far fd00:8:1::99 fd00:1::2' 'far 10.1.0.99 10.8.1.2' 'client 10.8.0.99 10.8.1.2'; do
        set -- $who
        quietly "$1" ping -q -I "$2" -c 3 -i 0.2 -W 1 "$3"
        has "$workers: $2 is not $1's" ' 0 received'
    done
    over "$workers workers"
    same "$workers: urpf-failed, by tunnels, too" "$(by_rule SPOOFED)" 12
done
same 'nothing has Ethernet there' "$(by_rule NEVER) $(by_rule NEVER_SAID)" '0 0'
# Each interface of a recording says what its frames begin with.
same 'link types of a recording: lan, wg0, wg1, this machine' "$(python3 - recorded-1/*.pcapng <<'END'
import struct, sys
data, at = open(sys.argv[1], "rb").read(), 0
while at < len(data):
    kind, size = struct.unpack_from("<II", data, at)
    if kind == 1:
        print(struct.unpack_from("<H", data, at + 8)[0], end=" ")
    at += size
END
)" '1 101 101 1 '

# A line that dials again has another number and another address, which counts at once; the others lose nothing meanwhile. LONG=1: 200 times.
rules dialled <<'RULES'
nat line { masquerade out on "wg0" }
firewall across forward default drop {
  accept state established, related as GOES_ON
  accept tcp port 80 as WEB
  accept udp port 53 as NAMES
}
RULES
begins dialled
# transfers: near and the client have the payload of one another, over and over, until there is a file `enough`.
transfers() {
    until [ -e enough ]; do
        for pair in 'near 10.1.0.2' 'client 10.8.1.2'; do
            set -- $pair
            at "$1" curl -s -m 60 --limit-rate 2M "http://$2/files/file" | cmp - payload || return
        done
        echo >>transferred
    done
}
rm -f enough transferred
transfers >meanwhile 2>&1 &
transfer=$!
pids="$pids $transfer"
rounds=3
[ -z "${LONG-}" ] || rounds=200
again() { [ "$(ask client 10.8.0.2/from 1)" = "10.8.0.$own" ]; }
back=0
for round in $(seq $rounds); do
    own=$((10 + round))
    kill "$far"
    wait "$far" 2>/dev/null
    until_true 100 "it is gone, $round" told "wg0 is gone"
    cord prey wg0 far wg0
    far=$last
    ends 0 far $own
    until_true 100 "it is back, $round" again && back=$((back + 1))
done
same 'a line that dials again serves by its new address' $back $rounds
# Renamed, moved away, and of a kind that nobody reads: told, not served, and served again once it is what it was. An address that leaves
# takes its flows along.
kind_is() { [ "$(at prey cat /sys/class/net/wg0/type)" = "$1" ]; }
returns() { # WHAT: it is up again, has its address, and serves
    ip -n "$id-prey" link set wg0 up
    ip -n "$id-prey" addr replace "10.8.0.$own/24" dev wg0
    until_true 100 "served again: $1" again && ok 0 "served again: $1"
}
sleep 1.1 # ten lines about links are told in a second
ip -n "$id-prey" link set wg0 down
ip -n "$id-prey" link set wg0 name away
awaits 'wg0 is called away now: preyrun doesn'\''t serve that name, and serves wg0 again when it returns'
ip -n "$id-prey" link set away name wg0
returns 'renamed, and back'
truncate -s 0 prey.err
ip -n "$id-prey" link set wg0 netns "$id-near"
awaits 'wg0 is gone'
ip -n "$id-near" link set wg0 netns "$id-prey"
returns 'moved to another namespace, and back'
ip -n "$id-prey" link set wg0 down
kill -USR1 "$far"
until_true 100 'it is of another kind' kind_is 280
ip -n "$id-prey" link set wg0 up
awaits 'wg0 carries neither Ethernet nor bare IP packets (its ARPHRD type is 280): preyrun doesn'\''t serve the interface'
same 'a kind that nobody reads' "$(ask client 10.8.0.2 1)" 'failed: 28'
ip -n "$id-prey" link set wg0 down
kill -USR2 "$far"
until_true 100 'it is of its own kind' kind_is 65534
returns 'the kind that it had'
same 'told once' "$(grep -c 'carries neither' prey.err)" 1
talk client 10.8.0.2 53 5000 >out
ip -n "$id-prey" addr del "10.8.0.$own/24" dev wg0
address prey wg0 "10.8.0.$((own += 1))/24"
follows() { [ "$(timeout 1 ip netns exec "$id-client" "$tools/udp" ask 10.8.0.2 53 5000 5 | cut -d' ' -f2)" = "10.8.0.$own" ]; }
until_true 100 'a flow whose address has left' follows && ok 0 'a flow whose address has left has the new one'
# It may come back as one with Ethernet, too.
kill "$far"
wait "$far" 2>/dev/null
own=1
link prey wg0 far wg0
ends 0 far
ip -n "$id-far" route replace default via 10.8.0.1
ip -n "$id-far" -6 route replace default via fd00:8:0::1
until_true 100 'it is back as one with Ethernet' again && ok 0 'it is back as one with Ethernet'
fetches 'whose packets have it' client 10.8.0.2
ip -n "$id-prey" link del wg0
cord prey wg0 far wg0 plain
far=$last
ends 0 far
until_true 100 'and once more as one without' again && ok 0 'and once more as one without'
fetches 'that carries no super-packets' client 10.8.0.2
touch enough
wait "$transfer"
same 'transfers on another tunnel went on meanwhile, byte for byte' "$? $(cat meanwhile) $(test -s transferred; echo $?)" '0  0'
ctl status
has 'status counts how often it came back' "^went and came back: wg0 $((rounds + 5)) times$"
ctl counters interfaces.wg0.returned
has 'the counters, too' "returned +$((rounds + 5))$"
over 'dialled again'
same 'so does the end, and no other interface lost a frame' "$(for i in 0 1 2; do number interfaces $i returned; done | tr '\n' ' ')$(number interfaces 0 lost) $(number interfaces 2 lost)" "0 $((rounds + 5)) 0 0 0"

# Lengths are compared with the MTU of the way, super-packets by their pieces; segments are clamped to it.
ip -n "$id-prey" link set wg0 mtu 1420
ip -n "$id-far" link set wg0 mtu 1420
rules narrow <<'RULES'
firewall across forward default drop {
  accept state established, related as GOES_ON
  accept tcp port 80 as WEB
  accept udp port 53 as NAMES
  accept icmp type echo-request as PING
  accept icmp6 type echo-request as PING6
}
RULES
head -c 900000 payload >some
begins narrow
pings 'too long for the tunnel, IPv4' 'From 10.1.0.1 .*Frag needed and DF set \(mtu = 1420\)' client -M do -s 1450 10.8.0.2
pings 'too long for the tunnel, IPv6' 'From fd00:1::1 .*Packet too big: mtu=1420' client -M do -s 1450 fd00:8:0::2
pings 'without DF it is cut' ' 0% packet loss' client -M dont -s 1451 10.8.0.2
pings 'from tunnel to tunnel, too' 'From 10.8.1.1 .*Frag needed and DF set \(mtu = 1420\)' near -M do -s 1450 10.8.0.2
for s in 10.8.0.2 '[fd00:8:0::2]'; do
    at client curl -s -m 60 --data-binary @some "http://$s/" >out
    same "0.9 MB to $s, whose sender learns the MTU" "$(cat out)" far
done
over 'a narrow tunnel'

# Translation both ways, segments clamped, services with servers behind a tunnel and for clients that come by one.
# (What connections in the wire send comes up to the process, by XDP where the kernel executor judges, which these devices have none of.)
cat >serving <<'RULES'
nat line {
  masquerade out on "wg0"
  forward self on "wg0" tcp/8000, udp/8000 -> 10.1.0.2:53
  forward self on "wg0" tcp/8080 -> 10.1.0.2:80
  mss clamp auto out on "wg0"
}
pool away { server far 10.8.0.2:80; server near 10.8.1.2:80 }
pool away6 { server far [fd00:8::2]:80; server near [fd00:8:1::2]:80 }
pool names { server far 10.8.0.2:53 }
pool nowhere { server said 10.77.0.1:53 mac 02:00:00:00:00:07 }
service shop on 10.9.0.1 tcp/80 { mode passthrough; -> away }
service shop6 on fd00:9::1 tcp/80 { mode passthrough; -> away6 }
service kept on 10.9.0.2 tcp/80 { mode passthrough keep source; -> away }
service ask on 10.9.0.1 udp/53 { mode passthrough; -> names }
service lost on 10.9.0.4 udp/53 { mode passthrough keep source; -> nowhere }
service ends on 10.9.0.3, fd00:9::3 tcp/80 { mode proxy; -> away }
firewall across forward default drop {
  accept state established, related as GOES_ON
  accept tcp port 80, 8080 as WEB
  accept udp as NAMES
  accept icmp as PING
  accept icmp6 as PING6
}
RULES
[ "$EXEC" = kernel ] || echo 'service wire on any tcp/8080 { mode proxy inline }' >>serving
rules served <serving
ip -n "$id-client" route add 10.9.0.0/24 via 10.1.0.1
ip -n "$id-far" route add 10.2.0.0/24 dev wg0
address prey lo 10.9.0.3/32 fd00:9::3/128
# The far end would take longer segments than the tunnel does.
ip -n "$id-far" link set wg0 mtu 1500
sizes() { tcpdump -n -r "$1" 2>/dev/null | grep -oE 'mss [0-9]+' | sort -u | tr '\n' ' '; }
for workers in $each_workers; do
    begins served --workers $workers
    opening='tcp[tcpflags] & tcp-syn != 0 or (ip6[6] = 6 and ip6[53] & 2 != 0)'
    sniff out.pcap far wg0 "($opening) and not src host (10.8.0.2 or fd00:8::2)"
    sniff in.pcap client eth0 "($opening) and src net (10.8.0.0/24 or fd00:8::/64)"
    same "$workers: connections by the tunnel, both ways and families" "$(ask client 10.8.0.2) $(ask client '[fd00:8:0::2]') $(ask far 10.8.0.1:8080)" 'far far client'
    sniffed
    same "$workers: segments are clamped to the tunnel's MTU, both ways" "$(sizes out.pcap)$(sizes in.pcap)" 'mss 1360 mss 1380 mss 1360 mss 1380 '
    for a in 10.9.0.1 '[fd00:9::1]' 10.9.0.2 10.9.0.3 '[fd00:9::3]'; do
        for s in client near; do
            same "$workers: $s: a service on $a, whose servers lie behind tunnels" "$(for i in 1 2 3 4; do ask $s "$a"; done | grep -cE '^(far|near)$')" 4
            fetches "$workers: $s: 3 MB of it" $s "$a"
        done
    done
    same "$workers: datagrams" "$(talk client 10.9.0.1 | cut -d' ' -f1) $(talk near 10.9.0.1 | cut -d' ' -f1)" 'far far'
    same "$workers: masquerade by a tunnel" "$(ask client 10.8.0.2/from) $(talk client 10.8.0.2 | cut -d' ' -f2)" '10.8.0.1 10.8.0.1'
    same "$workers: a forward of what comes by it" "$(ask far 10.8.0.1:8080) $(talk far 10.8.0.1 8000 | cut -d' ' -f1)" 'client client'
    [ "$EXEC" = user ] && for pair in 'client 10.8.1.2' 'client [fd00:8:1::2]' 'near 10.1.0.2' 'near [fd00:1::2]' 'near 10.8.0.2'; do
        set -- $pair
        fetches "$workers: $1 to $2: connections in the wire end here" "$1" "$2:8080"
    done
    # No route leads to that server, and its MAC address has no place in a bare packet: each one is lost, and none goes back where it came from.
    sniff back.pcap far wg0 dst host 10.77.0.1
    at far bash -c 'exec 3>/dev/udp/10.9.0.4/53; for i in {1..20}; do echo >&3; sleep 0.02; done'
    same "$workers: what follows them has its answer" "$(talk far 10.8.0.1 8000 | cut -d' ' -f1)" client
    sniffed
    same "$workers: nothing for a server without a route goes back into the tunnel" "$(frames_of back.pcap)" 0
    over "$workers workers, served"
    [ "$EXEC" = kernel ] || same "$workers: connections in the wire" "$(python3 -c "print($(number live to_inside) > 0)")" True
done

# Looked on: what is for this machine itself and what it sends, traces, captures, what is refused or warned of.
rules host <<'RULES'
firewall in_by on "wg0" in default drop { count tcp port 80 as WEB; accept icmp type echo-request as PING }
firewall out_by on "wg0" out default accept { drop icmp type echo-request as OWN }
firewall rest in default accept { }
firewall rest_out out default accept { }
RULES
begins host --monitor
ip netns exec "$id-prey" "$bin/preyctl" capture icmp on '"wg0"' -w seen.pcap --count 3 >capture.out 2>capture.err &
last=$!
pids="$pids $last"
until_true 100 'the capture looks on' grep -q 'the packets' capture.err
ip netns exec "$id-prey" "$bin/preyctl" trace icmp on '"wg0"' --count 3 >trace.out 2>trace.err &
tracer=$!
pids="$pids $tracer"
until_true 100 'the trace looks on' grep -q 'the packets' trace.err
quietly far ping -c 3 -i 0.2 -W 20 10.8.0.1
wait "$last" "$tracer"
grep -q 'accept  *PING' trace.out
ok $? 'a trace'
same 'a capture: beside interfaces with Ethernet bare packets have a header without addresses' "$(tcpdump -n -e -r seen.pcap 2>said | grep -c '00:00:00:00:00:00 > 00:00:00:00:00:00.* 10.8.0.2 > 10.8.0.1: ICMP echo request') $(grep -c EN10MB said)" '2 1'
quietly far curl -s -m 2 http://10.8.0.1/
quietly prey ping -c 1 -W 20 10.8.0.2
ctl explain 'icmp 10.8.0.2 -> 10.8.0.1 type echo-request on "wg0"'
has 'explain' 'verdict: accept  rule PING'
over 'watched'
same 'what this machine sends by it is judged, and what comes' "$(python3 -c "print($(by_rule OWN) > 0, $(by_rule PING), $(by_rule WEB) > 0)")" 'True 3 True'
# Copies are Ethernet frames: a device without Ethernet takes none.
rules copied <<'RULES'
firewall across forward default accept { mirror to "wg1" icmp as COPIED }
RULES
at prey "$bin/preyrun" -i lan -i wg0 --exec "$EXEC" copied.pbc >out 2>&1
same 'copies to a device without Ethernet are refused' $? 2
has 'in a line that says so' '`mirror to "wg1"`: the device carries no Ethernet, and copies are Ethernet frames: name another device, a file or a socket'
[ "$EXEC" = kernel ] || exit "$failed"

# The kernel enforces that.
begins host
quietly far ping -c 1 -W 20 10.8.0.1
same 'a firewall for this machine lets by what comes by a tunnel' $? 0
quietly far curl -s -m 2 http://10.8.0.1/
same 'and holds it back' $? 28
quietly prey ping -c 1 -W 1 10.8.0.2
same 'and what leaves by it' $? 1
quietly client ping -c 1 -W 20 10.1.0.1
same 'elsewhere nothing changes' $? 0
over 'enforced'
same 'each by its rule' "$(by_rule PING) $(python3 -c "print($(by_rule OWN) > 0, $(by_rule WEB) > 0)")" '1 True True'
at prey "$bin/preyrun" -i wg0 --hook xdp host.pbc >out 2>&1
has 'XDP has no such device' '^preyrun: --hook xdp: wg0 carries no Ethernet, and XDP programs see only Ethernet frames; use --hook tc$'

# Nobody looks on, so ordinary packets take the express way, super-packets in one piece: of both kinds of devices to both.
RECORD=0
kill "$far"
wait "$far" 2>/dev/null
cord prey wg0 far wg0
far=$last
ends 0 far
# One of them bears less than the others: what leaves by those is none the shorter for it.
for d in prey:wg0 far:wg0; do ip -n "$id-${d%:*}" link set "${d#*:}" mtu 1420; done
for d in prey:wg1 near:wg1; do ip -n "$id-${d%:*}" link set "${d#*:}" mtu 1500; done
begins served
for pair in 'client 10.9.0.1' 'client [fd00:9::1]' 'near 10.9.0.1' 'near [fd00:9::1]' 'client 10.8.0.2' 'far 10.8.0.1:8080'; do
    set -- $pair
    for i in 1 2 3 4; do fetches "$1 to $2, with headers changed in the kernel, $i" "$1" "$2"; done
done
at client tcpdump -i eth0 -n -e -vv -c 1 'udp and src port 53' >seen 2>/dev/null &
looks=$!
pids="$pids $looks"
# The answer of one question is up to the process, of more not.
until_true 100 'a datagram comes from a tunnel' eval '[ "$(talk client 10.9.0.1 | cut -d" " -f1)" = far ] && ! kill -0 $looks 2>/dev/null'
macs="$(at prey cat /sys/class/net/lan/address) > $(at client cat /sys/class/net/eth0/address)"
tr '\n' ' ' <seen >out
has 'it has an Ethernet header, one hop less, and its checksums' "$macs, ethertype IPv4 .*ttl 63,.*udp sum ok"
# Of a transfer few packets come up, once the process has found the way of its connection; and most are long.
counted() { ctl counters && awk -v "name=$1" '$1 == name { gsub(",", ""); n = $2 } END { print n + 0 }' out; }
most_stay() {
    local all up bytes
    all=$(counted kernel.packets) up=$(counted kernel.up.begin) bytes=$(counted kernel.bytes)
    at client curl -s -m 60 --limit-rate 5M http://10.9.0.1/files/file -o /dev/null
    all=$(($(counted kernel.packets) - all)) up=$(($(counted kernel.up.begin) - up)) bytes=$(($(counted kernel.bytes) - bytes))
    [ $((up * 4)) -lt "$all" ] && [ $((bytes / all)) -gt 1500 ]
}
until_true 100 'a transfer stays in the kernel, by super-packets' most_stay && ok 0 'a transfer stays in the kernel, by super-packets'
over 'the express way'

# A way out that is gone: packets are lost, no byte of a header reaches this machine's stack, and others go on.
begins served
at near python3 - <<'END' &
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.8.1.2", 5000))
for n in range(4000):
    try:
        s.sendto(b"x" * 100, ("10.8.0.2", 9))
    except OSError:
        pass  # an error about one before
    time.sleep(0.0005)
END
flood=$!
pids="$pids $flood"
errors() { at prey nstat -asz IpInHdrErrors IpInUnknownProtos Ip6InHdrErrors | awk '$1 ~ /^Ip/ { n += $2 } END { print n }'; }
before=$(errors)
for round in 1 2 3; do
    kill "$far"
    wait "$far" 2>/dev/null
    fetches "$round: its device is gone: other ways go on" client 10.8.1.2
    cord prey wg0 far wg0
    far=$last
    ends 0 far
    until_true 100 "it is back under load, $round" again && ok 0 "it is back under load, $round"
done
kill "$flood" 2>/dev/null
wait "$flood" 2>/dev/null
same 'no byte of a header got to this machine' "$(($(errors) - before))" 0
over 'ways that go'

# Started where all had Ethernet, it has no programs for a device without: that is told once, and the device is shut.
kill "$far"
wait "$far" 2>/dev/null
ip -n "$id-prey" link del wg1 2>/dev/null
link prey wg0 far wg0
ends 0 far
ip -n "$id-far" route replace default via 10.8.0.1
rules cross <cross.prey.kept
prey prey -i lan -i wg0 cross.pbc
same 'both have Ethernet' "$(ask client 10.8.0.2)" far
ip -n "$id-prey" link del wg0
cord prey wg0 far wg0
far=$last
ends 0 far
until_true 100 'a line says that it carries none' told 'wg0: the interface carries no Ethernet any more: restart preyrun to serve it'
quietly far ping -c 2 -W 2 10.8.0.1
same 'it is shut' $? 1
same 'and that is told once' "$(grep -c 'carries no Ethernet' prey.err)" 1
prey_ends
