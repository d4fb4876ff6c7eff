# nat, map: a prefix outside stands for one of equal length inside, both ways; ports, identifiers and all else stay.
self    203.0.113.1, 203.0.113.20, 2001:db8:ff::1
route   default=wan, 10.0.0.0/8=lan, 172.16.0.0/12=dmz, 2001:db8:1::/48=lan
speaks  203.0.113.1, 2001:db8:ff::1
rules
    interface wan = "eth0"
    set inside = 10.0.0.0/16
    nat one {
      map 203.0.113.16/28 <-> 10.0.0.16/28 on wan
      map 198.51.100.7 <-> 10.0.9.9
      map 198.51.100.8 <-> 172.16.0.8
      map 2001:db8:f:10::/60 <-> 2001:db8:1:20::/60 on wan
      masquerade from inside out on wan ports 1024-65535
    }
    firewall f default drop { accept from inside as OUT; accept ip6 from 2001:db8:1::/48 as OUT6; accept to 203.0.113.16/28, 198.51.100.7, 2001:db8:f:10::/60 as IN; accept from 172.16.0.8 as DMZ }
# From inside: UDP, SCTP, a protocol without ports; the answers come back
in      eth 02:00:00:00:00:55 > 02:00:00:00:00:02 / ip4 10.0.0.21 > 192.0.2.1 / udp 7 > 53 / payload "question"
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.21 > 192.0.2.1 ttl 63 / udp 7 > 53 / payload "question"
in      eth / ip4 192.0.2.1 > 203.0.113.21 / udp 53 > 7 / payload "answer"
verdict forward - - - -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:55 / ip4 192.0.2.1 > 10.0.0.21 ttl 63 / udp 53 > 7 / payload "answer"
in      eth / ip4 10.0.0.21 > 192.0.2.1 / sctp 7 > 9 tag 3
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.21 > 192.0.2.1 ttl 63 / sctp 7 > 9 tag 3
in      eth / ip4 10.0.0.21 > 192.0.2.1 proto 47 / payload "gre"
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.21 > 192.0.2.1 ttl 63 proto 47 / payload "gre"
in      eth / ip4 192.0.2.1 > 203.0.113.21 proto 47 / payload "erg"
verdict forward - - - -
out     eth back / ip4 192.0.2.1 > 10.0.0.21 ttl 63 proto 47 / payload "erg"
in      eth / ip4 10.0.0.21 > 192.0.2.1 / icmp type echo-request id 77 seq 1
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.21 > 192.0.2.1 ttl 63 / icmp type echo-request id 77 seq 1
# Two inside hosts with one port: each has its own address, and no port is taken.
in      eth / ip4 10.0.0.22 > 192.0.2.1 / udp 7 > 53
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.22 > 192.0.2.1 ttl 63 / udp 7 > 53
# Both ends of the prefix; next to it the statement behind it
in      eth / ip4 10.0.0.16 > 192.0.2.1 / udp 7 > 53
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.16 > 192.0.2.1 ttl 63 / udp 7 > 53
in      eth / ip4 10.0.0.31 > 192.0.2.1 / udp 7 > 53
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.31 > 192.0.2.1 ttl 63 / udp 7 > 53
in      eth / ip4 10.0.0.32 > 192.0.2.1 / udp 2000 > 53
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / udp 2000 > 53
# From outside, unasked: the rules decide, on the address as it arrives
in      eth 02:00:00:00:00:66 > 02:00:00:00:00:02 / ip4 192.0.2.9 > 203.0.113.30 / tcp 5000 > 80 syn seq 1
verdict forward IN - - -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:1e / ip4 192.0.2.9 > 10.0.0.30 ttl 63 / tcp 5000 > 80 syn seq 1
in      eth / ip4 10.0.0.30 > 192.0.2.9 / tcp 80 > 5000 syn ack seq 9 ack 2
verdict forward - - - -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:66 / ip4 203.0.113.30 > 192.0.2.9 ttl 63 / tcp 80 > 5000 syn ack seq 9 ack 2
in      eth / ip4 192.0.2.9 > 203.0.113.15 / tcp 5000 > 80 syn seq 1
verdict drop default - - -
# An address of this machine stays its own, and no inside host gets it.
in      eth / ip4 192.0.2.9 > 203.0.113.20 / tcp 5000 > 22 syn seq 1
verdict accept IN - - -
in      eth / ip4 10.0.0.20 > 192.0.2.1 / udp 7 > 53
verdict drop OUT - - no-source-port
# Hairpin: each sees the other's outside address; answers find back.
in      eth 02:00:00:00:00:57 > 02:00:00:00:00:02 / ip4 10.0.0.23 > 203.0.113.24 / udp 7 > 9 / payload "hi"
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:18 / ip4 203.0.113.23 > 10.0.0.24 ttl 63 / udp 7 > 9 / payload "hi"
in      eth / ip4 10.0.0.24 > 203.0.113.23 / udp 9 > 7 / payload "ho"
verdict forward - - - -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:57 / ip4 203.0.113.24 > 10.0.0.23 ttl 63 / udp 9 > 7 / payload "ho"
# From one that is masqueraded to a mapped one
in      eth / ip4 10.0.3.3 > 203.0.113.24 / udp 3000 > 9
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:18 / ip4 203.0.113.1 > 10.0.0.24 ttl 63 / udp 3000 > 9
# An address alone, out by whatever way
in      eth / ip4 10.0.9.9 > 192.0.2.1 / udp 7 > 53
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 198.51.100.7 > 192.0.2.1 ttl 63 / udp 7 > 53
in      eth / ip4 192.0.2.9 > 198.51.100.7 / udp 4 > 5
verdict forward IN - - -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:09:09 / ip4 192.0.2.9 > 10.0.9.9 ttl 63 / udp 4 > 5
# Between two networks inside: a map without a way out translates what leaves from its inside, there too.
in      eth / ip4 10.0.3.3 > 172.16.0.8 / udp 3001 > 9
verdict accept OUT - - -
in      eth / ip4 172.16.0.8 > 10.0.3.4 / udp 3001 > 9
verdict forward DMZ - - -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:03:04 / ip4 198.51.100.8 > 10.0.3.4 ttl 63 / udp 3001 > 9
# Errors: to the inside from a router on the way; from inside, in the outside address's name
in      eth / ip4 192.0.2.254 > 203.0.113.21 / icmp type time-exceeded / ip4 203.0.113.21 > 192.0.2.1 ttl 1 / udp 7 > 53 / payload "question"
verdict forward - - - -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:55 / ip4 192.0.2.254 > 10.0.0.21 ttl 63 / icmp type time-exceeded / ip4 10.0.0.21 > 192.0.2.1 ttl 1 / udp 7 > 53 / payload "question"
in      eth / ip4 10.0.9.9 > 192.0.2.9 / icmp type destination-unreachable code 3 / ip4 192.0.2.9 > 10.0.9.9 / udp 4 > 5
verdict forward - - - -
out     any
# What is of no connection shows nothing of the inside.
in      eth / ip4 10.0.0.25 > 192.0.2.1 / tcp 5000 > 80 rst seq 7
verdict drop OUT - - no-flow
# IPv6, /60: the fields behind it stay
in      eth / ip6 2001:db8:1:25::77 > 2001:db8:2::1 / udp 7 > 53
verdict forward OUT6 - - -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:01 / ip6 2001:db8:f:15::77 > 2001:db8:2::1 hop 63 / udp 7 > 53
in      eth / ip6 2001:db8:2::9 > 2001:db8:f:1f:ffff::1 / udp 4 > 5
verdict forward IN - - -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:01 / ip6 2001:db8:2::9 > 2001:db8:1:2f:ffff::1 hop 63 / udp 4 > 5
# The way out decides, also of what came in there.
on      eth0
in      eth / ip4 10.0.0.26 > 192.0.2.1 / udp 7 > 53
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.26 > 192.0.2.1 ttl 63 / udp 7 > 53
# A packet that is too long for the way inside: the interface of the way tells, not the first one.
rules
    interface wan = "eth0"
    interface hub = "wg0"
    nat one { map 198.51.100.7 <-> 10.0.9.9 on wan }
    firewall f default accept { accept on hub }
route   default=eth0, 10.0.9.0/24=wg0
mtu     eth0=1500
mtu     wg0=40
in      eth / ip4 192.0.2.9 > 198.51.100.7 df / udp 4 > 5 / payload "0123456789abcdef"
verdict drop default - - too-big
out     eth back / ip4 203.0.113.1 > 192.0.2.9 df tos 192 / icmp type destination-unreachable code 4 seq 40 / ip4 192.0.2.9 > 198.51.100.7 df / udp 4 > 5 / payload "0123456789abcdef"
mtu     eth0=40
mtu     wg0=1500
in      eth / ip4 192.0.2.9 > 198.51.100.7 df / udp 4 > 5 / payload "0123456789abcdef"
verdict forward default - - -
out     any
