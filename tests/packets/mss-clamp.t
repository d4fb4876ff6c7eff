# `mss clamp`: the MSS of SYNs is lowered both ways, never raised, never added.
speaks  10.9.0.1, 2001:db8:9::1
rules
    pool web { server a 10.0.0.11; server six 2001:db8:a::11 }
    pool old { server a 10.0.0.12 }
    service fixed on 203.0.113.10 tcp/80 { mode passthrough keep source; mss clamp 1200; -> web }
    service auto on 203.0.113.20, 2001:db8::20 tcp/80 { mode passthrough keep source; mss clamp auto; -> web }
    service wrapped on 203.0.113.30, 2001:db8::30 tcp/80 { mode dsr gue 6080; mss clamp auto; -> old }
    service near on 203.0.113.50 tcp/80 { mode dsr l2; mss clamp 1200; -> old }
in      eth / vlan 5 / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 80 syn opt x"020405b401010402"
verdict forward - fixed web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / vlan 5 / ip4 198.51.100.1 > 10.0.0.11 ttl 63 / tcp 1000 > 80 syn opt x"020404b001010402"
in      eth / vlan 5 / ip4 10.0.0.11 > 198.51.100.1 / tcp 80 > 1000 syn ack seq 7 ack 1 opt x"020405b4"
verdict forward - fixed web/a -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:01 / vlan 5 / ip4 203.0.113.10 > 198.51.100.1 ttl 63 / tcp 80 > 1000 syn ack seq 7 ack 1 opt x"020404b0"
# What follows is left alone, also where such an option stands in it.
in      eth / vlan 5 / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 1 ack 8 opt x"020405b4"
verdict forward - fixed web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / vlan 5 / ip4 198.51.100.1 > 10.0.0.11 ttl 63 / tcp 1000 > 80 ack seq 1 ack 8 opt x"020405b4"
# Less already; none; one that lies about its length
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1001 > 80 syn opt x"02040218"
verdict forward - fixed web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 198.51.100.1 > 10.0.0.11 ttl 63 / tcp 1001 > 80 syn opt x"02040218"
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1002 > 80 syn
verdict forward - fixed web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 198.51.100.1 > 10.0.0.11 ttl 63 / tcp 1002 > 80 syn
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1003 > 80 syn opt x"03ff0204"
verdict forward - fixed web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 198.51.100.1 > 10.0.0.11 ttl 63 / tcp 1003 > 80 syn opt x"03ff0204"
# What the way bears, less 40; IPv6: less 60; in a tunnel less its headers, too
mtu     1400
in      eth / ip4 198.51.100.1 > 203.0.113.20 / tcp 1000 > 80 syn opt x"020405b4"
verdict forward - auto web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 198.51.100.1 > 10.0.0.11 ttl 63 / tcp 1000 > 80 syn opt x"02040550"
in      eth / ip6 2001:db8:7::7 > 2001:db8::20 / tcp 1000 > 80 syn opt x"020405a0"
verdict forward - auto web/six -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:11 / ip6 2001:db8:7::7 > 2001:db8:a::11 hop 63 / tcp 1000 > 80 syn opt x"0204053c"
in      eth / ip4 198.51.100.1 > 203.0.113.30 df / tcp 1000 > 80 syn opt x"020405b4"
verdict forward - wrapped old/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0c / ip4 10.9.0.1 > 10.0.0.12 df / udp 64075 > 6080 csum 0 / payload x"00040000" / ip4 198.51.100.1 > 203.0.113.30 ttl 63 df / tcp 1000 > 80 syn opt x"02040530"
in      eth / ip4 198.51.100.1 > 203.0.113.50 / tcp 1000 > 80 syn opt x"020405b4"
verdict forward - near old/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0c / ip4 198.51.100.1 > 203.0.113.50 / tcp 1000 > 80 syn opt x"020404b0"
mtu     0
