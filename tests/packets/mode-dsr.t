# dsr and keep source: what the server gets, byte for byte; its replies come through here in keep source alone.
self    10.9.0.1
speaks  10.9.0.1, 2001:db8:9::1

# keep source
rules
    pool web { server a 10.0.0.11:8080 }
    pool six { server b [2001:db8:1::11]:8080 }
    service www on 203.0.113.10 tcp/80, icmp { mode passthrough keep source; -> web }
    service w6 on 2001:db8::10 udp/80 { mode passthrough keep source; -> six }
    service too on 203.0.113.11 tcp/80 { mode passthrough keep source; -> web }
    firewall f default drop { accept to 203.0.113.10, 203.0.113.11, 2001:db8::10 as WEB }
in      eth / vlan 7 / vlan 9 / ip4 198.18.0.1 > 203.0.113.10 ttl 9 / tcp 1000 > 80 syn
verdict forward WEB www web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / vlan 7 / vlan 9 / ip4 198.18.0.1 > 10.0.0.11 ttl 8 / tcp 1000 > 8080 syn
in      eth / vlan 7 / vlan 9 / ip4 10.0.0.11 > 198.18.0.1 / tcp 8080 > 1000 syn ack seq 8 ack 1
verdict forward - www web/a -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:01 / vlan 7 / vlan 9 / ip4 203.0.113.10 > 198.18.0.1 ttl 63 / tcp 80 > 1000 syn ack seq 8 ack 1
# The same client port to the same server by another service: its replies could not be told apart.
in      eth / vlan 7 / vlan 9 / ip4 198.18.0.1 > 203.0.113.11 / tcp 1000 > 80 syn
verdict drop WEB too web/a no-source-port
in      eth / vlan 7 / vlan 9 / ip4 198.18.0.1 > 203.0.113.11 / tcp 1001 > 80 syn
verdict forward WEB too web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / vlan 7 / vlan 9 / ip4 198.18.0.1 > 10.0.0.11 ttl 63 / tcp 1001 > 8080 syn
in      eth / ip6 2001:db8:c::1 > 2001:db8::10 / udp 1000 > 80 / payload "q"
verdict forward WEB w6 six/b -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:11 / ip6 2001:db8:c::1 > 2001:db8:1::11 hop 63 / udp 1000 > 8080 / payload "q"
in      eth / ip6 2001:db8:1::11 > 2001:db8:c::1 / udp 8080 > 1000 / payload "r"
verdict forward - w6 six/b -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:01 / ip6 2001:db8::10 > 2001:db8:c::1 hop 63 / udp 80 > 1000 / payload "r"
in      eth / ip4 198.18.0.1 > 203.0.113.10 / icmp type echo-request id 7 seq 1
verdict forward WEB www web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 198.18.0.1 > 10.0.0.11 ttl 63 / icmp type echo-request id 7 seq 1
in      eth / ip4 10.0.0.11 > 198.18.0.1 / icmp type echo-reply id 7 seq 1
verdict forward - www web/a -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:01 / ip4 203.0.113.10 > 198.18.0.1 ttl 63 / icmp type echo-reply id 7 seq 1
# An RST of no flow goes by hash.
in      eth / ip4 198.18.0.9 > 203.0.113.10 / tcp 1000 > 80 rst seq 5
verdict forward WEB www web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 198.18.0.9 > 10.0.0.11 ttl 63 / tcp 1000 > 8080 rst seq 5

# dsr l2: nothing but the MAC addresses, TTL 1 too; a MAC that is written is final.
rules
    pool web { server a 10.0.0.11 }
    pool mac { server b 10.0.0.12 mac 02:00:00:00:00:77 }
    service www on 203.0.113.10 tcp/80, udp/80, sctp/80 { mode dsr l2; -> web }
    service too on 203.0.113.11 tcp/80 { mode dsr l2; -> mac }
in      eth / vlan 7 pcp 2 / ip4 198.18.0.1 > 203.0.113.10 ttl 1 / tcp 1000 > 80 syn
verdict forward - www web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / vlan 7 pcp 2 / ip4 198.18.0.1 > 203.0.113.10 ttl 1 / tcp 1000 > 80 syn
in      eth / ip4 198.18.0.1 > 203.0.113.11 opt x"94040000" / tcp 1000 > 80 syn
verdict forward - too mac/b -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:77 / ip4 198.18.0.1 > 203.0.113.11 opt x"94040000" / tcp 1000 > 80 syn
in      eth / ip4 198.18.0.1 > 203.0.113.10 / sctp 1000 > 80 tag 9 / payload "chunks.."
verdict forward - www web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 198.18.0.1 > 203.0.113.10 / sctp 1000 > 80 tag 9 / payload "chunks.."

# dsr rewrite
rules
    pool web { server a 10.0.0.11:8080 }
    service www on 203.0.113.10 tcp/80, udp/80 { mode dsr rewrite; -> web }
    firewall f default drop { accept to 203.0.113.10 state established as OPEN; accept to 203.0.113.10 state new as NEW }
in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn
verdict forward NEW www web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 198.18.0.1 > 10.0.0.11 ttl 63 / tcp 1000 > 8080 syn
# Established from the client's first packet after its SYN, no window checked; closing after its FIN or RST.
in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 1 ack 77
verdict forward OPEN www web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 198.18.0.1 > 10.0.0.11 ttl 63 / tcp 1000 > 8080 ack seq 1 ack 77
in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 500000001 ack 900000000
verdict forward OPEN www web/a -
out     any
in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 fin ack seq 500000001 ack 900000000
verdict forward OPEN www web/a -
out     any
after   119
in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 500000002 ack 900000001
verdict forward OPEN www web/a -
out     any
after   121
in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 500000002 ack 900000001
verdict drop default - - -
# UDP: established from the client's second packet.
in      eth / ip4 198.18.0.1 > 203.0.113.10 / udp 1000 > 80 / payload "q"
verdict forward NEW www web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 198.18.0.1 > 10.0.0.11 ttl 63 / udp 1000 > 8080 / payload "q"
in      eth / ip4 198.18.0.1 > 203.0.113.10 / udp 1000 > 80 / payload "q"
verdict forward OPEN www web/a -
out     any

# dsr ipip, 4in4 6in4 4in6 6in6
rules
    pool web { server a 10.0.0.11 }
    pool six { server b 2001:db8:1::11 }
    pool src { source 10.9.0.9; server c 10.0.0.13 }
    service s44 on 203.0.113.10 tcp/80 { mode dsr ipip; -> web }
    service s46 on 203.0.113.11 tcp/80 { mode dsr ipip; -> six }
    service s64 on 2001:db8::10 tcp/80 { mode dsr ipip; -> web }
    service s66 on 2001:db8::11 tcp/80 { mode dsr ipip; -> six }
    service src on 203.0.113.12 tcp/80 { mode dsr ipip; -> src }
in      eth / ip4 198.18.0.1 > 203.0.113.10 ttl 64 tos 0x2e df / tcp 1000 > 80 syn
verdict forward - s44 web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 10.9.0.1 > 10.0.0.11 ttl 64 tos 0x2e df proto ipip / ip4 198.18.0.1 > 203.0.113.10 ttl 63 tos 0x2e df / tcp 1000 > 80 syn
in      eth / ip4 198.18.0.1 > 203.0.113.12 ttl 64 df / tcp 1000 > 80 syn
verdict forward - src src/c -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0d / ip4 10.9.0.9 > 10.0.0.13 ttl 64 df proto ipip / ip4 198.18.0.1 > 203.0.113.12 ttl 63 df / tcp 1000 > 80 syn
in      eth / vlan 3 / ip6 2001:db8:c::1 > 2001:db8::10 / tcp 1000 > 80 syn
verdict forward - s64 web/a -
out     any
in      eth / ip4 198.18.0.1 > 203.0.113.11 / tcp 1000 > 80 syn
verdict forward - s46 six/b -
out     any
in      eth / ip6 2001:db8:c::1 > 2001:db8::11 / tcp 1000 > 80 syn
verdict forward - s66 six/b -
out     any
in      eth / ip4 198.18.0.1 > 203.0.113.10 ttl 1 / tcp 1000 > 80 ack
verdict drop - s44 web/a ttl-exceeded
out     eth back / ip4 10.9.0.1 > 198.18.0.1 tos 0xc0 df / icmp type time-exceeded / ip4 198.18.0.1 > 203.0.113.10 ttl 1 / tcp 1000 > 80 ack
# Too big with DF: the service tells of what fits.
mtu     600
in      eth / ip4 198.18.0.1 > 203.0.113.10 df / tcp 1000 > 80 ack / zeros 560
verdict drop - s44 web/a too-big
out     any
# Without DF the outer packet goes in pieces.
in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 ack / zeros 560
verdict forward - s44 web/a -
out     any
out     any
mtu     0
# Nothing is known to send it from.
speaks  -
in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 ack
verdict drop - s44 web/a no-source-port
speaks  10.9.0.1, 2001:db8:9::1

# dsr gue
rules
    pool web { server a 10.0.0.11 }
    service www on 203.0.113.10 tcp/80 { mode dsr gue 6080; mss clamp auto; -> web }
    service one on 203.0.113.11, 2001:db8::11 tcp/80 { mode dsr gue 6081 variant 1; mss clamp auto; -> web }
in      eth / ip4 198.18.0.1 > 203.0.113.10 ttl 64 df / tcp 1000 > 80 syn opt x"020405b4"
verdict forward - www web/a -
out     any
# Variant 1
in      eth / ip4 198.18.0.1 > 203.0.113.11 ttl 64 df / tcp 1000 > 80 syn opt x"020405b4"
verdict forward - one web/a -
out     any
in      eth / ip6 2001:db8:7::7 > 2001:db8::11 / tcp 1000 > 80 syn opt x"020405b4"
verdict forward - one web/a -
out     any

# What belongs to the flow's mode: errors about what the server sent quote the flow reversed, and go where it goes.
rules
    pool web { server a 10.0.0.11 }
    pool wr { server b 10.0.0.12:8080 }
    service l2 on 203.0.113.10 tcp/80 { mode dsr l2; -> web }
    service tun on 203.0.113.11 tcp/80 { mode dsr ipip; -> web }
    service wr on 203.0.113.12 tcp/80 { mode dsr rewrite; -> wr }
    firewall f default drop { accept tcp as IN }
in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn
verdict forward IN l2 web/a -
out     any
in      eth / ip4 192.0.2.99 > 203.0.113.10 / icmp type destination-unreachable code 4 mtu 1400 / ip4 203.0.113.10 > 198.18.0.1 len 1500 / tcp 80 > 1000 ack seq 5
verdict forward - l2 web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 192.0.2.99 > 203.0.113.10 / icmp type destination-unreachable code 4 mtu 1400 / ip4 203.0.113.10 > 198.18.0.1 len 1500 / tcp 80 > 1000 ack seq 5
in      eth / ip4 198.18.0.1 > 203.0.113.11 / tcp 1000 > 80 syn
verdict forward IN tun web/a -
out     any
in      eth / ip4 192.0.2.99 > 203.0.113.11 / icmp type time-exceeded / ip4 203.0.113.11 > 198.18.0.1 len 1500 / tcp 80 > 1000 ack seq 5
verdict forward - tun web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 10.9.0.1 > 10.0.0.11 ttl 64 proto ipip id 0x4 / ip4 192.0.2.99 > 203.0.113.11 ttl 63 / icmp type time-exceeded / ip4 203.0.113.11 > 198.18.0.1 len 1500 / tcp 80 > 1000 ack seq 5
in      eth / ip4 198.18.0.1 > 203.0.113.12 / tcp 1000 > 80 syn
verdict forward IN wr wr/b -
out     any
in      eth / ip4 192.0.2.99 > 203.0.113.12 / icmp type time-exceeded / ip4 203.0.113.12 > 198.18.0.1 len 1500 / tcp 80 > 1000 ack seq 5
verdict forward - wr wr/b -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0c / ip4 192.0.2.99 > 10.0.0.12 ttl 63 / icmp type time-exceeded / ip4 10.0.0.12 > 198.18.0.1 len 1500 / tcp 8080 > 1000 ack seq 5
# One that quotes nobody's packet is judged.
in      eth / ip4 192.0.2.99 > 203.0.113.12 / icmp type time-exceeded / ip4 203.0.113.12 > 198.18.0.2 len 1500 / tcp 80 > 1000 ack seq 5
verdict drop default - - -
