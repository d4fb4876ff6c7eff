#!/usr/bin/env bash
# A narrow link behind prey: the client learns what the way bears, whether its packets are rewritten or go into a tunnel
# of ours, whose own errors reach nobody but us; and the proxy learns it, where its sockets have addresses that are not the host's. IPv6 is never told less than 1,280: then the outer packet goes in pieces.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

#     client --- prey --- left ==1300== right --- server        and for direct returns: server --- client
space client prey left right server
link client eth0 prey wan
link prey lan left out
link left narrow right narrow
link right out server eth0
link server back client back
address client eth0 10.1.0.2/24 fd00:1::2/64
address prey wan 10.1.0.1/24 fd00:1::1/64
address prey lan 10.2.0.1/24 fd00:2::1/64
address left out 10.2.0.2/24 fd00:2::2/64
address left narrow 10.3.0.1/24 fd00:3::1/64
address right narrow 10.3.0.2/24 fd00:3::2/64
address right out 10.4.0.1/24 fd00:4::1/64
address server eth0 10.4.0.2/24 fd00:4::2/64
address server back 10.9.0.1/24 fd00:9::1/64
address client back 10.9.0.2/24 fd00:9::2/64
for s in left right; do
    ip -n "$id-$s" link set narrow mtu 1300
    at "$s" sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
done
way() { # NAME GATEWAY GATEWAY6
    ip -n "$id-$1" route replace default via "$2"
    ip -n "$id-$1" -6 route replace default via "$3"
}
way client 10.1.0.1 fd00:1::1
way prey 10.2.0.2 fd00:2::2
way left 10.2.0.1 fd00:2::1
way right 10.3.0.1 fd00:3::1
way server 10.4.0.1 fd00:4::1
for r in '' -6; do
    n=10.4.0.0/24 via=10.3.0.2
    [ -n "$r" ] && n=fd00:4::/64 via=fd00:3::2
    # shellcheck disable=SC2086
    ip -n "$id-left" $r route add "$n" via "$via"
done
head -c 400000 /dev/urandom >sent

pool() { # MODE: both services, to the server's address of each family
    cat <<END
pool farm { server one 10.4.0.2 }
pool farm6 { server one fd00:4::2 }
service four on 10.1.0.100 tcp/9000 { mode $1; announce; -> ${2:-farm} }
service six on fd00:1::100 tcp/9000 { mode $1; announce; -> ${3:-farm6} }
END
}
# up NAME ADDRESS: all of the file arrives
up() {
    : >got
    local family=-4
    case $2 in *:*) family=-6 ;; esac
    ip netns exec "$id-server" timeout 60 nc $family -l -N -p 9000 >got </dev/null &
    pids="$pids $!"
    until_true 50 "the server listens" at server sh -c 'ss -ltn | grep -q :9000'
    at client timeout 60 nc -N "$2" 9000 <sent
    got_all() { cmp -s sent got; }
    until_true 50 "$1: it arrives as it is" got_all && ok 0 "$1: it arrives as it is"
}
told_server() { at server ip route get 10.2.0.1 | grep -o 'mtu [0-9]*' | cut -d' ' -f2; }
told() { at client ip route get "$1" | grep -o 'mtu [0-9]*' | cut -d' ' -f2; }
each() { # NAME MTU4 MTU6
    up "$1, IPv4" 10.1.0.100
    same "$1, IPv4: the client was told" "$(told 10.1.0.100)" "$2"
    up "$1, IPv6" fd00:1::100
    same "$1, IPv6: the client was told" "$(told fd00:1::100)" "$3"
    at client ip route flush cache
    at client ip -6 route flush cache
    prey_ends
    same "$1: it ends with 0" "$status" 0
}

for mode in passthrough 'passthrough keep source'; do
    pool "$mode" | rules plain
    prey prey -i wan -i lan plain.pbc
    each "$mode" 1300 1300
done

# A route with an MTU of its own tells the sender as the link would, whichever way: to a client, and through a `nat`. The
# first packets make the recipes by which the others leave.
rules routed <<'END_OF_RULES'
pool farm { server one 10.4.0.2 }
service four on 10.1.0.100 tcp/9000 { mode passthrough; announce; -> farm }
nat out { masquerade from 10.1.0.0/24 out on "lan" }
firewall all default accept { accept state established, related }
END_OF_RULES
learns() { # NAME SPACE ADDRESS MTU: small pings pass, and a long one tells the way's MTU
    at "$2" ip route flush cache
    at "$2" ping -q -c 4 -i 0.1 -W 2 "$3" >said
    same "$1: short packets pass" "$(grep -o ' 0% packet loss' said)" ' 0% packet loss'
    at "$2" ping -q -c 2 -i 0.2 -W 1 -M do -s 1240 "$3" >said 2>&1
    same "$1: a long one is told of" "$(at "$2" ip route get "$3" | grep -o 'mtu [0-9]*')" "mtu $4"
}
at prey sysctl -q -w net.ipv4.ip_forward=1
for executor in 'user --io packet' kernel; do
    ip -n "$id-prey" route replace default via 10.2.0.2 mtu 1200
    ip -n "$id-prey" route change 10.1.0.0/24 dev wan src 10.1.0.1 mtu 1100
    # shellcheck disable=SC2086
    prey prey -i wan -i lan --exec $executor routed.pbc
    learns "$executor, through a nat" client 10.4.0.2 1200
    ip netns exec "$id-server" timeout 60 nc -4 -l -N -p 9000 <sent >/dev/null &
    pids="$pids $!"
    until_true 50 "the server listens" at server sh -c 'ss -ltn | grep -q :9000'
    at client timeout 60 nc -d 10.1.0.100 9000 >got
    cmp -s sent got
    ok $? "$executor: a reply arrives by a route with an MTU"
    same "$executor: the server was told" "$(told_server)" 1100
    ip -n "$id-prey" route change 10.1.0.0/24 dev wan src 10.1.0.1
    at server ip route flush cache
    prey_ends
done
at prey sysctl -q -w net.ipv4.ip_forward=0
way prey 10.2.0.2 fd00:2::2

# The proxy's own sockets hear what routers say, at an announced address and at a client's, also where prey routes.
cat >proxied.rules <<'END_OF_RULES'
pool there { server one 10.4.0.2:9000 }
pool there6 { server one [fd00:4::2]:9000 }
pool here { server one 10.1.0.2:9001 }
pool here6 { server one [fd00:1::2]:9001 }
service four on 10.1.0.100 tcp/9000 { mode proxy transparent; announce; -> there }
service six on fd00:1::100 tcp/9000 { mode proxy transparent; announce; -> there6 }
service down on 10.2.0.100 tcp/9000 { mode proxy; announce; -> here }
service down6 on fd00:2::100 tcp/9000 { mode proxy; announce; -> here6 }
firewall all default accept { accept state established }
END_OF_RULES
# down NAME ADDRESS: all of the file arrives behind the narrow link.
down() {
    local family=-4
    case $2 in *:*) family=-6 ;; esac
    ip netns exec "$id-client" timeout 60 nc $family -l -N -p 9001 <sent >/dev/null &
    pids="$pids $!"
    until_true 50 "the client's server listens" at client sh -c 'ss -ltn | grep -q :9001'
    at server timeout 60 nc -d "$2" 9000 >got
    cmp -s sent got
    ok $? "$1: it arrives as it is"
}
rules proxied <proxied.rules
for io in packet xdp; do
    prey prey -i wan -i lan --io $io --monitor proxied.pbc
    up "$io, a client's address, IPv4" 10.1.0.100
    up "$io, a client's address, IPv6" fd00:1::100
    down "$io, an announced address, IPv4" 10.2.0.100
    down "$io, an announced address, IPv6" fd00:2::100
    at prey ip route flush cache
    at prey ip -6 route flush cache
    prey_ends
done

# Into tunnels, whose far end is in user space, and takes packets as they were sent: joined ones (`gro`) have no whole
# checksum. The server answers the client directly.
at server ethtool -K eth0 gro off >/dev/null
address server lo 10.1.0.100/32 fd00:1::100/128
at server sysctl -q -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 net.ipv4.conf.all.arp_ignore=1
way server 10.9.0.2 fd00:9::2
ip -n "$id-server" route add 10.2.0.0/24 via 10.4.0.1
ip -n "$id-server" -6 route add fd00:2::/64 via fd00:4::1
far() { # KIND PORT
    : >"ready-$1"
    ip netns exec "$id-server" python3 "$top/tests/e2e/live/decap.py" "$1" "$2" "t-$1" >"ready-$1" &
    pids="$pids $!"
    until_true 50 "the far end listens" grep -q ready "ready-$1"
    ip -n "$id-server" link set "t-$1" up
}
far ipip 0
far gue 6080
pool 'dsr ipip' farm farm | rules tunnel
prey prey -i wan -i lan tunnel.pbc
# Of IPv6 in IPv4 no router complains (RFC 4213): what the way bears is known from IPv4.
each 'ipip over IPv4' 1280 1280
pool 'dsr gue 6080' farm6 farm6 | rules tunnel
prey prey -i wan -i lan tunnel.pbc
each 'gue over IPv6' 1248 1280
exit $failed
