#!/usr/bin/env bash
# `mss clamp auto` where a device is not served: it is the smaller MTU of the device that a segment came by and of the one that it leaves by,
# whichever `-i` names first. nftables, `set rt mtu`, says the same beside it.
set -u
EXEC=kernel
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
pins "$@"
live_begin

# lan 1500 and wan 1300 are served, vpn 1400 is not.
space client prey far branch
link client eth0 prey lan
link prey wan far eth0
link prey vpn branch eth0
ip -n "$id-prey" link set dev wan mtu 1300
ip -n "$id-prey" link set dev vpn mtu 1400
address client eth0 10.1.0.7/24 fd00:1::7/64
address prey lan 10.1.0.1/24 fd00:1::1/64
address prey wan 10.2.0.1/24 fd00:2::1/64
address far eth0 10.2.0.9/24 fd00:2::9/64
address prey vpn 10.3.0.1/24 fd00:3::1/64
address branch eth0 10.3.0.5/24 fd00:3::5/64
for i in client:1 far:2 branch:3; do
    ip -n "$id-${i%:*}" route add default via "10.${i#*:}.0.1"
    ip -n "$id-${i%:*}" -6 route add default via "fd00:${i#*:}::1"
done
at prey sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
for name in client far branch; do web "$name"; done

rules vpn <<'END'
nat edge { mss clamp auto out on "vpn" }
firewall f forward default accept { }
END
rules each <<'END'
nat edge {
  masquerade from 10.3.0.0/24, fd00:3::/64 out on "wan", "lan"
  mss clamp auto out on "lan", "wan"
}
firewall f forward default accept { }
END
rules nat <<'END'
nat edge {
  masquerade from 10.3.0.0/24, fd00:3::/64 out on "wan", "lan"
  mss clamp auto
}
firewall f forward default accept { }
END

# The MSS of what opens a connection by IPv4 and one by IPv6, as it arrives.
opened() { # FROM TO ADDRESS4 ADDRESS6
    sniff opened.pcap "$2" eth0 '(tcp[13] & 18 = 2) or (ip6[6] = 6 and ip6[53] & 18 = 2)'
    at "$1" curl -s -m 10 -o /dev/null "http://$3/" || echo failed
    at "$1" curl -s -m 10 -o /dev/null "http://[$4]/" || echo failed
    sniffed
    echo $(tcpdump -n -r opened.pcap 2>/dev/null | grep -oE 'mss [0-9]+' | grep -oE '[0-9]+')
}
out_by_vpn() { opened client branch 10.3.0.5 fd00:3::5; }
in_by_vpn() { opened branch client 10.1.0.7 fd00:1::7; }
across_vpn() { opened branch far 10.2.0.9 fd00:2::9; }

at prey nft 'table inet t { chain f { type filter hook forward priority 0; oifname { "vpn", "lan", "wan" } tcp flags & (syn | ack) == syn tcp option maxseg size set rt mtu; }; }'
same 'nftables: the smaller MTU of both devices' "$(out_by_vpn) $(in_by_vpn) $(across_vpn)" '1360 1340 1360 1340 1260 1240'
at prey nft delete table inet t

for order in 'wan lan' 'lan wan'; do
    for program in vpn each nat; do
        prey prey $(printf -- '-i %s ' $order) --allow-unjudged vpn $program.pbc
        [ $program != vpn ] || same "-i $order: what leaves by a device that isn't served" "$(out_by_vpn)" '1360 1340'
        [ $program = vpn ] || same "-i $order, $program: what came in by it" "$(in_by_vpn) $(across_vpn)" '1360 1340 1260 1240'
        prey_ends
    done
done

rules every <<'END'
nat edge { mss clamp auto out on "*" }
firewall f forward default accept { }
END
prey prey -i wan -i lan --allow-unjudged vpn every.pbc
same '"*": every device, served or not' "$(opened client far 10.2.0.9 fd00:2::9) $(out_by_vpn)" '1260 1240 1360 1340'
prey_ends

# Two paths of one route, which the host chooses between: each bears what the smaller bears.
for name in far branch; do ip -n "$id-$name" route add local 10.9.0.0/24 dev lo; done
ip -n "$id-prey" route add 10.9.0.0/24 nexthop via 10.3.0.5 dev vpn nexthop via 10.2.0.9 dev wan
rules both <<'END'
nat edge { mss clamp auto out on "vpn", "wan" }
firewall f forward default accept { }
END
mss_of() { tcpdump -n -r "paths-$1.pcap" 'tcp[13] & 18 = 2' 2>/dev/null | grep -oE 'mss [0-9]+' | sort -u; }
# Both ends of all that came by that path
ends_of() { tcpdump -n -r "paths-$1.pcap" 2>/dev/null | grep -oE '10\.1\.0\.7\.[0-9]+ > 10\.9\.0\.[0-9]+' | sort -u; }
# By addresses alone, and by ports, too: the host chooses for a SYN, which it gets from this process, as for what follows it, if traffic
# control takes what arrives.
for try in tc:0 tc:1 xdp:0; do
    policy=${try#*:}
    prey prey --hook "${try%:*}" -i wan -i lan --allow-unjudged vpn both.pbc
    at prey sysctl -q -w net.ipv4.fib_multipath_hash_policy=$policy
    for name in far branch; do sniff "paths-$name.pcap" $name eth0 tcp; done
    for n in $(seq 1 32); do at client curl -s -m 10 -o /dev/null "http://10.9.0.$n/" || echo failed; done
    sniffed
    prey_ends
    same "$try: of several paths the smallest counts" "$(mss_of far) $(mss_of branch)" 'mss 1260 mss 1260'
    same "$try: a connection keeps to one path" "$(ends_of far | wc -l) $( (ends_of far; ends_of branch) | sort | uniq -d)" "$((32 - $(ends_of branch | wc -l))) "
done
exit $failed
