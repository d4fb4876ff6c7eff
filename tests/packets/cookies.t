# syn cookies: a SYN is answered and nothing is kept of it; the ACK that proves the cookie begins the flow, unjudged; then
# the server is asked with the client's own SYN, and both are joined.
self    10.9.0.1
rules
    pool web { source 10.9.0.7 ports 61017-61017; server a 10.0.0.11:8080 }
    pool six { server b [2001:db8:1::11]:8080 }
    service www on 203.0.113.10 tcp/80 { mode passthrough; syn cookies; -> web }
    service w6 on 2001:db8::10 tcp/80 { mode passthrough keep source; syn cookies; mss clamp 1300; -> six }
    firewall f default drop {
      accept tcp to 203.0.113.10, 2001:db8::10 port 80 flags has syn lacks ack as WEB
      accept state established as EST
    }

# Timestamps: window scale and SACK stand in ours.
in      eth / vlan 5 / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 7 win 64240 opt x"020405b40402080a000000640000000001030307"
verdict forward WEB www - -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:01 / vlan 5 / ip4 203.0.113.10 > 198.18.0.1 df / tcp 80 > 1000 syn ack seq 3310068919 ack 8 win 0 opt x"020405b40402080ab5b088770000006401030307"
# Neither another number nor another offer proves it.
in      eth / vlan 5 / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 8 ack 3310068921 win 502 opt x"0101080a00000066b5b08877"
verdict drop default - - -
in      eth / vlan 5 / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 8 ack 3310068920 win 502 opt x"0101080a00000066b5b08878"
verdict drop default - - -
in      eth / vlan 6 / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 8 ack 3310068920 win 502 opt x"0101080a00000066b5b08877"
verdict drop default - - -
in      eth / vlan 5 / ip4 198.18.0.1 > 203.0.113.10 ttl 9 / tcp 1000 > 80 ack seq 8 ack 3310068920 win 502 opt x"0101080a00000066b5b08877"
verdict forward - www web/a -
matches -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / vlan 5 / ip4 10.9.0.7 > 10.0.0.11 ttl 8 df / tcp 61017 > 8080 syn seq 7 win 64256 opt x"020405b40402080a000000660000000001030307"
# A probe of the closed window asks again, with the client's newest timestamp.
in      eth / vlan 5 / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 7 ack 3310068920 win 502 opt x"0101080a00000067b5b08877"
verdict forward - www web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / vlan 5 / ip4 10.9.0.7 > 10.0.0.11 ttl 63 df / tcp 61017 > 8080 syn seq 7 win 64256 opt x"020405b40402080a000000670000000001030307"
# The server answers: its ACK, and the window for the client. It knows neither SACK nor timestamps.
in      eth 02:00:00:00:00:33 > 02:00:00:00:00:02 / vlan 5 / ip4 10.0.0.11 > 10.9.0.7 / tcp 8080 > 61017 syn ack seq 99 ack 8 win 65160 opt x"0204021801030302"
verdict forward - www web/a -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:33 / vlan 5 / ip4 10.9.0.7 > 10.0.0.11 df / tcp 61017 > 8080 ack seq 8 ack 100 win 502
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:01 / vlan 5 / ip4 203.0.113.10 > 198.18.0.1 ttl 63 df / tcp 80 > 1000 ack seq 3310068920 ack 8 win 509 opt x"0101080ab5b0889c00000067"
# Its SYN|ACK again: our ACK was lost.
in      eth 02:00:00:00:00:33 > 02:00:00:00:00:02 / vlan 5 / ip4 10.0.0.11 > 10.9.0.7 / tcp 8080 > 61017 syn ack seq 99 ack 8 win 65160 opt x"0204021801030302"
verdict forward - www web/a -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:33 / vlan 5 / ip4 10.9.0.7 > 10.0.0.11 df / tcp 61017 > 8080 ack seq 8 ack 100 win 502
# Data, in pieces that the server takes, without what it does not know.
in      eth / vlan 5 / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 psh ack seq 8 ack 3310068920 win 502 opt x"0101080a00000068b5b08877" / zeros 600
verdict forward EST www web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / vlan 5 / ip4 10.9.0.7 > 10.0.0.11 ttl 63 / tcp 61017 > 8080 ack seq 8 ack 100 win 502 / zeros 536
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / vlan 5 / ip4 10.9.0.7 > 10.0.0.11 ttl 63 id 1 / tcp 61017 > 8080 psh ack seq 544 ack 100 win 502 / zeros 64
in      eth 02:00:00:00:00:33 > 02:00:00:00:00:02 / vlan 5 / ip4 10.0.0.11 > 10.9.0.7 / tcp 8080 > 61017 psh ack seq 100 ack 608 win 509 / payload "hello"
verdict forward - www web/a -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:01 / vlan 5 / ip4 203.0.113.10 > 198.18.0.1 ttl 63 / tcp 80 > 1000 psh ack seq 3310068920 ack 608 win 15 opt x"0101080ab5b0889c00000068" / payload "hello"
in      eth / vlan 5 / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 608 ack 3310068920 win 502 opt x"0101080a00000068b5b088770101050ac54ba4bac54ba4bd"
verdict forward EST www web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / vlan 5 / ip4 10.9.0.7 > 10.0.0.11 ttl 63 / tcp 61017 > 8080 ack seq 608 ack 100 win 502
# An error about what the client was sent quotes its own numbers; the server is told of what it sent.
in      eth / vlan 5 / ip4 192.0.2.9 > 203.0.113.10 / icmp type destination-unreachable code 4 mtu 1400 / ip4 203.0.113.10 > 198.18.0.1 len 1500 csum 0 / tcp 80 > 1000 ack seq 3310068920 ack 608 csum 0x1111
verdict forward - www web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / vlan 5 / ip4 192.0.2.9 > 10.0.0.11 ttl 63 / icmp type destination-unreachable code 4 seq 1400 / ip4 10.0.0.11 > 10.9.0.7 len 1500 csum 0xee03 / tcp 8080 > 61017 ack seq 100 ack 608 csum 0x5f03
in      eth / vlan 5 / ip4 192.0.2.9 > 203.0.113.10 / icmp type destination-unreachable code 4 mtu 1400 / ip4 203.0.113.10 > 198.18.0.1 len 1500 csum 0 / tcp 80 > 1000 ack seq 1 ack 608 csum 0x1111
verdict drop default - - -
# It would get timestamps, and a fragment whose later ones follow cannot grow: dropped, like them.
in      eth 02:00:00:00:00:33 > 02:00:00:00:00:02 / vlan 5 / ip4 10.0.0.11 > 10.9.0.7 id 5 more / tcp 8080 > 61017 ack seq 105 ack 608 win 509 / zeros 12
verdict drop - www web/a untranslatable
# A SYN on the open flow is the server's to challenge; its answer has the numbers that the client knows.
in      eth / vlan 5 / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 900000 win 64240
verdict forward WEB www web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / vlan 5 / ip4 10.9.0.7 > 10.0.0.11 ttl 63 / tcp 61017 > 8080 syn seq 900000 win 64240
in      eth 02:00:00:00:00:33 > 02:00:00:00:00:02 / vlan 5 / ip4 10.0.0.11 > 10.9.0.7 / tcp 8080 > 61017 ack seq 105 ack 608 win 509
verdict forward - www web/a -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:01 / vlan 5 / ip4 203.0.113.10 > 198.18.0.1 ttl 63 / tcp 80 > 1000 ack seq 3310068925 ack 608 win 15 opt x"0101080ab5b0889c00000068"
in      eth / vlan 5 / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 rst seq 608 win 0
verdict forward EST www web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / vlan 5 / ip4 10.9.0.7 > 10.0.0.11 ttl 63 / tcp 61017 > 8080 rst seq 608 win 0

# Without timestamps there is room for the MSS alone; ECN is never agreed on. IPv6, the source kept.
in      eth / ip6 2001:db8:5::1 > 2001:db8::10 / tcp 1000 > 80 syn ece cwr seq 41 win 64240 opt x"020405a0010303070402"
verdict forward WEB w6 - -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:01 / ip6 2001:db8::10 > 2001:db8:5::1 / tcp 80 > 1000 syn ack seq 1271472453 ack 42 win 0 opt x"02040514"
in      eth / ip6 2001:db8:5::1 > 2001:db8::10 / tcp 1000 > 80 ack seq 42 ack 1271472454 win 500
verdict forward - w6 six/b -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:11 / ip6 2001:db8:5::1 > 2001:db8:1::11 hop 63 / tcp 1000 > 8080 syn seq 41 win 500 opt x"02040514"
in      eth 02:00:00:00:00:33 > 02:00:00:00:00:02 / ip6 2001:db8:1::11 > 2001:db8:5::1 / tcp 8080 > 1000 syn ack seq 0xffffffff ack 42 win 64800 opt x"020405a0"
verdict forward - w6 six/b -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:33 / ip6 2001:db8:5::1 > 2001:db8:1::11 / tcp 1000 > 8080 ack seq 42 win 500
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:01 / ip6 2001:db8::10 > 2001:db8:5::1 hop 63 / tcp 80 > 1000 ack seq 1271472454 ack 42 win 64800
in      eth 02:00:00:00:00:33 > 02:00:00:00:00:02 / ip6 2001:db8:1::11 > 2001:db8:5::1 / tcp 8080 > 1000 ack seq 0 ack 42 win 64800 / payload "220 ready"
verdict forward - w6 six/b -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:01 / ip6 2001:db8::10 > 2001:db8:5::1 hop 63 / tcp 80 > 1000 ack seq 1271472454 ack 42 win 64800 / payload "220 ready"
# Refused by the server: the client hears of it.
in      eth / ip6 2001:db8:5::2 > 2001:db8::10 / tcp 1000 > 80 syn seq 41 win 64240
verdict forward WEB w6 - -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:01 / ip6 2001:db8::10 > 2001:db8:5::2 / tcp 80 > 1000 syn ack seq 3149659098 ack 42 win 0 opt x"02040514"
in      eth / ip6 2001:db8:5::2 > 2001:db8::10 / tcp 1000 > 80 ack seq 42 ack 3149659099 win 500
verdict forward - w6 six/b -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:11 / ip6 2001:db8:5::2 > 2001:db8:1::11 hop 63 / tcp 1000 > 8080 syn seq 41 win 500 opt x"020404c4"
in      eth 02:00:00:00:00:33 > 02:00:00:00:00:02 / ip6 2001:db8:1::11 > 2001:db8:5::2 / tcp 8080 > 1000 rst ack seq 0 ack 42 win 0
verdict forward - w6 six/b -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:01 / ip6 2001:db8::10 > 2001:db8:5::2 hop 63 / tcp 80 > 1000 rst seq 3149659099 win 0
