#!/usr/bin/env bash
# What crosses from one interface to another that are both given is prey's to send on: judged, one hop less, with the
# errors that a router sends, by the kernel's routes (policy rules, several ways, a route's own MTU); the host's stack
# sends nothing a second time. What crosses by an interface that is not given is the host's, and only watched.
set -u
EXEC=user # this machine's own stack sends on: it chooses among several ways by addresses alone; firewalls for what is of itself hold there
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin
RECORD=1 RECORD_SAMPLE=1 # and both are replayed alike

space client prey far one two
link client eth0 prey wan
lan switch 2 prey:lan one two
address client eth0 10.1.0.2/24 10.1.0.3/24 fd00:1::2/64
address prey wan 10.1.0.1/24 fd00:1::1/64
link prey dmz far eth0
address prey dmz 10.3.0.1/24
address far eth0 10.3.0.2/24
ip -n "$id-client" route add default via 10.1.0.1
ip -n "$id-client" -6 route add default via fd00:1::1
ip -n "$id-far" route add default via 10.3.0.1
for s in one two; do
    ip -n "$id-$s" route add default via 10.2.0.1
    ip -n "$id-$s" -6 route add default via fd00:2::1
    address "$s" lo 10.8.0.1/32 10.9.0.1/32
    web "$s"
done
web far
ip -n "$id-prey" link set lan mtu 1400
for s in one two; do ip -n "$id-$s" link set eth0 mtu 1400; done
ip -n "$id-prey" route add 10.7.0.1/32 via 10.2.0.2 mtu 1300
address one lo 10.7.0.1/32
head -c 5000000 /dev/urandom >web-one/file
crossing() { # INTERFACE IN: a firewall for what crosses on it, where requests come by the other
    cat <<END
firewall across on "$1" forward default drop {
  accept state established, related as OPEN
  accept tcp port 80 on "$2" as WEB
  accept icmp type echo-request on "$2" as PING
  accept icmp6 type echo-request on "$2" as PING6
  reject tcp port 8080 on "$2" with rst as SHUT
}
END
}
crossing '*' 'w*' | rules cross
crossing '*' '*' | rules alike # both interfaces by one pattern
quietly() { at client "$@" >out 2>&1; }
asked() { at client curl -s -m 20 "$@" || echo failed; }

# The host itself forwards nothing.
prey prey -i wan -i lan --format json cross.pbc
for a in 10.2.0.2 '[fd00:2::2]'; do
    same "a web server at $a" "$(asked "http://$a/")" one
    asked "http://$a/files/file" | cmp -s - web-one/file
    ok $? "5 MB from $a arrive as they are"
    quietly curl -s -m 20 "http://$a:8080/"
    same "a reject at $a is answered" $? 7
done
same 'what the rules drop' "$(at client curl -s -m 0.5 http://10.2.0.2:9000/ || echo failed)" failed
# It asks until two answers have come, and may get a third meanwhile.
for a in 10.2.0.2 fd00:2::2; do
    quietly ping -c 2 -i 0.2 -w 20 $a
    has "ping of $a" ' [2-9] received'
    same "ping of $a: one hop less" "$(grep -o 'ttl=[0-9]*' out | sort -u)" ttl=63
done
quietly ping -c 1 -W 20 -t 1 10.2.0.2
has 'the last hop over IPv4' 'From 10.1.0.1 .*Time to live exceeded'
quietly ping -c 1 -W 20 -t 1 fd00:2::2
has 'the last hop over IPv6' 'From fd00:1::1 .*Time exceeded: Hop limit'
quietly ping -c 1 -W 20 -M do -s 1400 10.2.0.2
has 'too long for the way, IPv4' 'From 10.1.0.1 .*Frag needed and DF set \(mtu = 1400\)'
quietly ping -c 1 -W 20 -M do -s 1330 10.7.0.1
has "too long for a route's own MTU" 'From 10.1.0.1 .*Frag needed and DF set \(mtu = 1300\)'
quietly ping -c 1 -W 20 -M do -s 1400 fd00:2::2
has 'too long for the way, IPv6' 'From fd00:1::1 .*Packet too big: mtu=1400'
quietly ping -c 1 -W 20 -M dont -s 1401 10.2.0.3
has 'without DF it is cut' ' 0% packet loss'
same 'nothing crosses by an interface that is not given' "$(asked -m 0.5 http://10.3.0.2/)" failed
capture_of() { # RECORDING: what leaves in its replay, in words
    "$bin/preyrun" --replay "$1" --write - | tcpdump -n -r - 2>/dev/null
}
truncate -s 0 prey.out
prey_ends
same 'it ends with 0' "$status" 0
adds_up 'every frame has one verdict'
same 'it has sent on' "$(python3 -c "print($(number live routed) > 100)")" True
same 'nothing was only watched' "$(number live watched)" 0
same 'what had no hop, and was too long' "$(number live lost expired) $(number live lost too_big)" '2 3'
same 'what leaves of it is recorded, answers too' "$(capture_of recorded-1 | grep -cE 'time exceeded in-transit|need to frag|packet too big')" 5
same 'super-packets were among it' "$(python3 -c "print($(number interfaces 1 super) > 0)")" True

# The host forwards: not a second time what crosses here, and as ever what crosses by the interface that is not given.
at prey sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
ip -n "$id-prey" route add 10.9.0.1/32 via 10.2.0.2
ip -n "$id-prey" route add 10.9.0.1/32 via 10.2.0.3 table 100
ip -n "$id-prey" rule add from 10.1.0.3 lookup 100
ip -n "$id-prey" route add 10.8.0.1/32 nexthop via 10.2.0.2 nexthop via 10.2.0.3
prey prey -i wan -i lan --format json alike.pbc
quietly ping -c 3 -i 0.2 -w 20 10.2.0.2
same 'no packet crosses twice' "$(grep -c DUP out)" 0
has 'and each crosses' ' [3-9] received'
quietly ping -c 3 -i 0.2 -w 20 10.3.0.2
same 'nor by the interface that is not given' "$(grep -c DUP out)" 0
has 'where each crosses, too' ' [3-9] received'
same 'a web server there' "$(asked http://10.3.0.2/)" far
same 'what the rules refuse there is not enforced' "$(asked http://10.3.0.2:8080/)" far
same 'a policy rule on the source: by another way' \
    "$(asked http://10.9.0.1/)$(asked --interface 10.1.0.3 http://10.9.0.1/)" onetwo
same 'several ways: all are used' "$(for i in {2..18}; do asked http://10.8.0.1/; done | sort -u | tr '\n' ' ')" 'one two '
ip -n "$id-prey" route replace 10.9.0.1/32 via 10.2.0.3
moved() { [ "$(asked http://10.9.0.1/)" = two ]; }
until_true 50 'a route that changes is followed' moved && ok 0 'a route that changes is followed'
truncate -s 0 prey.out
prey_ends
same 'it ends with 0 again' "$status" 0
adds_up 'every frame has one verdict again'
same 'what was refused there is watched' "$(python3 -c "print(0 < $(number live watched) < 20)")" True
exit $failed
