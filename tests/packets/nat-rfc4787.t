# nat, the requirements of RFC 4787 (UDP), RFC 5382 (TCP) and RFC 5508 (ICMP), one after the other. The range has two
# ports, so that nothing depends on which one is drawn.
self    203.0.113.1
route   default=wan, 10.0.0.0/8=lan, 2001:db8:1::/48=lan
speaks  203.0.113.1
rules
    interface wan = "eth0"
    nat home { masquerade from 10.0.0.0/24 out on wan ports 2000-2001 }
    firewall f default drop { drop from 192.0.2.66 as EVIL; accept as ALL }
# RFC 4787 REQ-1, RFC 5382 REQ-1: one mapping of an inside end for all remote ends
in      eth / ip4 10.0.0.5 > 192.0.2.1 / udp 2001 > 53
verdict forward ALL - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / udp 2001 > 53
in      eth / ip4 10.0.0.5 > 192.0.2.1 / udp 2001 > 99
verdict forward ALL - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / udp 2001 > 99
in      eth / ip4 10.0.0.5 > 192.0.2.2 / udp 2001 > 53
verdict forward ALL - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:02 / ip4 203.0.113.1 > 192.0.2.2 ttl 63 / udp 2001 > 53
in      eth / ip4 10.0.0.5 > 192.0.2.2 / udp 2001 > 99
verdict forward ALL - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:02 / ip4 203.0.113.1 > 192.0.2.2 ttl 63 / udp 2001 > 99
in      eth / ip4 10.0.0.5 > 198.51.100.3 / udp 2001 > 53
verdict forward ALL - - -
out     eth 02:00:00:00:00:02 > 02:00:c6:33:64:03 / ip4 203.0.113.1 > 198.51.100.3 ttl 63 / udp 2001 > 53
in      eth / ip4 10.0.0.5 > 198.51.100.3 / udp 2001 > 99
verdict forward ALL - - -
out     eth 02:00:00:00:00:02 > 02:00:c6:33:64:03 / ip4 203.0.113.1 > 198.51.100.3 ttl 63 / udp 2001 > 99
in      eth / ip4 10.0.0.5 > 192.0.2.1 / tcp 2001 > 53 syn
verdict forward ALL - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / tcp 2001 > 53 syn
in      eth / ip4 10.0.0.5 > 192.0.2.1 / tcp 2001 > 99 syn
verdict forward ALL - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / tcp 2001 > 99 syn
in      eth / ip4 10.0.0.5 > 192.0.2.2 / tcp 2001 > 53 syn
verdict forward ALL - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:02 / ip4 203.0.113.1 > 192.0.2.2 ttl 63 / tcp 2001 > 53 syn
in      eth / ip4 10.0.0.5 > 192.0.2.2 / tcp 2001 > 99 syn
verdict forward ALL - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:02 / ip4 203.0.113.1 > 192.0.2.2 ttl 63 / tcp 2001 > 99 syn
in      eth / ip4 10.0.0.5 > 198.51.100.3 / tcp 2001 > 53 syn
verdict forward ALL - - -
out     eth 02:00:00:00:00:02 > 02:00:c6:33:64:03 / ip4 203.0.113.1 > 198.51.100.3 ttl 63 / tcp 2001 > 53 syn
in      eth / ip4 10.0.0.5 > 198.51.100.3 / tcp 2001 > 99 syn
verdict forward ALL - - -
out     eth 02:00:00:00:00:02 > 02:00:c6:33:64:03 / ip4 203.0.113.1 > 198.51.100.3 ttl 63 / tcp 2001 > 99 syn
# RFC 5508 REQ-1: likewise of an identifier
in      eth / ip4 10.0.0.5 > 192.0.2.1 / icmp type echo-request id 2001
verdict forward ALL - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / icmp type echo-request id 2001
in      eth / ip4 10.0.0.5 > 192.0.2.2 / icmp type echo-request id 2001
verdict forward ALL - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:02 / ip4 203.0.113.1 > 192.0.2.2 ttl 63 / icmp type echo-request id 2001
# REQ-2: all ends of an inside address have one outside address. REQ-3, RFC 5382 REQ-7: no port is given out twice
in      eth / ip4 10.0.0.6 > 192.0.2.1 / udp 2001 > 53
verdict forward ALL - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / udp 2000 > 53
in      eth / ip4 192.0.2.1 > 203.0.113.1 / udp 53 > 2000
verdict forward - - - -
out     any
in      eth / ip4 10.0.0.6 > 192.0.2.1 / udp 2001 > 53
verdict forward ALL - - -
out     any
in      eth / ip4 10.0.0.7 > 192.0.2.1 / udp 2001 > 53
verdict drop ALL - - no-source-port
in      eth / ip4 10.0.0.7 > 198.51.100.3 / udp 2000 > 7
verdict drop ALL - - no-source-port
# REQ-8: from whom a mapped end takes packets is the firewall's to say; here from all but one
in      eth / ip4 192.0.2.77 > 203.0.113.1 / udp 9 > 2001
verdict forward ALL - - -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:05 / ip4 192.0.2.77 > 10.0.0.5 ttl 63 / udp 9 > 2001
in      eth / ip4 192.0.2.66 > 203.0.113.1 / udp 9 > 2001
verdict drop EVIL - - -
# REQ-9: hairpin, with the outside address and port as the source
in      eth / ip4 10.0.0.6 > 203.0.113.1 / udp 2001 > 2001
verdict forward ALL - - -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:05 / ip4 203.0.113.1 > 10.0.0.5 ttl 63 / udp 2000 > 2001
in      eth / ip4 10.0.0.5 > 203.0.113.1 / udp 2001 > 2000
verdict forward - - - -
out     eth back / ip4 203.0.113.1 > 10.0.0.6 ttl 63 / udp 2001 > 2001
# REQ-10: no application's payload is looked at
in      eth / ip4 10.0.0.5 > 192.0.2.1 / udp 2001 > 5060 / payload "INVITE Contact: 10.0.0.5:2001"
verdict forward ALL - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / udp 2001 > 5060 / payload "INVITE Contact: 10.0.0.5:2001"
# REQ-12, RFC 5382 REQ-10: an ICMP error ends nothing
in      eth / ip4 192.0.2.1 > 203.0.113.1 / icmp type destination-unreachable code 3 / ip4 203.0.113.1 > 192.0.2.1 / udp 2001 > 53
verdict forward - - - -
out     eth back / ip4 192.0.2.1 > 10.0.0.5 ttl 63 / icmp type destination-unreachable code 3 / ip4 10.0.0.5 > 192.0.2.1 / udp 2001 > 53
in      eth / ip4 192.0.2.1 > 203.0.113.1 / udp 53 > 2001
verdict forward - - - -
out     eth back / ip4 192.0.2.1 > 10.0.0.5 ttl 63 / udp 53 > 2001
# REQ-13: what does not fit and may not be cut is answered with the size that does; REQ-14: fragments are sent on
mtu     576
in      eth / ip4 10.0.0.5 > 192.0.2.1 df / udp 2001 > 53 csum 0 / zeros 600
verdict drop ALL - - too-big
out     eth back / ip4 203.0.113.1 > 10.0.0.5 df tos 192 / icmp type destination-unreachable code 4 mtu 576 / ip4 10.0.0.5 > 192.0.2.1 df len 628 / udp 2001 > 53 csum 0 len 608 / zeros 520
mtu     0
in      eth / ip4 10.0.0.5 > 192.0.2.1 id 3 more / udp 2001 > 53 len 24 / zeros 8
verdict forward ALL - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 id 3 more / udp 2001 > 53 len 24 / zeros 8
in      eth / ip4 10.0.0.5 > 192.0.2.1 id 3 frag 16 proto udp / zeros 8
verdict forward ALL - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 id 3 frag 16 proto udp / zeros 8
# RFC 5382 REQ-2: both sides open at once
in      eth / ip4 10.0.0.5 > 192.0.2.1 / tcp 2001 > 7 syn seq 100
verdict forward ALL - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / tcp 2001 > 7 syn seq 100
in      eth / ip4 192.0.2.1 > 203.0.113.1 / tcp 7 > 2001 syn seq 900
verdict forward - - - -
out     eth back / ip4 192.0.2.1 > 10.0.0.5 ttl 63 / tcp 7 > 2001 syn seq 900
in      eth / ip4 10.0.0.5 > 192.0.2.1 / tcp 2001 > 7 syn ack seq 100 ack 901
verdict forward ALL - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / tcp 2001 > 7 syn ack seq 100 ack 901
in      eth / ip4 192.0.2.1 > 203.0.113.1 / tcp 7 > 2001 syn ack seq 900 ack 101
verdict forward - - - -
out     eth back / ip4 192.0.2.1 > 10.0.0.5 ttl 63 / tcp 7 > 2001 syn ack seq 900 ack 101
# REQ-5: two minutes are nothing; REQ-6: what goes out refreshes, and so does what comes in. RFC 5508 REQ-2: queries have a minute
after   59
in      eth / ip4 192.0.2.1 > 203.0.113.1 / icmp type echo-reply id 2001
verdict forward - - - -
out     eth back / ip4 192.0.2.1 > 10.0.0.5 ttl 63 / icmp type echo-reply id 2001
after   61
in      eth / ip4 192.0.2.1 > 203.0.113.1 / icmp type echo-reply id 2001
verdict accept ALL - - -
after   110
in      eth / ip4 10.0.0.6 > 192.0.2.1 / udp 2001 > 53
verdict forward ALL - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / udp 2000 > 53
after   230
in      eth / ip4 192.0.2.1 > 203.0.113.1 / udp 53 > 2000
verdict forward - - - -
out     eth back / ip4 192.0.2.1 > 10.0.0.6 ttl 63 / udp 53 > 2001
after   230
in      eth / ip4 192.0.2.1 > 203.0.113.1 / udp 53 > 2000
verdict forward - - - -
out     eth back / ip4 192.0.2.1 > 10.0.0.6 ttl 63 / udp 53 > 2001
# ... and then it is over: the table is looked through in parts
after   241
after   1
after   1
after   1
after   1
after   1
after   1
after   1
after   1
after   1
after   1
after   1
in      eth / ip4 192.0.2.1 > 203.0.113.1 / udp 53 > 2000
verdict accept ALL - - -
