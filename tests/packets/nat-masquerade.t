# nat, masquerade: from inside to this machine's address and back, for every protocol and both families.
self    203.0.113.1, 2001:db8:ff::1
route   default=wan, 10.0.0.0/8=lan, 2001:db8:1::/48=lan
speaks  203.0.113.1, 2001:db8:ff::1
rules
    interface wan = "eth0"
    set inside = 10.0.0.0/24, 2001:db8:1::/48
    nat home { masquerade from inside out on wan ports 1024-65535 }
    firewall f default drop { accept from inside as OUT; accept udp port 9 as NINE }
# UDP: the port is kept, one hop is taken, the reply goes to the client's MAC and is not judged.
in      eth 02:00:00:00:00:55 > 02:00:00:00:00:02 / ip4 10.0.0.5 > 192.0.2.1 / udp 5000 > 53 / payload "question"
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / udp 5000 > 53 / payload "question"
in      eth / ip4 192.0.2.1 > 203.0.113.1 ttl 50 / udp 53 > 5000 / payload "answer"
verdict forward - - - -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:55 / ip4 192.0.2.1 > 10.0.0.5 ttl 49 / udp 53 > 5000 / payload "answer"
# a UDP checksum of 0 stays
in      eth / ip4 10.0.0.5 > 192.0.2.1 / udp 5000 > 53 csum 0
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / udp 5000 > 53 csum 0
# What we have sent, seen again, is nobody's reply.
in      eth / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / udp 5000 > 53
verdict accept - - - -
# The same port to another remote end: the same mapping. A wrong checksum stays wrong.
in      eth / ip4 10.0.0.5 > 192.0.2.99 / udp 5000 > 99
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:63 / ip4 203.0.113.1 > 192.0.2.99 ttl 63 / udp 5000 > 99
# TCP, whole life
in      eth / ip4 10.0.0.5 > 192.0.2.1 / tcp 5000 > 80 syn seq 100 opt x"020405b4"
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / tcp 5000 > 80 syn seq 100 opt x"020405b4"
in      eth / ip4 192.0.2.1 > 203.0.113.1 / tcp 80 > 5000 syn ack seq 900 ack 101
verdict forward - - - -
out     eth back / ip4 192.0.2.1 > 10.0.0.5 ttl 63 / tcp 80 > 5000 syn ack seq 900 ack 101
in      eth / ip4 10.0.0.5 > 192.0.2.1 / tcp 5000 > 80 ack seq 101 ack 901 / payload "GET"
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / tcp 5000 > 80 ack seq 101 ack 901 / payload "GET"
in      eth / ip4 192.0.2.1 > 203.0.113.1 / tcp 80 > 5000 fin ack seq 901 ack 104
verdict forward - - - -
out     eth back / ip4 192.0.2.1 > 10.0.0.5 ttl 63 / tcp 80 > 5000 fin ack seq 901 ack 104
in      eth / ip4 10.0.0.5 > 192.0.2.1 / tcp 5000 > 80 fin ack seq 104 ack 902
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / tcp 5000 > 80 fin ack seq 104 ack 902
in      eth / ip4 192.0.2.1 > 203.0.113.1 / tcp 80 > 5000 ack seq 902 ack 105
verdict forward - - - -
out     eth back / ip4 192.0.2.1 > 10.0.0.5 ttl 63 / tcp 80 > 5000 ack seq 902 ack 105
# ... and a new one in its place
in      eth / ip4 10.0.0.5 > 192.0.2.1 / tcp 5000 > 80 syn seq 5000
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / tcp 5000 > 80 syn seq 5000
# An answer that the flow does not take stays outside, and changes nothing: a segment or a reset out of the window, one elsewhere in it.
in      eth / ip4 192.0.2.1 > 203.0.113.1 / tcp 80 > 5000 syn ack seq 7000 ack 5001 win 1000
verdict forward - - - -
out     any
in      eth / ip4 10.0.0.5 > 192.0.2.1 / tcp 5000 > 80 ack seq 5001 ack 7001 win 1000
verdict forward OUT - - -
out     any
in      eth / ip4 192.0.2.1 > 203.0.113.1 / tcp 80 > 5000 rst seq 2000007001
verdict drop - - - invalid
in      eth / ip4 192.0.2.1 > 203.0.113.1 / tcp 80 > 5000 rst seq 7101
verdict drop - - - invalid
in      eth / ip4 192.0.2.1 > 203.0.113.1 / tcp 80 > 5000 ack seq 2000007001 ack 5001 / payload "forged"
verdict drop - - - invalid
in      eth / ip4 192.0.2.1 > 203.0.113.1 / tcp 80 > 5000 ack seq 7001 ack 5001 / payload "true"
verdict forward - - - -
out     any
in      eth / ip4 192.0.2.1 > 203.0.113.1 / tcp 80 > 5000 rst seq 7005
verdict forward - - - -
out     any
# In mid-stream, as after a restart: the flow is taken up. An RST of no flow leads nowhere.
in      eth / ip4 10.0.0.6 > 192.0.2.1 / tcp 6000 > 80 ack seq 7 ack 8
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / tcp 6000 > 80 ack seq 7 ack 8
in      eth / ip4 192.0.2.1 > 203.0.113.1 / tcp 80 > 6000 ack seq 8 ack 9
verdict forward - - - -
out     eth back / ip4 192.0.2.1 > 10.0.0.6 ttl 63 / tcp 80 > 6000 ack seq 8 ack 9
in      eth / ip4 10.0.0.6 > 192.0.2.1 / tcp 6001 > 80 rst seq 7
verdict drop OUT - - no-flow
# ICMP echo and timestamp: the identifier is the port
in      eth / ip4 10.0.0.5 > 192.0.2.1 / icmp type echo-request id 7777 seq 1 / payload "abcd"
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / icmp type echo-request id 7777 seq 1 / payload "abcd"
in      eth / ip4 192.0.2.1 > 203.0.113.1 / icmp type echo-reply id 7777 seq 1 / payload "abcd"
verdict forward - - - -
out     eth back / ip4 192.0.2.1 > 10.0.0.5 ttl 63 / icmp type echo-reply id 7777 seq 1 / payload "abcd"
in      eth / ip4 10.0.0.5 > 192.0.2.1 / icmp type timestamp-request id 7777 seq 1 / zeros 12
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / icmp type timestamp-request id 7777 seq 1 / zeros 12
in      eth / ip4 192.0.2.1 > 203.0.113.1 / icmp type timestamp-reply id 7777 seq 1 / zeros 12
verdict forward - - - -
out     eth back / ip4 192.0.2.1 > 10.0.0.5 ttl 63 / icmp type timestamp-reply id 7777 seq 1 / zeros 12
# A reply that nobody asked for is not sent on from inside, and is the host's from outside.
in      eth / ip4 10.0.0.5 > 192.0.2.1 / icmp type echo-reply id 9
verdict drop OUT - - no-flow
in      eth / ip4 192.0.2.9 > 203.0.113.1 / icmp type echo-reply id 7777
verdict drop default - - -
# SCTP and others: the address alone
in      eth / ip4 10.0.0.5 > 192.0.2.1 / sctp 5000 > 80 tag 0 / payload x"010000140000000b0000ffff0001000100000001"
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / sctp 5000 > 80 tag 0 / payload x"010000140000000b0000ffff0001000100000001"
in      eth / ip4 192.0.2.1 > 203.0.113.1 / sctp 80 > 5000 tag 12 / payload x"02000014000000160000ffff0001000100000001"
verdict drop - - - invalid
in      eth / ip4 192.0.2.1 > 203.0.113.1 / sctp 80 > 5000 tag 11 / payload x"02000014000000160000ffff0001000100000001"
verdict forward - - - -
out     eth back / ip4 192.0.2.1 > 10.0.0.5 ttl 63 / sctp 80 > 5000 tag 11 / payload x"02000014000000160000ffff0001000100000001"
in      eth / ip4 10.0.0.5 > 192.0.2.1 / sctp 5000 > 80 tag 22 / payload x"0a00000861626364"
verdict forward OUT - - -
out     any
in      eth / ip4 192.0.2.1 > 203.0.113.1 / sctp 80 > 5000 tag 12 / payload x"0003001400000001000000000000000061626364"
verdict drop - - - invalid
in      eth / ip4 192.0.2.1 > 203.0.113.1 / sctp 80 > 5000 tag 12 / payload x"06000004"
verdict drop - - - invalid
in      eth / ip4 192.0.2.1 > 203.0.113.1 / sctp 80 > 5000 tag 11 / payload x"0003001400000001000000000000000061626364"
verdict forward - - - -
out     any
in      eth / ip4 10.0.0.5 > 192.0.2.1 / gre
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / gre
in      eth / ip4 192.0.2.1 > 203.0.113.1 / gre
verdict forward - - - -
out     eth back / ip4 192.0.2.1 > 10.0.0.5 ttl 63 / gre
# ... so a second host that would look the same to that remote end is refused; to another it is not.
in      eth / ip4 10.0.0.6 > 192.0.2.1 / gre
verdict drop OUT - - no-source-port
in      eth / ip4 10.0.0.6 > 192.0.2.2 / gre
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:02 / ip4 203.0.113.1 > 192.0.2.2 ttl 63 / gre
in      eth / ip4 10.0.0.6 > 192.0.2.1 / sctp 5000 > 80 tag 5
verdict drop OUT - - no-source-port
in      eth / ip4 10.0.0.6 > 192.0.2.1 / sctp 5001 > 80 tag 5
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / sctp 5001 > 80 tag 5
# IPv6
in      eth / ip6 2001:db8:1::5 > 2001:db8:2::9 / udp 5000 > 53 / payload "q"
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:09 / ip6 2001:db8:ff::1 > 2001:db8:2::9 hop 63 / udp 5000 > 53 / payload "q"
in      eth / ip6 2001:db8:2::9 > 2001:db8:ff::1 / udp 53 > 5000 / payload "a"
verdict forward - - - -
out     eth back / ip6 2001:db8:2::9 > 2001:db8:1::5 hop 63 / udp 53 > 5000 / payload "a"
in      eth / ip6 2001:db8:1::5 > 2001:db8:2::9 / icmp6 type echo-request id 4004 seq 1
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:09 / ip6 2001:db8:ff::1 > 2001:db8:2::9 hop 63 / icmp6 type echo-request id 4004 seq 1
in      eth / ip6 2001:db8:2::9 > 2001:db8:ff::1 / icmp6 type echo-reply id 4004 seq 1
verdict forward - - - -
out     eth back / ip6 2001:db8:2::9 > 2001:db8:1::5 hop 63 / icmp6 type echo-reply id 4004 seq 1
in      eth / ip6 2001:db8:1::5 > 2001:db8:2::9 / dst / tcp 5000 > 80 syn
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:09 / ip6 2001:db8:ff::1 > 2001:db8:2::9 hop 63 / dst / tcp 5000 > 80 syn
# A VLAN is another interface, of which no route of this one speaks. A tag of priority alone is none.
in      eth / vlan 7 / ip4 10.0.0.5 > 192.0.2.1 / udp 7000 > 53
verdict drop OUT - - vlan-frame
in      eth / vlan 0 / vlan 7 / ip4 10.0.0.5 > 192.0.2.1 / udp 7000 > 53
verdict drop OUT - - vlan-frame
in      eth / vlan 0 pcp 3 / ip4 10.0.0.5 > 192.0.2.1 / udp 7000 > 53
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / vlan 0 pcp 3 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / udp 7000 > 53
in      eth / vlan 7 / ip4 192.0.2.1 > 203.0.113.1 / udp 53 > 7000
verdict drop default - - -
# What comes in a frame to a group of stations no router sends on (RFC 1812, 5.3.4): neither what begins a flow,
in      eth 02:00:00:00:00:55 > ff:ff:ff:ff:ff:ff / ip4 10.0.0.5 > 192.0.2.1 / udp 7100 > 53
verdict drop OUT - - group-frame
in      eth / ip4 192.0.2.1 > 203.0.113.1 / udp 53 > 7100
verdict drop default - - -
# nor what is of one, an answer, an error, a piece.
in      eth / ip4 10.0.0.5 > 192.0.2.1 / udp 7101 > 53
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / udp 7101 > 53
in      eth 02:00:00:00:00:55 > 01:00:5e:00:00:05 / ip4 10.0.0.5 > 192.0.2.1 / udp 7101 > 53
verdict drop OUT - - group-frame
in      eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / ip4 192.0.2.1 > 203.0.113.1 / udp 53 > 7101
verdict drop - - - group-frame
in      eth 02:00:00:00:00:01 > 01:00:5e:00:00:05 / ip4 192.0.2.9 > 203.0.113.1 / icmp type time-exceeded / ip4 203.0.113.1 > 192.0.2.1 ttl 1 / udp 7101 > 53
verdict drop - - - group-frame
in      eth / ip4 10.0.0.5 > 192.0.2.1 id 71 more / udp 7101 > 53 len 24 / zeros 8
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 id 71 more / udp 7101 > 53 len 24 / zeros 8
in      eth 02:00:00:00:00:55 > ff:ff:ff:ff:ff:ff / ip4 10.0.0.5 > 192.0.2.1 id 71 frag 16 proto udp / zeros 8
verdict drop OUT - - group-frame
# What is for this machine itself it may get so.
in      eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / ip4 192.0.2.1 > 203.0.113.1 / udp 53 > 9
verdict accept NINE - - -
# No hop left: told so, and nothing is taken.
in      eth / ip4 10.0.0.8 > 192.0.2.1 ttl 1 / udp 8000 > 53
verdict drop OUT - - ttl-exceeded
out     eth back / ip4 203.0.113.1 > 10.0.0.8 df tos 192 / icmp type time-exceeded / ip4 10.0.0.8 > 192.0.2.1 ttl 1 / udp 8000 > 53
# Not translated: inside to inside, to and from the machine itself, groups, what came in where it would leave.
in      eth / ip4 10.0.0.5 > 10.0.0.6 / udp 5000 > 53
verdict accept OUT - - -
in      eth / ip4 10.0.0.5 > 203.0.113.1 / udp 5000 > 9
verdict accept OUT - - -
in      eth / ip4 203.0.113.1 > 192.0.2.1 / udp 9000 > 53
verdict accept - - - -
in      eth / ip4 10.0.0.5 > 224.0.0.5 / udp 5000 > 53
verdict accept OUT - - -
# ... nor what no router passes on: loopback, and one link alone in IPv6.
in      eth / ip4 10.0.0.5 > 127.0.0.1 / udp 5000 > 53
verdict accept OUT - - -
in      eth / ip6 2001:db8:1::5 > ff02::5 / udp 5000 > 53
verdict accept OUT - - -
in      eth / ip6 2001:db8:1::5 > fe80::5 / udp 5000 > 53
verdict accept OUT - - -
in      eth / ip6 2001:db8:1::5 > ::1 / udp 5000 > 53
verdict accept OUT - - -
in      eth / ip6 2001:db8:1::5 > :: / udp 5000 > 53
verdict accept OUT - - -
# The way out decides, also of what came in there.
on      eth0
in      eth / ip4 10.0.0.9 > 192.0.2.1 / udp 5001 > 53
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / udp 5001 > 53
# What the rules drop is not translated; a stranger who may come in is, and so are answers to him.
in      eth / ip4 192.0.2.200 > 203.0.113.1 / udp 4 > 5000
verdict drop default - - -
on      -
rules
    interface wan = "eth0"
    nat home { masquerade from 10.0.0.0/24 out on wan ports 9-9 }
    firewall f default drop { accept from 10.0.0.0/24 as OUT; accept udp port 9 as NINE }
in      eth 02:00:00:00:00:55 > 02:00:00:00:00:02 / ip4 10.0.0.5 > 192.0.2.1 / udp 5000 > 53
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / udp 9 > 53
in      eth 02:00:00:00:00:66 > 02:00:00:00:00:02 / ip4 192.0.2.200 > 203.0.113.1 / udp 4 > 9
verdict forward NINE - - -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:05 / ip4 192.0.2.200 > 10.0.0.5 ttl 63 / udp 4 > 5000
in      eth 02:00:00:00:00:55 > 02:00:00:00:00:02 / ip4 10.0.0.5 > 192.0.2.200 / udp 5000 > 4
verdict forward - - - -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:66 / ip4 203.0.113.1 > 192.0.2.200 ttl 63 / udp 9 > 4
# Ports have run out: told by the reason, counted; the mapping lives as long as its flows, UDP for four minutes, and the
# table is looked through in parts.
in      eth / ip4 10.0.0.6 > 192.0.2.1 / udp 5000 > 53
verdict drop OUT - - no-source-port
after   239
in      eth / ip4 10.0.0.6 > 192.0.2.1 / udp 5000 > 53
verdict drop OUT - - no-source-port
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
after   1
in      eth / ip4 10.0.0.6 > 192.0.2.1 / udp 5000 > 53
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / udp 9 > 53
# Written timeouts hold.
rules
    interface wan = "eth0"
    timeouts { udp 30s }
    nat home { masquerade from 10.0.0.0/24 out on wan ports 9-9 }
in      eth / ip4 10.0.0.5 > 192.0.2.1 / udp 5000 > 53
verdict forward - - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / udp 9 > 53
in      eth / ip4 192.0.2.1 > 203.0.113.1 / udp 53 > 9
verdict forward - - - -
out     any
in      eth / ip4 10.0.0.5 > 192.0.2.1 / udp 5000 > 53
verdict forward - - - -
out     any
after   29
in      eth / ip4 10.0.0.6 > 192.0.2.1 / udp 5000 > 53
verdict drop - - - no-source-port
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
after   1
in      eth / ip4 10.0.0.6 > 192.0.2.1 / udp 5000 > 53
verdict forward - - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / udp 9 > 53
# No address is known.
speaks  -
in      eth / ip4 10.0.0.7 > 192.0.2.1 / tcp 5000 > 53 syn
verdict drop - - - no-source-port
# Linux routes link-local addresses of IPv4, class E and 0/8 as any others, so no inside address leaves to them.
speaks  203.0.113.1
in      eth / ip4 10.0.0.6 > 169.254.7.1 / udp 5000 > 53
verdict forward - - - -
out     any
in      eth / ip4 10.0.0.6 > 0.0.0.9 / udp 5000 > 53
verdict forward - - - -
out     any
in      eth / ip4 10.0.0.6 > 240.0.0.1 / udp 5000 > 53
verdict forward - - - -
out     any
