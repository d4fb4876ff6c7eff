# The edges of sending on: no hop left, too long for the way. The packet is dropped, its sender told.
speaks  10.9.0.1, 2001:db8:9::1
mtu     0
rules
    pool web { server a 10.0.0.11; server six 2001:db8:a::11 }
    pool old { source 10.9.0.7; server a 10.0.0.11 }
    service keep on 203.0.113.10, 2001:db8::10 tcp/80, udp/53 { mode passthrough keep source; -> web }
    service bent on 203.0.113.20, 2001:db8::20 udp/53 { mode dsr rewrite; -> web }
    service wrapped on 203.0.113.30 udp/53 { mode dsr ipip; -> old }
    service gued on 203.0.113.40, 2001:db8::40 udp/53 { mode dsr gue 6080; -> old }
    service near on 203.0.113.50 udp/53 { mode dsr l2; -> old }
    firewall f default drop { accept ip, ip6 as IN }
in      eth / ip4 198.51.100.1 > 203.0.113.10 ttl 1 / udp 1000 > 53
verdict drop IN keep web/a ttl-exceeded
out     eth back / ip4 10.9.0.1 > 198.51.100.1 df tos 0xc0 / icmp type time-exceeded / ip4 198.51.100.1 > 203.0.113.10 ttl 1 / udp 1000 > 53
in      eth / vlan 5 / ip4 198.51.100.1 > 203.0.113.20 ttl 0 / udp 1000 > 53 / taken 4
verdict drop IN bent web/a ttl-exceeded
out     eth back / vlan 5 / ip4 10.9.0.1 > 198.51.100.1 df tos 0xc0 / icmp type time-exceeded / ip4 198.51.100.1 > 203.0.113.20 ttl 0 / udp 1000 > 53 / taken 4
in      eth / vlan 5 / ip6 2001:db8:7::7 > 2001:db8::10 hop 1 / udp 1000 > 53
verdict drop IN keep web/six ttl-exceeded
out     eth back / vlan 5 / ip6 2001:db8:9::1 > 2001:db8:7::7 / icmp6 type time-exceeded / ip6 2001:db8:7::7 > 2001:db8::10 hop 1 / udp 1000 > 53
in      eth / ip6 2001:db8:7::7 > 2001:db8::20 hop 0 / udp 1000 > 53
verdict drop IN bent web/six ttl-exceeded
out     eth back / ip6 2001:db8:9::1 > 2001:db8:7::7 / icmp6 type time-exceeded / ip6 2001:db8:7::7 > 2001:db8::20 hop 0 / udp 1000 > 53
in      eth / ip4 198.51.100.1 > 203.0.113.30 ttl 1 / udp 1000 > 53
verdict drop IN wrapped old/a ttl-exceeded
out     eth back / ip4 10.9.0.1 > 198.51.100.1 df tos 0xc0 / icmp type time-exceeded / ip4 198.51.100.1 > 203.0.113.30 ttl 1 / udp 1000 > 53
in      eth / ip6 2001:db8:7::7 > 2001:db8::40 hop 1 / udp 1000 > 53
verdict drop IN gued old/a ttl-exceeded
out     eth back / ip6 2001:db8:9::1 > 2001:db8:7::7 / icmp6 type time-exceeded / ip6 2001:db8:7::7 > 2001:db8::40 hop 1 / udp 1000 > 53
# dsr l2 routes nothing: the TTL stays. TTL 2 is one hop.
in      eth / ip4 198.51.100.1 > 203.0.113.50 ttl 1 / udp 1000 > 53
verdict forward IN near old/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 198.51.100.1 > 203.0.113.50 ttl 1 / udp 1000 > 53
in      eth / ip4 198.51.100.1 > 203.0.113.20 ttl 2 / udp 1000 > 53
verdict forward IN bent web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 198.51.100.1 > 10.0.0.11 ttl 1 / udp 1000 > 53
# The machine's address is not known: from the one that was asked.
speaks  -
in      eth / ip4 198.51.100.1 > 203.0.113.10 ttl 1 / udp 1001 > 53
verdict drop IN keep web/a ttl-exceeded
out     eth back / ip4 203.0.113.10 > 198.51.100.1 df tos 0xc0 / icmp type time-exceeded / ip4 198.51.100.1 > 203.0.113.10 ttl 1 / udp 1001 > 53
in      eth / ip6 2001:db8:7::7 > 2001:db8::20 hop 1 / udp 1001 > 53
verdict drop IN bent web/six ttl-exceeded
out     eth back / ip6 2001:db8::20 > 2001:db8:7::7 / icmp6 type time-exceeded / ip6 2001:db8:7::7 > 2001:db8::20 hop 1 / udp 1001 > 53
speaks  10.9.0.1, 2001:db8:9::1
# Silent: a later fragment, a RST, from a group or to one by its MAC
in      eth / ip4 198.51.100.1 > 203.0.113.20 id 7 more / udp 1002 > 53 len 32 csum 1 / zeros 8
verdict forward IN bent web/a -
out     any
in      eth / ip4 198.51.100.1 > 203.0.113.20 id 7 ttl 1 frag 16 proto udp / zeros 16
verdict drop IN bent web/a ttl-exceeded
in      eth / ip4 198.51.100.1 > 203.0.113.10 ttl 1 / tcp 1000 > 80 rst
verdict drop IN keep web/a ttl-exceeded
in      eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / ip4 198.51.100.1 > 203.0.113.20 ttl 1 / udp 1000 > 53
verdict drop IN - - group-frame
in      eth / ip4 127.0.0.1 > 203.0.113.20 ttl 1 / udp 1000 > 53
verdict drop IN bent web/a ttl-exceeded
# A reply with no hop left: its server is told.
in      eth / ip4 198.51.100.1 > 203.0.113.10 / udp 1003 > 53
verdict forward IN keep web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 198.51.100.1 > 10.0.0.11 ttl 63 / udp 1003 > 53
in      eth / ip4 10.0.0.11 > 198.51.100.1 ttl 1 / udp 53 > 1003
verdict drop - keep web/a ttl-exceeded
out     eth back / ip4 10.9.0.1 > 10.0.0.11 df tos 0xc0 / icmp type time-exceeded / ip4 10.0.0.11 > 198.51.100.1 ttl 1 / udp 53 > 1003

# MTU 576. DF, or IPv6: the service's address tells the sender (of whose packet 576 bytes fit into an ICMP error).
mtu     576
in      eth / ip4 198.51.100.1 > 203.0.113.10 df / udp 1000 > 53 csum 0 / zeros 549
verdict drop IN keep web/a too-big
out     eth back / ip4 203.0.113.10 > 198.51.100.1 df tos 0xc0 / icmp type destination-unreachable code 4 mtu 576 / ip4 198.51.100.1 > 203.0.113.10 df len 577 / udp 1000 > 53 len 557 csum 0 / zeros 520
in      eth / vlan 5 / ip4 198.51.100.1 > 203.0.113.10 df / udp 1000 > 53 csum 0 / zeros 548
verdict forward IN keep web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / vlan 5 / ip4 198.51.100.1 > 10.0.0.11 df ttl 63 / udp 1000 > 53 csum 0 / zeros 548
in      eth / vlan 5 / ip4 198.51.100.1 > 203.0.113.20 df / udp 1000 > 53 csum 0 / zeros 1000 / taken 4
verdict drop IN bent web/a too-big
out     eth back / vlan 5 / ip4 203.0.113.20 > 198.51.100.1 df tos 0xc0 / icmp type destination-unreachable code 4 mtu 576 / ip4 198.51.100.1 > 203.0.113.20 df len 1028 / udp 1000 > 53 len 1008 csum 0 / zeros 520 / taken 4
# In a tunnel there is room for 556 or 544. IPv4 is told no less than 576, and cut where it is no longer.
in      eth / ip4 198.51.100.1 > 203.0.113.30 df / udp 1000 > 53 csum 0 / zeros 549
verdict drop IN wrapped old/a too-big
out     eth back / ip4 203.0.113.30 > 198.51.100.1 df tos 0xc0 / icmp type destination-unreachable code 4 mtu 576 / ip4 198.51.100.1 > 203.0.113.30 df len 577 / udp 1000 > 53 len 557 csum 0 / zeros 520
in      eth / ip4 198.51.100.1 > 203.0.113.30 df / udp 1000 > 53 csum 0 / zeros 529
verdict forward IN wrapped old/a -
out     any
out     any
in      eth / ip4 198.51.100.1 > 203.0.113.30 df / udp 1000 > 53 csum 0 / zeros 528
verdict forward IN wrapped old/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 10.9.0.7 > 10.0.0.11 df / ip4 198.51.100.1 > 203.0.113.30 df ttl 63 / udp 1000 > 53 csum 0 / zeros 528
# Without DF the packet itself is cut, or, in a tunnel, the outer one.
in      eth / vlan 5 / ip4 198.51.100.1 > 203.0.113.20 id 9 tos 0xb8 / udp 1000 > 53 csum 0 / zeros 600
verdict forward IN bent web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / vlan 5 / ip4 198.51.100.1 > 10.0.0.11 id 9 tos 0xb8 ttl 63 more / udp 1000 > 53 len 608 csum 0 / zeros 544
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / vlan 5 / ip4 198.51.100.1 > 10.0.0.11 id 9 tos 0xb8 ttl 63 frag 552 proto udp / zeros 56
in      eth / ip4 198.51.100.1 > 203.0.113.20 id 9 opt x"9404000001010101" / udp 1000 > 53 csum 0 / zeros 600
verdict forward IN bent web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 198.51.100.1 > 10.0.0.11 id 9 ttl 63 more opt x"9404000001010101" / udp 1000 > 53 len 608 csum 0 / zeros 536
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 198.51.100.1 > 10.0.0.11 id 9 ttl 63 frag 544 proto udp opt x"94040000" / zeros 64
# A fragment that is too long goes on in fragments of its datagram.
in      eth / ip4 198.51.100.1 > 203.0.113.20 id 10 more / udp 1000 > 53 len 1408 csum 0 / zeros 792
verdict forward IN bent web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 198.51.100.1 > 10.0.0.11 id 10 ttl 63 more / udp 1000 > 53 len 1408 csum 0 / zeros 544
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 198.51.100.1 > 10.0.0.11 id 10 ttl 63 frag 552 more proto udp / zeros 248
in      eth / ip4 198.51.100.1 > 203.0.113.20 id 10 frag 800 proto udp / zeros 608
verdict forward IN bent web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 198.51.100.1 > 10.0.0.11 id 10 ttl 63 frag 800 more proto udp / zeros 552
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 198.51.100.1 > 10.0.0.11 id 10 ttl 63 frag 1352 proto udp / zeros 56
# IPv6 is never told less than 1280, and every link of it bears that: it leaves as it is; in a tunnel the outer one is cut.
in      eth / ip6 2001:db8:7::7 > 2001:db8::20 / udp 1000 > 53 csum 1 / zeros 1232
verdict forward IN bent web/six -
out     any
in      eth / ip6 2001:db8:7::7 > 2001:db8::20 / udp 1000 > 53 csum 0 / zeros 1233
verdict drop IN bent web/six too-big
out     eth back / ip6 2001:db8::20 > 2001:db8:7::7 / icmp6 type packet-too-big mtu 1280 / ip6 2001:db8:7::7 > 2001:db8::20 len 1241 / udp 1000 > 53 len 1241 csum 0 / zeros 1184
in      eth / ip6 2001:db8:7::7 > 2001:db8::40 / udp 1000 > 53 csum 0 / zeros 1233
verdict drop IN gued old/a too-big
out     eth back / ip6 2001:db8::40 > 2001:db8:7::7 / icmp6 type packet-too-big mtu 1280 / ip6 2001:db8:7::7 > 2001:db8::40 len 1241 / udp 1000 > 53 len 1241 csum 0 / zeros 1184
in      eth / ip6 2001:db8:7::7 > 2001:db8::40 / udp 1000 > 53 csum 0 / zeros 1232
verdict forward IN gued old/a -
out     any
out     any
out     any
mtu     1400
in      eth / vlan 5 / ip6 2001:db8:7::7 > 2001:db8::20 / udp 1000 > 53 csum 0 / zeros 1353
verdict drop IN bent web/six too-big
out     eth back / vlan 5 / ip6 2001:db8::20 > 2001:db8:7::7 / icmp6 type packet-too-big mtu 1400 / ip6 2001:db8:7::7 > 2001:db8::20 len 1361 / udp 1000 > 53 len 1361 csum 0 / zeros 1184
in      eth / ip6 2001:db8:7::7 > 2001:db8::40 / udp 1000 > 53 csum 0 / zeros 1321
verdict drop IN gued old/a too-big
out     eth back / ip6 2001:db8::40 > 2001:db8:7::7 / icmp6 type packet-too-big mtu 1368 / ip6 2001:db8:7::7 > 2001:db8::40 len 1329 / udp 1000 > 53 len 1329 csum 0 / zeros 1184
in      eth / ip6 2001:db8:7::7 > 2001:db8::40 / udp 1000 > 53 csum 0 / zeros 1320
verdict forward IN gued old/a -
out     any
in      eth / ip4 198.51.100.1 > 203.0.113.40 df / udp 1000 > 53 csum 0 / zeros 1341
verdict drop IN gued old/a too-big
out     eth back / ip4 203.0.113.40 > 198.51.100.1 df tos 0xc0 / icmp type destination-unreachable code 4 mtu 1368 / ip4 198.51.100.1 > 203.0.113.40 df len 1369 / udp 1000 > 53 len 1349 csum 0 / zeros 520
# Longer than any slot of a worker: no less too big.
in      eth / ip4 198.51.100.1 > 203.0.113.20 df / udp 1000 > 53 csum 0 / zeros 4000
verdict drop IN bent web/a too-big
out     eth back / ip4 203.0.113.20 > 198.51.100.1 df tos 0xc0 / icmp type destination-unreachable code 4 mtu 1400 / ip4 198.51.100.1 > 203.0.113.20 df len 4028 / udp 1000 > 53 len 4008 csum 0 / zeros 520
in      eth / ip6 2001:db8:7::7 > 2001:db8::40 / udp 1000 > 53 csum 0 / zeros 4000
verdict drop IN gued old/a too-big
out     eth back / ip6 2001:db8::40 > 2001:db8:7::7 / icmp6 type packet-too-big mtu 1368 / ip6 2001:db8:7::7 > 2001:db8::40 len 4008 / udp 1000 > 53 len 4008 csum 0 / zeros 1184
in      eth / ip4 198.51.100.1 > 203.0.113.20 / udp 1000 > 53 csum 0 / zeros 4000
verdict drop IN bent web/a no-buffer
in      eth / ip4 198.51.100.1 > 203.0.113.50 df / udp 1000 > 53 csum 0 / zeros 4000
verdict drop IN near old/a no-buffer
# Silent: in answer to an error, which is about a flow of ours and too long; to a later fragment with DF
mtu     576
in      eth / ip4 10.0.0.11 > 198.51.100.1 df / udp 53 > 1003 csum 0 / zeros 549
verdict drop - keep web/a too-big
out     eth back / ip4 10.9.0.1 > 10.0.0.11 df tos 0xc0 / icmp type destination-unreachable code 4 mtu 576 / ip4 10.0.0.11 > 198.51.100.1 df len 577 / udp 53 > 1003 len 557 csum 0 / zeros 520
in      eth / ip4 10.0.0.11 > 198.51.100.1 df / icmp type destination-unreachable code 3 / ip4 198.51.100.1 > 10.0.0.11 len 600 / udp 1003 > 53 len 580 csum 0 / zeros 530
verdict drop - keep web/a too-big
in      eth / ip4 198.51.100.1 > 203.0.113.20 id 11 more / udp 1000 > 53 len 1408 csum 0 / zeros 16
verdict forward IN bent web/a -
out     any
in      eth / ip4 198.51.100.1 > 203.0.113.20 id 11 df frag 24 proto udp / zeros 600
verdict drop IN bent web/a too-big
# A too-big for packets that we never sent follows no flow: no state but `invalid`, here let in, and nothing of ours changes.
in      eth / ip4 10.0.0.11 > 203.0.113.10 / icmp type destination-unreachable code 4 mtu 68 / ip4 203.0.113.10 > 10.0.0.11 / udp 9 > 53
verdict accept IN - - -
in      eth / ip6 2001:db8:a::11 > 2001:db8::10 / icmp6 type packet-too-big mtu 1280 / ip6 2001:db8::10 > 2001:db8:a::11 / udp 9 > 53
verdict accept IN - - -

# All of these share the limit of `rejects`.
mtu     576
rules
    limits { rejects 1/s }
    pool web { server a 10.0.0.11 }
    service bent on 203.0.113.20 udp/53 { mode dsr rewrite; -> web }
    firewall f default reject { accept ip udp port 53 as IN }
in      eth / ip4 198.51.100.1 > 203.0.113.20 ttl 1 / udp 1000 > 53 csum 0
verdict drop IN bent web/a ttl-exceeded
out     eth back / ip4 10.9.0.1 > 198.51.100.1 df tos 0xc0 / icmp type time-exceeded / ip4 198.51.100.1 > 203.0.113.20 ttl 1 / udp 1000 > 53 csum 0
in      eth / ip4 198.51.100.1 > 203.0.113.20 ttl 1 / udp 1000 > 53 csum 0
verdict drop IN bent web/a ttl-exceeded
in      eth / ip4 198.51.100.1 > 203.0.113.20 df / udp 1000 > 53 csum 0 / zeros 600
verdict drop IN bent web/a too-big
in      eth / ip4 198.51.100.1 > 203.0.113.20 / udp 1000 > 54
verdict reject default - - -
after   1
in      eth / ip4 198.51.100.1 > 203.0.113.20 df / udp 1000 > 53 csum 0 / zeros 600
verdict drop IN bent web/a too-big
out     any
in      eth / ip4 198.51.100.1 > 203.0.113.20 ttl 1 / udp 1000 > 53 csum 0
verdict drop IN bent web/a ttl-exceeded
mtu     0
