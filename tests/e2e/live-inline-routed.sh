#!/usr/bin/env bash
# `mode proxy inline` on what crosses from one interface to another: both ends keep addresses and ports, MAC addresses are the
# routed ones, TTL is one less, DSCP stays. Errors of routers beyond either side reach the socket that they are about; the
# host, whether it forwards or not, sends nothing a second time; its own connections and other interfaces stay its own.
set -u
EXEC=${EXEC:-user} # live-inline-kernel runs it with the other
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

#     distant ==1280== client --- prey --- one, two, router ==1280== far
#                                  └ dmz: not given
between one two router
space distant far dmz
link distant eth0 client narrow
link router narrow far eth0
link prey dmz dmz eth0
address distant eth0 10.5.0.2/24 fd00:5::2/64
address client narrow 10.5.0.1/24 fd00:5::1/64
address router narrow 10.4.0.1/24 fd00:4::1/64
address far eth0 10.4.0.2/24 fd00:4::2/64
address prey dmz 10.3.0.1/24
address dmz eth0 10.3.0.2/24
way() { # NAME GATEWAY GATEWAY6 [NETWORK NETWORK6]
    ip -n "$id-$1" route replace "${4:-default}" via "$2"
    ip -n "$id-$1" -6 route replace "${5:-default}" via "$3"
}
way client 10.1.0.2 fd00:1::2
way distant 10.5.0.1 fd00:5::1
way far 10.4.0.1 fd00:4::1
way prey 10.2.0.4 fd00:2::4 10.4.0.0/24 fd00:4::/64
way prey 10.1.0.1 fd00:1::1 10.5.0.0/24 fd00:5::/64
ip -n "$id-dmz" route add default via 10.3.0.1
# What leaves by a narrow link is 1,280 bytes at most. The cable itself bears more, or it would drop what comes from the other end.
narrow() { # NAME NETWORK NETWORK6
    ip -n "$id-$1" route replace "$2" dev narrow mtu lock 1280
    ip -n "$id-$1" -6 route replace "$3" dev narrow metric 256 mtu lock 1280
    at "$1" sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
}
narrow client 10.5.0.0/24 fd00:5::/64
narrow router 10.4.0.0/24 fd00:4::/64
for s in one two far dmz; do web "$s"; done
payload 1000000 one two far dmz
inline() { at "$1" python3 "$top/tests/e2e/live/inline.py" "${@:2}"; }

rules plain <<'END'
service wire on any tcp/any { mode proxy inline }
firewall f forward default drop {
  accept state established
  accept icmp
  accept icmp6
  accept tcp port 80, 81, 82, 83, 84 as OPEN
}
END

for workers in ${W-1 2}; do
    for forwards in 0 1; do
        at prey sysctl -q -w net.ipv4.ip_forward=$forwards net.ipv6.conf.all.forwarding=$forwards
        prey prey --workers $workers -i wan -i lan --format json plain.pbc
        for server in 10.2.0.2 '[fd00:2::2]'; do
            it="$workers workers, forwarding $forwards, $server"
            same "$it: the server sees the client's own address" "$(ask client "$server/from")" \
                "$(case $server in *:*) echo fd00:1::1 ;; *) echo 10.1.0.1 ;; esac)"
            fetches "$it: 1 MB arrives as it is" client "$server"
        done
        same "$workers workers, forwarding $forwards: short connections, none failed" "$(inline client short 10.2.0.2 80 100)" '100 of 100'
        same "$workers workers, forwarding $forwards: the host's own connection" "$(ask prey 10.2.0.2/from)" 10.2.0.1
        ctl counters
        has 'the service has taken what crosses' "services.wire.proxy.sessions +$((100 + 4))$"
        prey_ends
        same 'it ends well' "$status" 0
    done
done

# What each side shows of the other, one hop on.
prey prey -i wan -i lan --format json plain.pbc
sniff one.pcap one eth0 tcp port 80
sniff client.pcap client eth0 tcp port 80
at client sysctl -q -w net.ipv4.ip_default_ttl=61
at one sysctl -q -w net.ipv4.ip_default_ttl=201
same 'a client that marks its packets is answered' "$(inline client marked 10.2.0.2 80)" answered
sniffed
of() { tcpdump -n -e -v -r "$1" "$2" 2>/dev/null | grep -oE "$3" | sort -u | tr '\n' ' '; }
mac() { at "$1" cat "/sys/class/net/$2/address"; }
same 'the server gets frames of the router' "$(of one.pcap 'src host 10.1.0.1' "([0-9a-f:]{17} > [0-9a-f:]{17})")" "$(mac prey lan) > $(mac one eth0) "
same 'the client gets frames of the router' "$(of client.pcap 'src host 10.2.0.2' "([0-9a-f:]{17} > [0-9a-f:]{17})")" "$(mac prey wan) > $(mac client eth0) "
same "the client's TTL less one" "$(of one.pcap 'src host 10.1.0.1' 'ttl [0-9]+')" 'ttl 60 '
same "the client's DSCP stays" "$(of one.pcap 'src host 10.1.0.1' 'tos 0x[0-9a-f]+')" 'tos 0xb8 '
same "the server's TTL less one" "$(of client.pcap 'src host 10.2.0.2 and tcp[tcpflags] & tcp-syn == 0' 'ttl [0-9]+')" 'ttl 200 '
at client sysctl -q -w net.ipv4.ip_default_ttl=64
at one sysctl -q -w net.ipv4.ip_default_ttl=64

# Routers' errors, ours and others'.
same 'a client whose TTL is 1 hears of it' "$(inline client hops 10.2.0.2 80 1)" EHOSTUNREACH
same 'so it does in IPv6' "$(inline client hops fd00:2::2 80 1)" EHOSTUNREACH
at router nft -f - <<'END'
table inet t {
  chain across {
    type filter hook forward priority 0
    tcp dport 82 reject with icmpx admin-prohibited
  }
}
END
for server in 10.4.0.2 fd00:4::2; do
    same "what a router says of $server reaches the client" "$(inline client connects $server 82 20)" \
        "$(case $server in *:*) echo EACCES ;; *) echo EHOSTUNREACH ;; esac)"
    same "nobody listens at $server" "$(inline client connects $server 81 20)" ECONNREFUSED
done
same 'no route leads to the destination' "$(inline client connects 10.9.0.1 80 20)" ENETUNREACH
same 'a neighbour that is none' "$(inline client connects 10.2.0.77 80 1)" late

# A narrow link behind either side: its router says so, and packets become smaller.
for server in 10.4.0.2 '[fd00:4::2]'; do
    fetches "from $server, behind a narrow link" client "$server"
    at client curl -s -m 60 --data-binary @payload "http://$server/from" >out
    ok $? "1 MB towards $server, behind a narrow link"
done
for server in 10.2.0.2 '[fd00:2::2]'; do
    fetches "a client behind a narrow link, from $server" distant "$server"
    same "its own address" "$(ask distant "$server/from")" "$(case $server in *:*) echo fd00:5::2 ;; *) echo 10.5.0.2 ;; esac)"
done

too_big() { at "$1" cat /proc/net/snmp /proc/net/snmp6 | awk '
    /^Icmp: I/ { for (i = 1; i <= NF; i++) if ($i == "OutDestUnreachs") at = i; next }
    /^Icmp:/ { v4 = $at }
    $1 == "Icmp6OutPktTooBigs" { v6 = $2 }
    END { print (v4 > 0) (v6 > 0) }'; }
same 'routers at either side had to say so, in both families' "$(too_big client) $(too_big router)" '11 11'

# Interfaces of other MTUs, and a route of one of its own: neither side gets more than its way bears.
largest() { tcpdump -n -e -r "$1" 2>/dev/null | grep -oE '\), length [0-9]+:' | tr -dc '0-9\n' | sort -n | tail -n 1; } # of frames
offloads off one:eth0 two:eth0 client:eth0 prey:wan prey:lan
prey_ends
ip -n "$id-prey" link set wan mtu 1400
for r in '' -6; do
    n=10.2.0.3/32
    [ -z "$r" ] || n=fd00:2::3/128
    # shellcheck disable=SC2086
    ip -n "$id-prey" $r route add $n dev lan mtu 1300
done
prey prey -i wan -i lan --format json plain.pbc
for server in 10.2.0.3 '[fd00:2::3]'; do
    sniff two.pcap two eth0 tcp port 80 and dst port 80
    sniff client.pcap client eth0 tcp port 80 and src port 80
    fetches "interfaces of other MTUs, from $server" client "$server"
    at client curl -s -m 60 --data-binary @payload "http://$server/from" >out
    ok $? "1 MB towards $server"
    sniffed
    same 'the server gets no more than its way bears' "$(largest two.pcap)" $((14 + 1300))
    same 'the client neither' "$(largest client.pcap)" $((14 + 1400))
done
ip -n "$id-prey" link set wan mtu 1500
offloads on one:eth0 two:eth0 client:eth0 prey:wan prey:lan

# By an interface that is not given the host sends on, and not we, also where we would answer before a server does.
at prey sysctl -q -w net.ipv4.ip_forward=1
same 'by an interface that is not given' "$(ask client 10.3.0.2/from)" 10.1.0.1
prey_ends
same 'it ends well' "$status" 0

# First bytes choose a server by route and neighbour, or in a VLAN of its own.
space tenant cable
link tenant eth0 cable eth0
offloads off tenant:eth0 cable:eth0
background cable python3 "$top/tests/e2e/live/tagger.py" eth0 tap0 8100:7 >cable.out
until_true 100 'the cable is there' grep -q ready cable.out
ip -n "$id-cable" link set dev tap0 netns "$id-inside"
ip -n "$id-inside" link set dev tap0 master bridge up
address tenant eth0 10.6.0.2/24
ip -n "$id-tenant" route add default via 10.6.0.1
ip -n "$id-tenant" neigh replace 10.6.0.1 lladdr "$(mac prey lan)" dev eth0
web tenant
ip -n "$id-prey" route add 10.6.0.0/24 dev lan
rules chosen <<END
pool plain { server far 10.4.0.2:80 }
pool plain6 { server far [fd00:4::2]:80 }
pool tagged { server tenant 10.6.0.2:80 vlan 7 mac $(mac tenant eth0) }
service wire on any tcp/any {
  mode proxy inline first bytes within 20s
  when bytes payload at 0 is x"474554202f6e7468" -> plain
  when bytes payload at 0 is x"474554202f74656e" -> tagged
}
service wire6 on any tcp/8080 {
  mode proxy inline first bytes within 20s
  when bytes payload at 0 is x"474554202f6e7468" -> plain6
}
END
for workers in 1 2; do
    prey prey --workers $workers -i wan -i lan --format json chosen.pbc
    same 'others go on' "$(ask client 10.2.0.2/)" one
    same 'a server by its route' "$(for i in 1 2 3 4 5 6 7 8; do ask client 10.2.0.2/nth; done | grep -cE '^[0-9]+ [0-9]+$')" 8
    same 'a server in a VLAN' "$(for i in 1 2 3 4 5 6 7 8; do ask client 10.2.0.2/tenant; done | shares)" ' 8 tenant '
    fetches 'behind a narrow link, one server for another' client 10.4.0.2
    same 'by an interface that is not given' "$(ask client 10.3.0.2/from)" 10.1.0.1
    prey_ends
    same 'it ends well' "$status" 0
done
# Who serves it: as of other rules.
prey prey -i wan -i lan --exec auto --format json plain.pbc
awaits '^--exec auto: user, because service `[a-z]*` keeps its inline connections in sockets'
prey_ends

if [ "${EXEC-}" = kernel ]; then
    exit $failed
fi
# By AF_XDP, which gives no super-packets.
prey prey -i wan -i lan --io xdp --format json chosen.pbc
for server in 10.2.0.2 '[fd00:2::2]'; do
    same "by AF_XDP the server at $server sees the client's own address" "$(ask client "$server/from")" \
        "$(case $server in *:*) echo fd00:1::1 ;; *) echo 10.1.0.1 ;; esac)"
    fetches 'by AF_XDP 1 MB arrives as it is' client "$server"
    at client curl -s -m 60 --data-binary @payload "http://$server/from" >out
    ok $? "by AF_XDP 1 MB towards $server"
done
same 'by AF_XDP a server by its route' "$(ask client 10.2.0.2/nth | grep -cE '^[0-9]+ [0-9]+$')" 1
same "by AF_XDP the host's own connection" "$(ask prey 10.2.0.2/from)" 10.2.0.1
prey_ends
same 'it ends well' "$status" 0
exit $failed
