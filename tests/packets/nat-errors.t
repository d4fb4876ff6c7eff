# nat, ICMP errors in both directions: outer and quoted headers as their receiver knows them (RFC 5508, 4; RFC 4787,
# REQ-12), never judged; what lies inside does not show.
self    203.0.113.1, 2001:db8:ff::1
route   default=wan, 10.0.0.0/8=lan, 2001:db8:1::/48=lan
speaks  203.0.113.1, 2001:db8:ff::1
rules
    interface wan = "eth0"
    set inside = 10.0.0.0/24, 2001:db8:1::/48
    nat home {
      masquerade from inside out on wan ports 9-9
      forward 203.0.113.1 tcp/8080-8089 -> 10.0.0.80:80
      forward 203.0.113.1 udp/700 -> 10.0.0.7:7
    }
    firewall f default drop { accept tcp, udp from inside as OUT; accept icmp type echo-request from inside as PING; accept to 203.0.113.1 port 8080-8089, 700, 9 as IN }
in      eth 02:00:00:00:00:55 > 02:00:00:00:00:02 / ip4 10.0.0.5 > 192.0.2.1 / udp 5000 > 53 / payload "question"
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / udp 9 > 53 / payload "question"
# From a router on the way, and from the other end; with all of the packet, with eight bytes of it, behind options
in      eth / ip4 198.51.100.9 > 203.0.113.1 / icmp type time-exceeded / ip4 203.0.113.1 > 192.0.2.1 ttl 1 / udp 9 > 53 / payload "question"
verdict forward - - - -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:55 / ip4 198.51.100.9 > 10.0.0.5 ttl 63 / icmp type time-exceeded / ip4 10.0.0.5 > 192.0.2.1 ttl 1 / udp 5000 > 53 / payload "question"
in      eth / ip4 192.0.2.1 > 203.0.113.1 / icmp type destination-unreachable code 3 / ip4 203.0.113.1 > 192.0.2.1 len 36 / udp 9 > 53 len 16 csum 0x1234
verdict forward - - - -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:55 / ip4 192.0.2.1 > 10.0.0.5 ttl 63 / icmp type destination-unreachable code 3 / ip4 10.0.0.5 > 192.0.2.1 len 36 / udp 5000 > 53 len 16 csum 0x30b2
in      eth / ip4 192.0.2.1 > 203.0.113.1 opt x"01010101" / icmp type destination-unreachable code 3 / ip4 203.0.113.1 > 192.0.2.1 opt x"94040000" / udp 9 > 53
verdict forward - - - -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:55 / ip4 192.0.2.1 > 10.0.0.5 ttl 63 opt x"01010101" / icmp type destination-unreachable code 3 / ip4 10.0.0.5 > 192.0.2.1 opt x"94040000" / udp 5000 > 53
# The mapping is as it was (REQ-12).
in      eth / ip4 192.0.2.1 > 203.0.113.1 / udp 53 > 9
verdict forward - - - -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:55 / ip4 192.0.2.1 > 10.0.0.5 ttl 63 / udp 53 > 5000
# From inside about a reply: from the host, and from a router before it, whose address stays inside
in      eth / ip4 10.0.0.5 > 192.0.2.1 / icmp type destination-unreachable code 3 / ip4 192.0.2.1 > 10.0.0.5 ttl 63 / udp 53 > 5000
verdict forward - - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / icmp type destination-unreachable code 3 / ip4 192.0.2.1 > 203.0.113.1 ttl 63 / udp 53 > 9
in      eth / ip4 10.0.0.254 > 192.0.2.1 / icmp type time-exceeded / ip4 192.0.2.1 > 10.0.0.5 ttl 1 / udp 53 > 5000
verdict forward - - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / icmp type time-exceeded / ip4 192.0.2.1 > 203.0.113.1 ttl 1 / udp 53 > 9
# TCP: only with a number in flight; the others are judged, and those from inside that the rules accept lead nowhere
in      eth / ip4 10.0.0.5 > 192.0.2.1 / tcp 5000 > 80 syn seq 100
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / tcp 9 > 80 syn seq 100
in      eth / ip4 198.51.100.9 > 203.0.113.1 / icmp type destination-unreachable code 4 mtu 1400 / ip4 203.0.113.1 > 192.0.2.1 df / tcp 9 > 80 syn seq 100
verdict forward - - - -
out     eth back / ip4 198.51.100.9 > 10.0.0.5 ttl 63 / icmp type destination-unreachable code 4 mtu 1400 / ip4 10.0.0.5 > 192.0.2.1 df / tcp 5000 > 80 syn seq 100
in      eth / ip4 198.51.100.9 > 203.0.113.1 / icmp type destination-unreachable code 4 mtu 1400 / ip4 203.0.113.1 > 192.0.2.1 df / tcp 9 > 80 seq 70000000
verdict drop default - - -
# Queries: the identifier in the quote
in      eth / ip4 10.0.0.5 > 192.0.2.1 / icmp type echo-request id 9 seq 1
verdict forward PING - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / icmp type echo-request id 9 seq 1
in      eth / ip4 198.51.100.9 > 203.0.113.1 / icmp type time-exceeded / ip4 203.0.113.1 > 192.0.2.1 ttl 1 / icmp type echo-request id 9 seq 1
verdict forward - - - -
out     eth back / ip4 198.51.100.9 > 10.0.0.5 ttl 63 / icmp type time-exceeded / ip4 10.0.0.5 > 192.0.2.1 ttl 1 / icmp type echo-request id 9 seq 1
# Of a forward: from the target, from a router before it, and from outside about what the target sent
in      eth 02:00:00:00:00:66 > 02:00:00:00:00:02 / ip4 192.0.2.1 > 203.0.113.1 / tcp 40000 > 8083 syn seq 500
verdict forward IN - - -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:50 / ip4 192.0.2.1 > 10.0.0.80 ttl 63 / tcp 40000 > 83 syn seq 500
in      eth / ip4 10.0.0.80 > 192.0.2.1 / icmp type destination-unreachable code 3 / ip4 192.0.2.1 > 10.0.0.80 ttl 63 / tcp 40000 > 83 syn seq 500
verdict forward - - - -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:66 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / icmp type destination-unreachable code 3 / ip4 192.0.2.1 > 203.0.113.1 ttl 63 / tcp 40000 > 8083 syn seq 500
in      eth / ip4 10.0.0.254 > 192.0.2.1 / icmp type destination-unreachable code 1 / ip4 192.0.2.1 > 10.0.0.80 ttl 63 / tcp 40000 > 83 syn seq 500
verdict forward - - - -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:66 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / icmp type destination-unreachable code 1 / ip4 192.0.2.1 > 203.0.113.1 ttl 63 / tcp 40000 > 8083 syn seq 500
in      eth / ip4 10.0.0.80 > 192.0.2.1 / tcp 83 > 40000 syn ack seq 900 ack 501
verdict forward - - - -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:66 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / tcp 8083 > 40000 syn ack seq 900 ack 501
in      eth / ip4 198.51.100.9 > 203.0.113.1 / icmp type time-exceeded / ip4 203.0.113.1 > 192.0.2.1 ttl 1 / tcp 8083 > 40000 syn ack seq 900 ack 501
verdict forward - - - -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:50 / ip4 198.51.100.9 > 10.0.0.80 ttl 63 / icmp type time-exceeded / ip4 10.0.0.80 > 192.0.2.1 ttl 1 / tcp 83 > 40000 syn ack seq 900 ack 501
# Hairpin: neither side sees the other's inside address
in      eth / ip4 10.0.0.5 > 203.0.113.1 / udp 5000 > 700
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:07 / ip4 203.0.113.1 > 10.0.0.7 ttl 63 / udp 9 > 7
in      eth / ip4 10.0.0.7 > 203.0.113.1 / icmp type destination-unreachable code 3 / ip4 203.0.113.1 > 10.0.0.7 ttl 63 / udp 9 > 7
verdict forward - - - -
out     eth back / ip4 203.0.113.1 > 10.0.0.5 ttl 63 / icmp type destination-unreachable code 3 / ip4 10.0.0.5 > 203.0.113.1 ttl 63 / udp 5000 > 700
in      eth / ip4 10.0.0.7 > 203.0.113.1 / udp 7 > 9
verdict forward - - - -
out     eth back / ip4 203.0.113.1 > 10.0.0.5 ttl 63 / udp 700 > 5000
in      eth / ip4 10.0.0.5 > 203.0.113.1 / icmp type destination-unreachable code 3 / ip4 203.0.113.1 > 10.0.0.5 ttl 63 / udp 700 > 5000
verdict forward - - - -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:07 / ip4 203.0.113.1 > 10.0.0.7 ttl 63 / icmp type destination-unreachable code 3 / ip4 10.0.0.7 > 203.0.113.1 ttl 63 / udp 7 > 9
# IPv6
in      eth / ip6 2001:db8:1::5 > 2001:db8:2::9 / udp 5000 > 53 / payload "question"
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:09 / ip6 2001:db8:ff::1 > 2001:db8:2::9 hop 63 / udp 9 > 53 / payload "question"
in      eth / ip6 2001:db8:3::3 > 2001:db8:ff::1 / icmp6 type packet-too-big mtu 1280 / ip6 2001:db8:ff::1 > 2001:db8:2::9 / udp 9 > 53 / payload "question"
verdict forward - - - -
out     eth back / ip6 2001:db8:3::3 > 2001:db8:1::5 hop 63 / icmp6 type packet-too-big mtu 1280 / ip6 2001:db8:1::5 > 2001:db8:2::9 / udp 5000 > 53 / payload "question"
# No hop left for an error: it ends here, and nobody answers one.
in      eth / ip4 198.51.100.9 > 203.0.113.1 ttl 1 / icmp type time-exceeded / ip4 203.0.113.1 > 192.0.2.1 ttl 1 / udp 9 > 53
verdict drop - - - ttl-exceeded
# Errors about nothing that is known: judged. Those that the rules let out of the house would show what is inside.
in      eth / ip4 198.51.100.9 > 203.0.113.1 / icmp type time-exceeded / ip4 203.0.113.1 > 192.0.2.1 ttl 1 / udp 10 > 53
verdict drop default - - -
rules
    interface wan = "eth0"
    nat home { masquerade from 10.0.0.0/24 out on wan ports 9-9 }
in      eth / ip4 10.0.0.5 > 192.0.2.1 / icmp type destination-unreachable code 3 / ip4 192.0.2.1 > 10.0.0.5 / udp 53 > 5000
verdict drop - - - no-flow
in      eth / ip4 198.51.100.9 > 203.0.113.1 / icmp type time-exceeded / ip4 203.0.113.1 > 192.0.2.1 ttl 1 / udp 10 > 53
verdict accept - - - -
in      eth / ip4 10.0.0.5 > 192.0.2.1 / tcp 5000 > 80 syn seq 100
verdict forward - - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / tcp 9 > 80 syn seq 100
in      eth / ip4 192.0.2.1 > 203.0.113.1 / tcp 80 > 9 syn ack seq 1000 ack 101
verdict forward - - - -
out     eth back / ip4 192.0.2.1 > 10.0.0.5 ttl 63 / tcp 80 > 5000 syn ack seq 1000 ack 101
in      eth / ip4 10.0.0.5 > 192.0.2.1 / icmp type destination-unreachable code 3 / ip4 192.0.2.1 > 10.0.0.5 / tcp 80 > 5000 ack seq 70000000
verdict drop - - - no-flow
# The quote shows what is inside, too: of whomever the error is, and whatever a statement asks of its protocol.
in      eth / ip4 198.51.100.9 > 192.0.2.1 / icmp type time-exceeded / ip4 192.0.2.1 > 10.0.0.5 ttl 1 / tcp 80 > 5000 ack seq 70000000
verdict drop - - - no-flow
in      eth / ip4 198.51.100.9 > 192.0.2.1 / icmp type time-exceeded / ip4 192.0.2.1 > 10.0.0.5 ttl 1 / udp 53 > 5001
verdict drop - - - no-flow
in      eth / ip4 198.51.100.9 > 192.0.2.1 / icmp type time-exceeded / ip4 192.0.2.1 > 10.0.0.5 ttl 1 / icmp type echo-reply id 7
verdict drop - - - no-flow
in      eth / ip4 198.51.100.9 > 192.0.2.1 / icmp type time-exceeded / ip4 192.0.2.1 > 10.0.9.5 ttl 1 / udp 53 > 5001
verdict accept - - - -
rules
    interface wan = "eth0"
    nat home { masquerade udp from 10.0.0.0/24 out on wan ports 9-9; map 203.0.114.0/24 <-> 10.1.0.0/24 on wan }
in      eth / ip4 10.0.0.5 > 192.0.2.1 / icmp type destination-unreachable code 3 / ip4 192.0.2.1 > 10.0.0.5 / udp 53 > 5001
verdict drop - - - no-flow
in      eth / ip4 10.0.0.5 > 192.0.2.1 / icmp type destination-unreachable code 3 / ip4 192.0.2.1 > 10.0.0.5 / tcp 80 > 5001 syn ack
verdict accept - - - -
in      eth / ip4 198.51.100.9 > 192.0.2.1 / icmp type time-exceeded / ip4 192.0.2.1 > 10.1.0.5 ttl 1 / tcp 80 > 5001 syn ack
verdict drop - - - no-flow

# An error about a flow that no statement took stays as it is, also where a statement takes all that leaves.
self    203.0.113.1
speaks  203.0.113.1
route   default=wan, 10.0.0.0/24=lan
rules
    interface wan = "eth0"
    interface lan = "eth1"
    nat home { masquerade from any out on lan }
    firewall f forward default drop { accept state established, related as GOES_ON; accept on lan as LAN }
on      lan
in      eth / ip4 10.0.0.5 > 198.51.100.9 / udp 40000 > 53
verdict accept LAN - - -
on      wan
in      eth / ip4 198.51.100.1 > 10.0.0.5 / icmp type 3 code 3 / ip4 10.0.0.5 > 198.51.100.9 / udp 40000 > 53
verdict accept GOES_ON - - -
