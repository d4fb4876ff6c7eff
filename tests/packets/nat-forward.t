# nat, forward and source: written addresses, ports in order, what is the first statement.
self    203.0.113.1
route   default=wan, 10.0.0.0/8=lan, 2001:db8:1::/48=lan
speaks  203.0.113.1
rules
    interface wan = "eth0"
    const web = 10.0.0.80
    const web6 = 2001:db8:1::80
    const plain = 80
    nat dmz {
      forward 203.0.113.1 tcp/8080-8089 -> web:plain
      forward 203.0.113.1 tcp/8000-8999 -> 10.0.0.99
      forward 203.0.113.1 udp/53, sctp/9, icmp -> 10.0.0.53
      forward self tcp/2222 -> 10.0.0.22:22
      forward 2001:db8:ff::9 tcp/80 -> web6:8080
      forward 2001:db8:ff::9 icmp6 -> 2001:db8:1::80
      forward 203.0.113.77 udp/7 -> 10.0.0.7
      source from 10.0.0.0/24 out on wan to 198.51.100.77 ports 2000-2001
    }
    firewall f default drop { drop port 8085 as NOT; accept to 203.0.113.1, 203.0.113.77, 2001:db8:ff::9 as IN; accept from 10.0.0.0/24 as OUT }
# To the target and its port; the source is kept; the reply comes from where it was asked, without being judged.
in      eth 02:00:00:00:00:66 > 02:00:00:00:00:02 / ip4 192.0.2.1 > 203.0.113.1 / tcp 40000 > 8083 syn seq 1
verdict forward IN - - -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:50 / ip4 192.0.2.1 > 10.0.0.80 ttl 63 / tcp 40000 > 83 syn seq 1
in      eth 02:00:00:00:00:55 > 02:00:00:00:00:02 / ip4 10.0.0.80 > 192.0.2.1 / tcp 83 > 40000 syn ack seq 9 ack 2
verdict forward - - - -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:66 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / tcp 8083 > 40000 syn ack seq 9 ack 2
# the first statement that fits; without a port it is kept
in      eth / ip4 192.0.2.1 > 203.0.113.1 / tcp 40000 > 8500 syn
verdict forward IN - - -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:63 / ip4 192.0.2.1 > 10.0.0.99 ttl 63 / tcp 40000 > 8500 syn
in      eth / ip4 192.0.2.1 > 203.0.113.1 / tcp 40000 > 2222 syn
verdict forward IN - - -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:16 / ip4 192.0.2.1 > 10.0.0.22 ttl 63 / tcp 40000 > 22 syn
in      eth / ip4 192.0.2.1 > 203.0.113.1 / udp 40000 > 53
verdict forward IN - - -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:35 / ip4 192.0.2.1 > 10.0.0.53 ttl 63 / udp 40000 > 53
in      eth / ip4 192.0.2.1 > 203.0.113.1 / sctp 40000 > 9 tag 3
verdict forward IN - - -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:35 / ip4 192.0.2.1 > 10.0.0.53 ttl 63 / sctp 40000 > 9 tag 3
in      eth / ip4 192.0.2.1 > 203.0.113.1 / icmp type echo-request id 5 seq 1
verdict forward IN - - -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:35 / ip4 192.0.2.1 > 10.0.0.53 ttl 63 / icmp type echo-request id 5 seq 1
in      eth / ip4 10.0.0.53 > 192.0.2.1 / icmp type echo-reply id 5 seq 1
verdict forward - - - -
out     eth back / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / icmp type echo-reply id 5 seq 1
# an address that the machine does not have itself, and IPv6
in      eth / ip4 192.0.2.1 > 203.0.113.77 / udp 40000 > 7
verdict forward IN - - -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:07 / ip4 192.0.2.1 > 10.0.0.7 ttl 63 / udp 40000 > 7
in      eth / ip6 2001:db8:7::7 > 2001:db8:ff::9 / tcp 40000 > 80 syn
verdict forward IN - - -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:80 / ip6 2001:db8:7::7 > 2001:db8:1::80 hop 63 / tcp 40000 > 8080 syn
# What the rules drop, other ports, other addresses, ICMP that is no echo, an RST of no flow
in      eth / ip4 192.0.2.1 > 203.0.113.1 / tcp 40000 > 8085 syn
verdict drop NOT - - -
in      eth / ip4 192.0.2.1 > 203.0.113.1 / tcp 40000 > 9000 syn
verdict accept IN - - -
in      eth / ip4 192.0.2.1 > 203.0.113.77 / tcp 40000 > 8080 syn
verdict accept IN - - -
in      eth / ip4 192.0.2.1 > 203.0.113.1 / icmp type timestamp-request id 5 / zeros 12
verdict accept IN - - -
in      eth / ip4 192.0.2.1 > 203.0.113.1 / tcp 40001 > 8080 rst
verdict drop IN - - no-flow
in      eth / ip4 192.0.2.1 > 203.0.113.1 ttl 1 / tcp 40002 > 8080 syn
verdict drop IN - - ttl-exceeded
out     eth back / ip4 203.0.113.1 > 192.0.2.1 df tos 192 / icmp type time-exceeded / ip4 192.0.2.1 > 203.0.113.1 ttl 1 / tcp 40002 > 8080 syn
# From inside, to elsewhere: the written address, its ports, then none.
in      eth / ip4 10.0.0.1 > 192.0.2.1 / udp 2001 > 1
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 198.51.100.77 > 192.0.2.1 ttl 63 / udp 2001 > 1
in      eth / ip4 10.0.0.2 > 192.0.2.1 / udp 2001 > 1
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 198.51.100.77 > 192.0.2.1 ttl 63 / udp 2000 > 1
in      eth / ip4 10.0.0.3 > 192.0.2.1 / udp 2001 > 1
verdict drop OUT - - no-source-port
# other protocols have ports of their own
in      eth / ip4 10.0.0.3 > 192.0.2.1 / tcp 2001 > 1 syn
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 198.51.100.77 > 192.0.2.1 ttl 63 / tcp 2001 > 1 syn
# identifiers of queries are not bound to the range
in      eth / ip4 10.0.0.3 > 192.0.2.1 / icmp type echo-request id 2000
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 198.51.100.77 > 192.0.2.1 ttl 63 / icmp type echo-request id 2000
# A forward, and the target's own flow to the same end from the same port: the second would look like the first.
in      eth / ip4 10.0.0.80 > 192.0.2.9 / tcp 80 > 40000 syn
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:09 / ip4 198.51.100.77 > 192.0.2.9 ttl 63 / tcp 2000 > 40000 syn
in      eth / ip4 192.0.2.9 > 203.0.113.1 / tcp 40000 > 8080 syn
verdict drop IN - - no-source-port
# A service comes before translation.
rules
    pool p { server a 10.0.0.11:80 }
    service www on 203.0.113.1 tcp/80 { mode passthrough keep source; -> p }
    nat dmz { forward 203.0.113.1 tcp/80-90 -> 10.0.0.99 }
in      eth / ip4 192.0.2.1 > 203.0.113.1 / tcp 40000 > 80 syn
verdict forward - www p/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 192.0.2.1 > 10.0.0.11 ttl 63 / tcp 40000 > 80 syn
in      eth / ip4 192.0.2.1 > 203.0.113.1 / tcp 40000 > 81 syn
verdict forward - - - -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:63 / ip4 192.0.2.1 > 10.0.0.99 ttl 63 / tcp 40000 > 81 syn
