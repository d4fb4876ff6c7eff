#!/usr/bin/env bash
# ICMP errors from inside about translated flows: each leaves by the line of its flow, with that line's address, whoever
# sends it. One about no flow does not leave at all if its quote shows what is inside, whichever device it came by.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

two_uplinks 192.0.2.53
space branch dmz
link prey vpn branch eth0
link prey dmz dmz eth0
address prey dmz 10.3.0.1/24
address dmz eth0 10.3.0.254/24
ip -n "$id-dmz" route add default via 10.3.0.1
address client eth0 10.1.0.8/24
address prey vpn 10.99.0.1/24
address branch eth0 10.99.0.5/24
address branch eth0 10.99.0.6/24
address branch eth0 10.99.0.8/24
ip -n "$id-branch" route add default via 10.99.0.1
at prey sysctl -q -w net.ipv4.conf.vpn.rp_filter=0 net.ipv4.conf.dmz.rp_filter=0
for far in one two; do udp "$far" 53; done
web one
at two sysctl -q -w net.ipv4.conf.all.arp_ignore=1 # what is sent past the gateway is lost
# All goes by the first uplink, but for the client's own packets, and those of the other device's second host, and of its third.
ip -n "$id-prey" route replace default via 203.0.113.9 dev up1
ip -n "$id-prey" route add default via 198.51.100.9 dev up2 table 7
ip -n "$id-prey" rule add from 10.1.0.7 table 7
ip -n "$id-prey" rule add from 10.99.0.6 table 7
ip -n "$id-prey" rule add from 10.99.0.8 iif vpn table 7
ip -n "$id-prey" rule add from 10.1.0.8 iif lan table 7

rules two <<'RULES'
interface up1 = "up1"
interface up2 = "up2"
nat home { masquerade from 10.1.0.7/32, 10.1.0.8/32, 10.99.0.6/32, 10.99.0.8/32 out on up2 ports 5000-5999; masquerade from 10.0.0.0/8 out on up1 ports 4000-5999 }
RULES

# error NAME SOURCE TO PROTOCOL PORT END PORT: port unreachable about what came from TO to END; of TCP a segment that was never sent.
cat >error.py <<'PY'
import socket
import struct
import sys

ip = lambda s, d, proto, rest: struct.pack("!BBHHHBBH", 69, 0, 20 + len(rest), 1, 0, 60, proto, 0) + socket.inet_aton(s) + socket.inet_aton(d) + rest
source, to, proto, port, end, end_port = sys.argv[1:]
four = struct.pack("!HH", int(port), int(end_port)) + (struct.pack("!HH", 8, 0) if proto == "17" else struct.pack("!I", 0x7eadbeef))
message = struct.pack("!BBHI", 3, 3, 0, 0) + ip(to, end, int(proto), four)
words = sum(struct.unpack(f"!{len(message) // 2}H", message))
while words >> 16:
    words = (words & 0xffff) + (words >> 16)
message = message[:2] + struct.pack("!H", ~words & 0xffff) + message[4:]
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
raw.sendto(ip(source, to, 1, message), (to, 0))
PY
error() { at "$1" python3 error.py "${@:2}"; }
# A connection that stays, from a known port
cat >stays.py <<'PY'
import socket
import sys
import time

s = socket.socket()
s.bind(("10.99.0.5", int(sys.argv[1])))
s.connect(("192.0.2.53", 80))
print("stays", flush=True)
time.sleep(600)
PY
asks() { talk "$1" 192.0.2.53 53 "$2" | cut -d ' ' -f 1-2; } # NAME PORT: who answers, and where the question came from
station() { at "$1" cat /sys/class/net/eth0/address; }
# told FAR: errors to that station, as tcpdump has them
told() { tcpdump -nr "$1-$by.pcap" icmp and ether dst "$(station "$1")" 2>/dev/null | sed 's/.* IP //; s/, length.*//' | sort -u | tr '\n' '|'; }
routes() { at prey "$bin/preyctl" counters routes.kernel; } # how many are known
has_told() { told "$1" | grep -q "$2"; }

tcp=4000
for how in 'user' 'kernel --hook tc' 'kernel --hook xdp'; do
    by=${how##* }
    tcp=$((tcp + 1))
    prey prey --exec $how -i lan -i dmz -i up1 -i up2 two.pbc
    for far in one two; do sniff "$far-$by.pcap" "$far" eth0; done
    same "$by: the client's flow has the second line" "$(asks client 5101)" 'two 198.51.100.2'

    # What shows the inside comes first, so it would have left before what may leave.
    error client 192.0.2.77 192.0.2.53 17 53 10.1.0.7 5999
    error client 10.1.0.254 192.0.2.53 17 53 10.1.0.7 5998
    if [ "$by" != user ]; then
        : >stays.out
        background branch python3 stays.py "$tcp" >stays.out
        until_true 100 "$by: a connection of the other device stays" grep -q stays stays.out
        error branch 192.0.2.77 192.0.2.53 6 80 10.99.0.5 $tcp
        error branch 192.0.2.77 192.0.2.53 17 53 10.99.0.5 5997
        same "$by: the other device's flow has the first line" "$(asks branch 5102)" 'one 203.0.113.2'
        error branch 10.99.0.5 192.0.2.53 17 53 10.99.0.5 5102
        until_true 50 "$by: an error of the other device about it leaves there" has_told one 'port 5102'
        ip -n "$id-branch" route replace 192.0.2.53 via 10.99.0.1 src 10.99.0.6
        same "$by: its second host's flow has the second line" "$(asks branch 5104)" 'two 198.51.100.2'
        ip -n "$id-branch" route del 192.0.2.53
        error branch 10.99.0.254 192.0.2.53 17 53 10.99.0.6 5104
        until_true 50 "$by: an error of a router before that one goes to the second line's gateway" has_told two 'port 5104'
        ip -n "$id-branch" route replace 192.0.2.53 via 10.99.0.1 src 10.99.0.8
        same "$by: its third host's flow has the second line, for it came by that device" "$(asks branch 5105)" 'two 198.51.100.2'
        ip -n "$id-branch" route del 192.0.2.53
        error branch 10.99.0.254 192.0.2.53 17 53 10.99.0.8 5105
        until_true 50 "$by: an error of a router before it goes to the flow's gateway" has_told two 'port 5105'
        ip -n "$id-branch" route replace 192.0.2.53 via 10.99.0.1 src 10.99.0.8
        asks branch 5106 >out
        ip -n "$id-branch" route del 192.0.2.53
        routes=$(routes)
        ip -n "$id-prey" route add 192.0.2.99 via 10.1.0.7
        until_true 50 "$by: another route is known" eval '[ "$(routes)" != "$routes" ]'
        error branch 10.99.0.254 192.0.2.53 17 53 10.99.0.8 5106
        until_true 50 "$by: and so does one after a change of routes" has_told two 'port 5106'
        ip -n "$id-prey" route del 192.0.2.99
    fi
    error client 10.1.0.7 192.0.2.53 17 53 10.1.0.7 5101
    until_true 50 "$by: the client's error leaves by the line of its flow" has_told two 'port 5101'
    talk client 192.0.2.53 53 5103 >/dev/null
    error client 10.1.0.254 192.0.2.53 17 53 10.1.0.7 5103
    until_true 50 "$by: and so does that of a router before it" has_told two 'port 5103'
    ip -n "$id-client" route replace 192.0.2.53 via 10.1.0.1 src 10.1.0.8
    same "$by: the client's second address has the second line, for it came by lan" "$(asks client 5107)" 'two 198.51.100.2'
    ip -n "$id-client" route del 192.0.2.53
    error dmz 10.3.0.254 192.0.2.53 17 53 10.1.0.8 5107
    until_true 50 "$by: an error from another interface goes to that line's gateway" has_told two 'port 5107'
    sniffed
    line() { echo "$1 > 192.0.2.53: ICMP $1 udp port $2 unreachable|"; }
    second="$(line 198.51.100.2 5101)$(line 198.51.100.2 5103)"
    [ "$by" = user ] || second="$second$(line 198.51.100.2 5104)$(line 198.51.100.2 5105)$(line 198.51.100.2 5106)"
    second="$second$(line 198.51.100.2 5107)"
    same "$by: nothing else does, and all have the line's address" "$(told two)" "$second"
    first=$(line 203.0.113.2 5102)
    [ "$by" != user ] || first=
    same "$by: nor by the other line" "$(told one)" "$first"
    prey_ends
    same "$by: it ends with 0" "$status" 0
done
[ "$failed" = 0 ]
