# Packets that nobody should have sent, to services: each has a verdict and a reason, and what leaves is right.
self    10.9.0.1
speaks  10.9.0.1, 2001:db8:9::1
rules
    pool one { source 10.9.0.7 ports 61017-61017; server a 10.0.0.11 }
    pool six { source 2001:db8:9::7 ports 61018-61018; server b 2001:db8:1::11 }
    pool more { source 10.9.0.8 ports 1024-65535; server m 10.0.0.13 }
    pool far { server c 2001:db8:1::12 }
    service www on 203.0.113.10 tcp/any, udp/any, icmp { mode passthrough; -> one }
    service more on 203.0.113.12 tcp/any, udp/any { mode passthrough; -> more }
    service w6 on 2001:db8::10 tcp/any, udp/any, icmp6 { mode passthrough; -> six }
    service tun on 203.0.113.11, 2001:db8::11 tcp/any, udp/any { mode dsr ipip; -> far }

# A service on any port is on none that is zero; who sends from there is answered there.
in      eth / ip4 198.18.0.1 > 203.0.113.10 / udp 1000 > 0 / payload "q"
verdict accept - - - -
in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 0 > 0 syn
verdict accept - - - -
in      eth / ip4 198.18.0.1 > 203.0.113.10 / udp 0 > 53 / payload "q"
verdict forward - www one/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 10.9.0.7 > 10.0.0.11 ttl 63 / udp 61017 > 53 / payload "q"
in      eth / ip4 10.0.0.11 > 10.9.0.7 / udp 53 > 61017 / payload "r"
verdict forward - www one/a -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:01 / ip4 203.0.113.10 > 198.18.0.1 ttl 63 / udp 53 > 0 / payload "r"
in      eth / ip4 198.18.0.1 > 203.0.113.10 / udp 0 > 53 / payload "q"
verdict forward - www one/a -
out     any
# The only port is taken, by more than a question with its answer: no other client finds one.
in      eth / ip4 198.18.0.1 > 203.0.113.10 / udp 1 > 53 / payload "q"
verdict drop - www one/a no-source-port
in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 0 > 80 syn
verdict forward - www one/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 10.9.0.7 > 10.0.0.11 ttl 63 / tcp 61017 > 80 syn
in      eth / ip4 198.18.0.1 > 203.0.113.10 / icmp type echo-request id 0
verdict forward - www one/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 10.9.0.7 > 10.0.0.11 ttl 63 / icmp type echo-request id 61017

# A maze of extension headers is walked, and kept; one that is too long or hides its end has a reason, or is nobody's.
in      eth / ip6 2001:db8:c::1 > 2001:db8::10 / hbh / dst / dst / dst / udp 1000 > 53 / payload "q"
verdict forward - w6 six/b -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:11 / ip6 2001:db8:9::7 > 2001:db8:1::11 hop 63 / hbh / dst / dst / dst / udp 61018 > 53 / payload "q"
in      eth / ip6 2001:db8:c::1 > 2001:db8::10 / dst / hbh / udp 1000 > 53 / payload "q"
verdict drop - - - ip6-extension-chain
in      eth / ip6 2001:db8:c::1 > 2001:db8::10 / dst / dst / dst / dst / dst / dst / dst / dst / dst / dst / dst / dst / dst / dst / dst / dst / dst / udp 1000 > 53
verdict drop - - - ip6-extension-chain
in      eth / ip6 2001:db8:c::1 > 2001:db8::10 / routing type 0 left 1 data 0 opt x"20010db8000900000000000000000009" / udp 1000 > 53
verdict drop - - - ip6-routing-0
in      eth / ip6 2001:db8:c::1 > 2001:db8::10 / dst / esp spi 7 seq 1 / payload "sealed"
verdict accept - - - -
in      eth / ip6 2001:db8:c::1 > 2001:db8::11 / hbh / dst / udp 1000 > 53 / payload "q"
verdict forward - tun far/c -
out     any

# What is in a tunnel already is of no protocol that a service takes: it is the host's.
in      eth / ip4 198.18.0.1 > 203.0.113.11 ipip / ip4 198.18.0.2 > 203.0.113.11 / udp 1000 > 53
verdict accept - - - -
in      eth / ip4 198.18.0.1 > 203.0.113.11 / ip6 2001:db8:c::1 > 2001:db8::11 / udp 1000 > 53
verdict accept - - - -

# Errors about packets that we never sent change nothing and reach nobody.
in      eth / ip4 10.9.9.9 > 10.9.0.7 / icmp type destination-unreachable code 4 mtu 68 / ip4 10.9.0.7 > 10.0.0.11 / udp 61016 > 53
verdict accept - - - -
in      eth / ip4 192.0.2.99 > 203.0.113.10 / icmp type destination-unreachable code 4 mtu 68 / ip4 203.0.113.10 > 198.18.0.9 / udp 53 > 9
verdict accept - - - -
in      eth / ip6 2001:db8:f::99 > 2001:db8::10 / icmp6 type packet-too-big mtu 1 / ip6 2001:db8::10 > 2001:db8:c::9 / udp 53 > 1000
verdict accept - - - -

# A pool of one server, which is down.
down    more/m
in      eth / ip4 198.18.0.4 > 203.0.113.12 / tcp 1000 > 81 syn seq 7
verdict reject - more - no-server
out     eth back / ip4 203.0.113.12 > 198.18.0.4 df / tcp 81 > 1000 rst ack ack 8 win 0
in      eth / ip4 198.18.0.4 > 203.0.113.12 / udp 1000 > 81
verdict reject - more - no-server
out     any
down    -
in      eth / ip4 198.18.0.4 > 203.0.113.12 / tcp 1000 > 81 syn seq 7
verdict forward - more more/m -
out     any

# A link of 576 bytes: what does not fit and may not be cut is told so; what may be cut is, also inside a tunnel.
mtu     576
in      eth / ip4 198.18.0.5 > 203.0.113.12 df / udp 1000 > 82 / zeros 549
verdict drop - more more/m too-big
out     any
in      eth / ip4 198.18.0.5 > 203.0.113.11 / udp 1000 > 82 / zeros 549
verdict forward - tun far/c -
out     any
out     any
mtu     0
