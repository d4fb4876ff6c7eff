# mode passthrough: our source and port towards the server, the service's address towards the client, checksums right.
self    10.9.0.1
rules
    pool web { source 10.9.0.7 ports 61017-61017; server a 10.0.0.11:8080 }
    pool six { source 2001:db8:9::7 ports 61018-61018; server b [2001:db8:1::11]:8080 }
    service www on 203.0.113.10 tcp/80, udp/80, sctp/80, icmp { mode passthrough; -> web }
    service w6 on 2001:db8::10 tcp/80, udp/80, sctp/80, icmp6 { mode passthrough; -> six }
    firewall f default drop { accept to 203.0.113.10, 2001:db8::10 as WEB }

in      eth / vlan 5 pcp 3 / ip4 198.18.0.1 > 203.0.113.10 tos 8 / tcp 1000 > 80 syn seq 7 / payload "abc"
verdict forward WEB www web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / vlan 5 pcp 3 / ip4 10.9.0.7 > 10.0.0.11 ttl 63 tos 8 / tcp 61017 > 8080 syn seq 7 / payload "abc"
in      eth 02:00:00:00:00:33 > 02:00:00:00:00:02 / vlan 5 / ip4 10.0.0.11 > 10.9.0.7 / tcp 8080 > 61017 syn ack seq 99 ack 11
verdict forward - www web/a -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:01 / vlan 5 / ip4 203.0.113.10 > 198.18.0.1 ttl 63 / tcp 80 > 1000 syn ack seq 99 ack 11
# Replies go to the client's last MAC.
in      eth 02:00:00:00:00:44 > 02:00:00:00:00:02 / vlan 5 / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 11 ack 100
verdict forward WEB www web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / vlan 5 / ip4 10.9.0.7 > 10.0.0.11 ttl 63 / tcp 61017 > 8080 ack seq 11 ack 100
in      eth 02:00:00:00:00:33 > 02:00:00:00:00:02 / vlan 5 / ip4 10.0.0.11 > 10.9.0.7 / tcp 8080 > 61017 psh ack seq 100 ack 11 / payload "hello"
verdict forward - www web/a -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:44 / vlan 5 / ip4 203.0.113.10 > 198.18.0.1 ttl 63 / tcp 80 > 1000 psh ack seq 100 ack 11 / payload "hello"
# Its only port is taken: another client finds none.
in      eth / vlan 5 / ip4 198.18.0.2 > 203.0.113.10 / tcp 1000 > 80 syn
verdict drop WEB www web/a no-source-port
# A group is nobody's address: the reply's next hop is asked for by its IP address (in replay a MAC derived from it).
in      eth 01:00:5e:00:00:01 > 02:00:00:00:00:02 / vlan 5 / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 11 ack 105
verdict forward WEB www web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / vlan 5 / ip4 10.9.0.7 > 10.0.0.11 ttl 63 / tcp 61017 > 8080 ack seq 11 ack 105
in      eth 02:00:00:00:00:33 > 02:00:00:00:00:02 / vlan 5 / ip4 10.0.0.11 > 10.9.0.7 / tcp 8080 > 61017 psh ack seq 105 ack 11 / payload "again"
verdict forward - www web/a -
out     eth 02:00:00:00:00:02 > 02:00:c6:12:00:01 / vlan 5 / ip4 203.0.113.10 > 198.18.0.1 ttl 63 / tcp 80 > 1000 psh ack seq 105 ack 11 / payload "again"
# In another VLAN the server's packet is of no flow.
in      eth / vlan 6 / ip4 10.0.0.11 > 10.9.0.7 / tcp 8080 > 61017 ack seq 105 ack 11
verdict drop default - - -
# One who sends as we do is none of the flow's.
in      eth / vlan 5 / ip4 10.9.0.7 > 10.0.0.11 / tcp 61017 > 8080 ack seq 11 ack 100
verdict drop default - - -
# No hop left, either way.
in      eth / vlan 5 / ip4 198.18.0.1 > 203.0.113.10 ttl 1 / tcp 1000 > 80 ack seq 11 ack 100
verdict drop WEB www web/a ttl-exceeded
out     eth back / vlan 5 / ip4 203.0.113.10 > 198.18.0.1 tos 0xc0 df / icmp type time-exceeded / ip4 198.18.0.1 > 203.0.113.10 ttl 1 / tcp 1000 > 80 ack seq 11 ack 100

# UDP: no checksum stays none, in IPv6 too; its ports are not those of TCP.
in      eth / ip4 198.18.0.1 > 203.0.113.10 / udp 1000 > 80 csum 0 / payload "q"
verdict forward WEB www web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 10.9.0.7 > 10.0.0.11 ttl 63 / udp 61017 > 8080 csum 0 / payload "q"
in      eth / ip6 2001:db8:c::1 > 2001:db8::10 / udp 1000 > 80 csum 0 / payload "q"
verdict forward WEB w6 six/b -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:11 / ip6 2001:db8:9::7 > 2001:db8:1::11 hop 63 / udp 61018 > 8080 csum 0 / payload "q"
in      eth / ip6 2001:db8:1::11 > 2001:db8:9::7 / udp 8080 > 61018 csum 0 / payload "r"
verdict forward - w6 six/b -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:01 / ip6 2001:db8::10 > 2001:db8:c::1 hop 63 / udp 80 > 1000 csum 0 / payload "r"
# The flow's time over, its port is free.
after   121
in      eth / ip6 2001:db8:c::2 > 2001:db8::10 / udp 1001 > 80 / payload "x"
verdict forward WEB w6 six/b -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:11 / ip6 2001:db8:9::7 > 2001:db8:1::11 hop 63 / udp 61018 > 8080 / payload "x"
in      eth / ip6 2001:db8:1::11 > 2001:db8:9::7 / udp 8080 > 61018 / payload "r"
verdict forward - w6 six/b -
out     any
in      eth / ip6 2001:db8:c::2 > 2001:db8::10 / udp 1001 > 80 / payload "x"
verdict forward WEB w6 six/b -
out     any
in      eth / ip6 2001:db8:c::1 > 2001:db8::10 / udp 1000 > 80 csum 0 / payload "q"
verdict drop WEB w6 six/b no-source-port

# SCTP and echo.
rules
    pool web { source 10.9.0.7 ports 61017-61017; server a 10.0.0.11:8080 }
    service www on 203.0.113.10 sctp/80 { mode passthrough; -> web }
in      eth / ip4 198.18.0.1 > 203.0.113.10 / sctp 1000 > 80 tag 9 / payload "chunks.."
verdict forward - www web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 10.9.0.7 > 10.0.0.11 ttl 63 / sctp 61017 > 8080 tag 9 / payload "chunks.."
in      eth / ip4 10.0.0.11 > 10.9.0.7 / sctp 8080 > 61017 tag 10 / payload "chunks.."
verdict forward - www web/a -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:01 / ip4 203.0.113.10 > 198.18.0.1 ttl 63 / sctp 80 > 1000 tag 10 / payload "chunks.."
# A checksum over the whole datagram can't be kept right in a first fragment whose ports change.
in      eth / ip4 198.18.0.1 > 203.0.113.10 id 9 more / sctp 1000 > 80 tag 9 / payload "chunks..8byt"
verdict drop - www web/a untranslatable
rules
    pool web { source 10.9.0.7 ports 61017-61017; server a 10.0.0.11:8080 }
    service www on 203.0.113.10 icmp { mode passthrough; -> web }
in      eth / ip4 198.18.0.1 > 203.0.113.10 / icmp type echo-request id 7 seq 1 / payload "ping"
verdict forward - www web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 10.9.0.7 > 10.0.0.11 ttl 63 / icmp type echo-request id 61017 seq 1 / payload "ping"
in      eth / ip4 10.0.0.11 > 10.9.0.7 / icmp type echo-reply id 61017 seq 1 / payload "ping"
verdict forward - www web/a -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:01 / ip4 203.0.113.10 > 198.18.0.1 ttl 63 / icmp type echo-reply id 7 seq 1 / payload "ping"
rules
    pool six { source 2001:db8:9::7 ports 61018-61018; server b 2001:db8:1::11 }
    service w6 on 2001:db8::10 icmp6 { mode passthrough; -> six }
in      eth / ip6 2001:db8:c::1 > 2001:db8::10 / icmp6 type echo-request id 7 seq 1 / payload "ping"
verdict forward - w6 six/b -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:11 / ip6 2001:db8:9::7 > 2001:db8:1::11 hop 63 / icmp6 type echo-request id 61018 seq 1 / payload "ping"
in      eth / ip6 2001:db8:1::11 > 2001:db8:9::7 / icmp6 type echo-reply id 61018 seq 1 / payload "ping"
verdict forward - w6 six/b -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:01 / ip6 2001:db8::10 > 2001:db8:c::1 hop 63 / icmp6 type echo-reply id 7 seq 1 / payload "ping"

# Hairpin: the server is a client of its own service.
rules
    pool web { source 10.9.0.7 ports 61017-61017; server a 10.0.0.11:80 }
    service www on 203.0.113.10 tcp/80 { mode passthrough; -> web }
in      eth 02:00:00:00:00:33 > 02:00:00:00:00:02 / ip4 10.0.0.11 > 203.0.113.10 / tcp 1000 > 80 syn seq 1
verdict forward - www web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 10.9.0.7 > 10.0.0.11 ttl 63 / tcp 61017 > 80 syn seq 1
in      eth 02:00:00:00:00:33 > 02:00:00:00:00:02 / ip4 10.0.0.11 > 10.9.0.7 / tcp 80 > 61017 syn ack seq 9 ack 2
verdict forward - www web/a -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:33 / ip4 203.0.113.10 > 10.0.0.11 ttl 63 / tcp 80 > 1000 syn ack seq 9 ack 2
# LAND: nothing is sent to where it came from.
in      eth / ip4 203.0.113.10 > 203.0.113.10 / tcp 80 > 80 syn
verdict drop - www web/a same-ends
# An RST that is of no flow finds nobody; what is in mid-stream is taken up.
in      eth / ip4 198.18.0.9 > 203.0.113.10 / tcp 1000 > 80 rst seq 5
verdict drop - www web/a no-flow
rules
    pool web { source 10.9.0.7 ports 61017-61017; server a 10.0.0.11:80 }
    service www on 203.0.113.10 tcp/80 { mode passthrough; -> web }
in      eth / ip4 198.18.0.9 > 203.0.113.10 / tcp 1000 > 80 psh ack seq 5 ack 9 / payload "x"
verdict forward - www web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 10.9.0.7 > 10.0.0.11 ttl 63 / tcp 61017 > 80 psh ack seq 5 ack 9 / payload "x"
in      eth / ip4 10.0.0.11 > 10.9.0.7 / tcp 80 > 61017 rst seq 9
verdict forward - www web/a -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:01 / ip4 203.0.113.10 > 198.18.0.9 ttl 63 / tcp 80 > 1000 rst seq 9

# Any link: a bare IP packet leaves.
link    linux-cooked
rules
    pool web { source 10.9.0.7 ports 61017-61017; server a 10.0.0.11:80 }
    service www on 203.0.113.10 tcp/80 { mode passthrough; -> web }
in      sll / ip4 198.18.0.9 > 203.0.113.10 / tcp 1000 > 80 syn
verdict forward - www web/a -
out     ip4 10.9.0.7 > 10.0.0.11 ttl 63 / tcp 61017 > 80 syn
in      sll / ip4 10.0.0.11 > 10.9.0.7 / tcp 80 > 61017 syn ack seq 9 ack 1
verdict forward - www web/a -
out     ip4 203.0.113.10 > 198.18.0.9 ttl 63 / tcp 80 > 1000 syn ack seq 9 ack 1

# mss clamp: of SYNs both ways, lowered, never raised; auto: what the way bears.
link    -
mtu     0
rules
    pool web { source 10.9.0.7 ports 61017-61017; server a 10.0.0.11:80 }
    pool kp { server k 10.0.0.12 }
    service www on 203.0.113.10 tcp/80 { mode passthrough; mss clamp 1400; -> web }
    service auto on 203.0.113.11 tcp/80 { mode passthrough keep source; mss clamp auto; -> kp }
    service tun on 203.0.113.12 tcp/80 { mode dsr ipip; mss clamp auto; -> web2 }
    pool web2 { source 10.9.0.9; server c 10.0.0.13 }
in      eth / ip4 198.18.0.9 > 203.0.113.10 / tcp 1000 > 80 syn opt x"020405b4"
verdict forward - www web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 10.9.0.7 > 10.0.0.11 ttl 63 / tcp 61017 > 80 syn opt x"02040578"
in      eth / ip4 10.0.0.11 > 10.9.0.7 / tcp 80 > 61017 syn ack ack 1 opt x"020405b4"
verdict forward - www web/a -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:01 / ip4 203.0.113.10 > 198.18.0.9 ttl 63 / tcp 80 > 1000 syn ack ack 1 opt x"02040578"
in      eth / ip4 198.18.0.9 > 203.0.113.11 / tcp 1000 > 80 syn opt x"02040218"
verdict forward - auto kp/k -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0c / ip4 198.18.0.9 > 10.0.0.12 ttl 63 / tcp 1000 > 80 syn opt x"02040218"
mtu     1400
in      eth / ip4 198.18.0.9 > 203.0.113.11 / tcp 1001 > 80 syn opt x"020405b4"
verdict forward - auto kp/k -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0c / ip4 198.18.0.9 > 10.0.0.12 ttl 63 / tcp 1001 > 80 syn opt x"02040550"
in      eth / ip4 198.18.0.9 > 203.0.113.12 df / tcp 1001 > 80 syn opt x"020405b4"
verdict forward - tun web2/c -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0d / ip4 10.9.0.9 > 10.0.0.13 ttl 64 df proto ipip / ip4 198.18.0.9 > 203.0.113.12 df ttl 63 / tcp 1001 > 80 syn opt x"0204053c"
# Too big for the way to the client: the server is told, by this machine; without DF it goes in pieces.
in      eth / ip4 10.0.0.11 > 10.9.0.7 df / tcp 80 > 61017 ack ack 1 seq 1 / zeros 1400
verdict drop - www web/a too-big
out     any
in      eth / ip4 10.0.0.11 > 10.9.0.7 / tcp 80 > 61017 ack ack 1 seq 1 / zeros 1400
verdict forward - www web/a -
out     any
out     any
mtu     0

# No port is left: a flow that waits for its other side gives way, and its server is told; one that both use does not.
speaks  10.9.0.1
rules
    pool web { source 10.9.0.7 ports 61017-61017; server a 10.0.0.11:8080 }
    service www on 203.0.113.10 tcp/80, udp/80 { mode passthrough; -> web }
in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 7
verdict forward - www web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 10.9.0.7 > 10.0.0.11 ttl 63 / tcp 61017 > 8080 syn seq 7
in      eth / ip4 198.18.0.2 > 203.0.113.10 / tcp 1000 > 80 syn seq 50
verdict forward - www web/a -
out     eth 02:00:0a:09:00:01 > 02:00:0a:00:00:0b / ip4 10.9.0.7 > 10.0.0.11 df / tcp 61017 > 8080 rst seq 8 win 0
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 10.9.0.7 > 10.0.0.11 ttl 63 / tcp 61017 > 8080 syn seq 50
# What is no SYN drives nobody out.
in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 8 ack 1
verdict drop - www web/a no-source-port
in      eth / ip4 10.0.0.11 > 10.9.0.7 / tcp 8080 > 61017 syn ack seq 99 ack 51
verdict forward - www web/a -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:01 / ip4 203.0.113.10 > 198.18.0.2 ttl 63 / tcp 80 > 1000 syn ack seq 99 ack 51
in      eth / ip4 198.18.0.2 > 203.0.113.10 / tcp 1000 > 80 ack seq 51 ack 100
verdict forward - www web/a -
out     any
in      eth / ip4 198.18.0.3 > 203.0.113.10 / tcp 1000 > 80 syn seq 50
verdict drop - www web/a no-source-port
in      eth / ip4 198.18.0.1 > 203.0.113.10 / udp 1000 > 80 / payload "q"
verdict forward - www web/a -
out     any
in      eth / ip4 198.18.0.2 > 203.0.113.10 / udp 1000 > 80 / payload "q"
verdict drop - www web/a no-source-port
after   5
in      eth / ip4 198.18.0.2 > 203.0.113.10 / udp 1000 > 80 / payload "q"
verdict forward - www web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 10.9.0.7 > 10.0.0.11 ttl 63 / udp 61017 > 8080 / payload "q"
# A server that is its own client, in modes that keep the source: it would get a packet from itself, which no host takes.
rules
    pool web { server a 10.0.0.11:80; server six [2001:db8:9::11]:80 }
    service kept on 203.0.113.10, 2001:db8::10 tcp/80 { mode passthrough keep source; -> web }
    service dsr on 203.0.113.11 tcp/80 { mode dsr rewrite; -> web }
in      eth 02:00:00:00:00:33 > 02:00:00:00:00:02 / ip4 10.0.0.11 > 203.0.113.10 / tcp 1000 > 80 syn seq 1
verdict drop - kept web/a same-ends
in      eth 02:00:00:00:00:33 > 02:00:00:00:00:02 / ip6 2001:db8:9::11 > 2001:db8::10 / tcp 1000 > 80 syn seq 1
verdict drop - kept web/six same-ends
in      eth 02:00:00:00:00:33 > 02:00:00:00:00:02 / ip4 10.0.0.11 > 203.0.113.11 / tcp 1000 > 80 syn seq 1
verdict drop - dsr web/a same-ends
# A server that is its own client, in a mode that keeps the source: the next one in the pool takes it.
rules
    pool two { server a 10.0.0.11:80; server b 10.0.0.12:80 }
    service kept on 203.0.113.30 tcp/80 { mode passthrough keep source; -> two }
    firewall f default accept { }
in      eth / ip4 10.0.0.11 > 203.0.113.30 / tcp 4000 > 80 syn seq 1
verdict forward default kept two/b -
out     any
in      eth / ip4 10.0.0.12 > 203.0.113.30 / tcp 4000 > 80 syn seq 1
verdict forward default kept two/a -
out     any
