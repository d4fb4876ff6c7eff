# Decapsulation: what is inside is judged by the whole firewall, once; the verdict is its own.
self 10.0.0.9, 2001:db8:9::9, 203.0.113.10
rules
    firewall f default drop {
      decap ipip from 192.0.2.1, 2001:db8:1::1 to self as IPIP
      decap gue 6080 from 192.0.2.1, 2001:db8:1::1 to self as GUE
      accept icmp6 type nd
      accept tcp to 203.0.113.10 port 80 as WEB
      accept icmp6 to self as PING6
      reject udp port 53 as NO_DNS
      drop tcp port 23 as TELNET
    }
# 4 in 4, let in; the host gets what was inside, and only that. The frame keeps its link header and tags.
in      eth / ip4 192.0.2.1 > 10.0.0.9 / ip4 198.51.100.7 > 203.0.113.10 ttl 63 / tcp 1000 > 80 syn
verdict accept WEB - - -
matches IPIP WEB
inside  eth / ip4 198.51.100.7 > 203.0.113.10 ttl 63 / tcp 1000 > 80 syn
count   IPIP 1
count   WEB 1
in      eth / vlan 5 / vlan 6 / ip4 192.0.2.1 > 10.0.0.9 / ip4 198.51.100.7 > 203.0.113.10 / tcp 1000 > 80 syn / taken 4
verdict accept WEB - - -
inside  eth / vlan 5 / vlan 6 / ip4 198.51.100.7 > 203.0.113.10 / tcp 1000 > 80 syn / taken 4
# 6 in 4, 4 in 6, 6 in 6: the type follows what is inside.
in      eth / ip4 192.0.2.1 > 10.0.0.9 / ip6 2001:db8:7::7 > 2001:db8:9::9 / icmp6 type echo-request id 1 seq 1
verdict accept PING6 - - -
inside  eth / ip6 2001:db8:7::7 > 2001:db8:9::9 / icmp6 type echo-request id 1 seq 1
in      eth / ip6 2001:db8:1::1 > 2001:db8:9::9 / ip4 198.51.100.7 > 203.0.113.10 / tcp 1000 > 80 syn
verdict accept WEB - - -
inside  eth / ip4 198.51.100.7 > 203.0.113.10 / tcp 1000 > 80 syn
in      eth / vlan 9 / ip6 2001:db8:1::1 > 2001:db8:9::9 / ip6 2001:db8:7::7 > 2001:db8:9::9 / icmp6 type echo-request id 1 seq 1
verdict accept PING6 - - -
inside  eth / vlan 9 / ip6 2001:db8:7::7 > 2001:db8:9::9 / icmp6 type echo-request id 1 seq 1
# GUE
in      eth / ip4 192.0.2.1 > 10.0.0.9 / udp 50000 > 6080 csum 0 / payload x"00040000" / ip4 198.51.100.7 > 203.0.113.10 / tcp 1000 > 80 syn
verdict accept WEB - - -
inside  eth / ip4 198.51.100.7 > 203.0.113.10 / tcp 1000 > 80 syn
count   GUE 1
in      eth / ip6 2001:db8:1::1 > 2001:db8:9::9 / udp 50000 > 6080 / payload x"00290000" / ip6 2001:db8:7::7 > 2001:db8:9::9 / icmp6 type echo-request id 1 seq 1
verdict accept PING6 - - -
inside  eth / ip6 2001:db8:7::7 > 2001:db8:9::9 / icmp6 type echo-request id 1 seq 1
# GUE of variant 1: the inner header itself stands behind UDP, and says its version.
in      eth / ip4 192.0.2.1 > 10.0.0.9 / udp 50000 > 6080 csum 0 / ip4 198.51.100.7 > 203.0.113.10 / tcp 1000 > 80 syn
verdict accept WEB - - -
matches GUE WEB
inside  eth / ip4 198.51.100.7 > 203.0.113.10 / tcp 1000 > 80 syn
in      eth / vlan 5 / ip6 2001:db8:1::1 > 2001:db8:9::9 / udp 50000 > 6080 / ip6 2001:db8:7::7 > 2001:db8:9::9 / icmp6 type echo-request id 1 seq 1
verdict accept PING6 - - -
inside  eth / vlan 5 / ip6 2001:db8:7::7 > 2001:db8:9::9 / icmp6 type echo-request id 1 seq 1
in      eth / ip4 192.0.2.1 > 10.0.0.9 / udp 50000 > 6080 csum 0 / payload x"50000000" / zeros 40
verdict drop GUE - - bad-tunnel
in      eth / ip4 192.0.2.1 > 10.0.0.9 / udp 50000 > 6080 csum 0 / payload x"c0040000" / zeros 40
verdict drop GUE - - bad-tunnel
# What is behind the inner packet, in the tunnel or in the frame, is left out.
in      eth / ip4 192.0.2.1 > 10.0.0.9 ipip / ip4 198.51.100.7 > 203.0.113.10 len 40 / tcp 1000 > 80 syn csum 7 / zeros 9 / pad 6
verdict accept WEB - - -
inside  eth / ip4 198.51.100.7 > 203.0.113.10 / tcp 1000 > 80 syn csum 7
# A tunnel's packet of another sender, to another address or port, is a packet like any other.
in      eth / ip4 192.0.2.2 > 10.0.0.9 / ip4 198.51.100.7 > 203.0.113.10 / tcp 1000 > 80 syn
verdict drop default - - -
matches -
in      eth / ip4 192.0.2.1 > 10.0.0.8 / ip4 198.51.100.7 > 203.0.113.10 / tcp 1000 > 80 syn
verdict drop default - - -
in      eth / ip4 192.0.2.1 > 10.0.0.9 / udp 50000 > 6081 csum 0 / payload x"00040000" / ip4 198.51.100.7 > 203.0.113.10 / tcp 1000 > 80 syn
verdict drop default - - -
in      eth / ip4 192.0.2.1 > 10.0.0.9 / gre
verdict drop default - - -

# What the inner packet meets: a drop, the default, a reject, which is answered to its sender.
in      eth / ip4 192.0.2.1 > 10.0.0.9 / ip4 198.51.100.7 > 203.0.113.10 / tcp 1000 > 23 syn
verdict drop TELNET - - -
matches IPIP TELNET
in      eth / ip4 192.0.2.1 > 10.0.0.9 / ip4 198.51.100.7 > 203.0.113.10 / tcp 1000 > 25 syn
verdict drop default - - -
matches IPIP
in      eth / ip4 192.0.2.1 > 10.0.0.9 / ip4 198.51.100.7 > 203.0.113.10 / udp 1000 > 53
verdict reject NO_DNS - - -
out     eth 02:00:00:00:00:02 > 02:00:c6:33:64:07 / ip4 203.0.113.10 > 198.51.100.7 df tos 0xc0 / icmp type destination-unreachable code 3 / ip4 198.51.100.7 > 203.0.113.10 / udp 1000 > 53
# Its direction is that of its own addresses; nobody else speaks for this machine.
in      eth / ip4 192.0.2.1 > 10.0.0.9 / ip4 203.0.113.10 > 203.0.113.10 / tcp 1000 > 80 syn
verdict drop IPIP - - tunnel-source
in      eth / ip6 2001:db8:1::1 > 2001:db8:9::9 / udp 50000 > 6080 / payload x"00290000" / ip6 2001:db8:9::9 > 2001:db8:7::7 / icmp6 type echo-request id 1 seq 1
verdict drop GUE - - tunnel-source

# One level is taken off, not two.
in      eth / ip4 192.0.2.1 > 10.0.0.9 / ip4 192.0.2.1 > 10.0.0.9 / ip4 198.51.100.7 > 203.0.113.10 / tcp 1000 > 80 syn
verdict drop IPIP - - nested-tunnel
in      eth / ip4 192.0.2.1 > 10.0.0.9 / ip4 192.0.2.1 > 10.0.0.9 / udp 50000 > 6080 csum 0 / payload x"00040000" / ip4 198.51.100.7 > 203.0.113.10 / tcp 1000 > 80 syn
verdict drop GUE - - nested-tunnel
matches IPIP GUE
in      eth / ip4 192.0.2.1 > 10.0.0.9 / udp 50000 > 6080 csum 0 / payload x"00040000" / ip4 192.0.2.1 > 10.0.0.9 / ip4 198.51.100.7 > 203.0.113.10 / tcp 1000 > 80 syn
verdict drop IPIP - - nested-tunnel
# A tunnel in it that nobody opens is a packet like any other.
in      eth / ip4 192.0.2.1 > 10.0.0.9 / ip4 192.0.2.3 > 10.0.0.9 / ip4 198.51.100.7 > 203.0.113.10 / tcp 1000 > 80 syn
verdict drop default - - -

# Lengths that lie, versions that are not those of the protocol, headers that are not there
in      eth / ip4 192.0.2.1 > 10.0.0.9 proto 4
verdict drop IPIP - - bad-tunnel
in      eth / ip4 192.0.2.1 > 10.0.0.9 proto 4 / payload x"45"
verdict drop IPIP - - bad-tunnel
in      eth / ip4 192.0.2.1 > 10.0.0.9 / ip4 198.51.100.7 > 203.0.113.10 len 41 / tcp 1000 > 80 syn
verdict drop IPIP - - bad-tunnel
in      eth / ip4 192.0.2.1 > 10.0.0.9 / ip4 198.51.100.7 > 203.0.113.10 len 41 / tcp 1000 > 80 syn / pad 8
verdict drop IPIP - - bad-tunnel
in      eth / ip4 192.0.2.1 > 10.0.0.9 / ip4 198.51.100.7 > 203.0.113.10 len 0 / tcp 1000 > 80 syn
verdict drop IPIP - - bad-tunnel
in      eth / ip4 192.0.2.1 > 10.0.0.9 / ip4 198.51.100.7 > 203.0.113.10 len 65535 / tcp 1000 > 80 syn
verdict drop IPIP - - bad-tunnel
in      eth / ip4 192.0.2.1 > 10.0.0.9 / ip4 198.51.100.7 > 203.0.113.10 ihl 4 / tcp 1000 > 80 syn
verdict drop IPIP - - bad-tunnel
in      eth / ip4 192.0.2.1 > 10.0.0.9 proto 41 / ip4 198.51.100.7 > 203.0.113.10 / tcp 1000 > 80 syn
verdict drop IPIP - - bad-tunnel
in      eth / ip4 192.0.2.1 > 10.0.0.9 proto 4 / ip6 2001:db8:7::7 > 2001:db8:9::9 / icmp6 type echo-request id 1 seq 1
verdict drop IPIP - - bad-tunnel
in      eth / ip6 2001:db8:1::1 > 2001:db8:9::9 / ip6 2001:db8:7::7 > 2001:db8:9::9 len 9 / icmp6 type echo-request id 1 seq 1
verdict drop IPIP - - bad-tunnel
in      eth / ip6 2001:db8:1::1 > 2001:db8:9::9 / ip6 2001:db8:7::7 > 2001:db8:9::9 ver 5 / icmp6 type echo-request id 1 seq 1
verdict drop IPIP - - bad-tunnel
# GUE: too short, another variant, a control message, optional fields, flags, a protocol that is not IP, a wrong checksum
in      eth / ip4 192.0.2.1 > 10.0.0.9 / udp 50000 > 6080 csum 0
verdict drop GUE - - bad-tunnel
in      eth / ip4 192.0.2.1 > 10.0.0.9 / udp 50000 > 6080 csum 0 / payload x"000400"
verdict drop GUE - - bad-tunnel
in      eth / ip4 192.0.2.1 > 10.0.0.9 / udp 50000 > 6080 csum 0 / payload x"00040000"
verdict drop GUE - - bad-tunnel
in      eth / ip4 192.0.2.1 > 10.0.0.9 / udp 50000 > 6080 csum 0 / ip4 198.51.100.7 > 203.0.113.10 ver 7 / tcp 1000 > 80 syn
verdict drop GUE - - bad-tunnel
in      eth / ip4 192.0.2.1 > 10.0.0.9 / udp 50000 > 6080 csum 0 / payload x"80040000" / ip4 198.51.100.7 > 203.0.113.10 / tcp 1000 > 80 syn
verdict drop GUE - - bad-tunnel
in      eth / ip4 192.0.2.1 > 10.0.0.9 / udp 50000 > 6080 csum 0 / payload x"20040000" / ip4 198.51.100.7 > 203.0.113.10 / tcp 1000 > 80 syn
verdict drop GUE - - bad-tunnel
in      eth / ip4 192.0.2.1 > 10.0.0.9 / udp 50000 > 6080 csum 0 / payload x"01040000" / ip4 198.51.100.7 > 203.0.113.10 / tcp 1000 > 80 syn
verdict drop GUE - - bad-tunnel
in      eth / ip4 192.0.2.1 > 10.0.0.9 / udp 50000 > 6080 csum 0 / payload x"00040001" / ip4 198.51.100.7 > 203.0.113.10 / tcp 1000 > 80 syn
verdict drop GUE - - bad-tunnel
in      eth / ip4 192.0.2.1 > 10.0.0.9 / udp 50000 > 6080 csum 0 / payload x"00060000" / ip4 198.51.100.7 > 203.0.113.10 / tcp 1000 > 80 syn
verdict drop GUE - - bad-tunnel
in      eth / ip4 192.0.2.1 > 10.0.0.9 / udp 50000 > 6080 csum 7 / payload x"00040000" / ip4 198.51.100.7 > 203.0.113.10 / tcp 1000 > 80 syn
verdict drop GUE - - bad-tunnel
# A UDP length that ends before the inner packet does
in      eth / ip4 192.0.2.1 > 10.0.0.9 / udp 50000 > 6080 csum 0 len 51 / payload x"00040000" / ip4 198.51.100.7 > 203.0.113.10 / tcp 1000 > 80 syn
verdict drop GUE - - bad-tunnel

# What is malformed inside has the parser's reason, and no rule.
in      eth / ip4 192.0.2.1 > 10.0.0.9 / ip4 198.51.100.7 > 203.0.113.10 / tcp 1000 > 80 syn off 4
verdict drop - - - bad-tcp-offset
matches IPIP
in      eth / ip4 192.0.2.1 > 10.0.0.9 / ip4 198.51.100.7 > 203.0.113.10 / udp 1 > 80 len 7
verdict drop - - - bad-udp-length
in      eth / ip4 192.0.2.1 > 10.0.0.9 / ip6 2001:db8:7::7 > 2001:db8:9::9 / dst / hbh / tcp 1000 > 80 syn
verdict drop - - - ip6-extension-chain
in      eth / ip4 192.0.2.1 > 10.0.0.9 / ip6 2001:db8:7::7 > 2001:db8:9::9 / routing type 0 left 1 data 0 opt x"20010db8000900000000000000000009" / tcp 1000 > 80 syn
verdict drop - - - ip6-routing-0
# Port 0 is a port.
in      eth / ip4 192.0.2.1 > 10.0.0.9 / ip4 198.51.100.7 > 203.0.113.10 / tcp 0 > 0 syn
verdict drop default - - -
# Extension headers before it and inside it are walked.
in      eth / ip6 2001:db8:1::1 > 2001:db8:9::9 / hbh / dst / ip6 2001:db8:7::7 > 2001:db8:9::9 / hbh / dst / icmp6 type echo-request id 1 seq 1
verdict accept PING6 - - -
inside  eth / ip6 2001:db8:7::7 > 2001:db8:9::9 / hbh / dst / icmp6 type echo-request id 1 seq 1

# Fragments of a tunnel's packet are not put together; each says so. Those inside follow their first as ever.
in      eth / ip4 192.0.2.1 > 10.0.0.9 id 7 more / ip4 198.51.100.7 > 203.0.113.10 len 60 / tcp 1000 > 80 syn / zeros 8
verdict drop IPIP - - tunnel-fragment
in      eth / ip4 192.0.2.1 > 10.0.0.9 id 7 frag 48 proto 4 / zeros 12
verdict drop IPIP - - tunnel-fragment
in      eth / ip6 2001:db8:1::1 > 2001:db8:9::9 / frag6 0 more id 7 / udp 50000 > 6080 len 64 csum 1 / payload x"00040000" / ip4 198.51.100.7 > 203.0.113.10 / tcp 1000 > 80 syn / zeros 4
verdict drop GUE - - tunnel-fragment
in      eth / ip6 2001:db8:1::1 > 2001:db8:9::9 / frag6 56 id 7 next 17 / zeros 8
verdict drop GUE - - tunnel-fragment
in      eth / ip4 192.0.2.1 > 10.0.0.9 / ip4 198.51.100.7 > 203.0.113.10 id 9 more / tcp 1000 > 80 syn / zeros 4
verdict accept WEB - - -
inside  eth / ip4 198.51.100.7 > 203.0.113.10 id 9 more / tcp 1000 > 80 syn / zeros 4
in      eth / ip4 192.0.2.1 > 10.0.0.9 / ip4 198.51.100.7 > 203.0.113.10 id 9 frag 24 proto tcp / zeros 4
verdict accept WEB - - -
inside  eth / ip4 198.51.100.7 > 203.0.113.10 id 9 frag 24 proto tcp / zeros 4
# One that comes before its first is held, as it would be by itself.
in      eth / ip4 192.0.2.1 > 10.0.0.9 / ip4 198.51.100.7 > 203.0.113.10 id 10 frag 24 proto tcp / zeros 4
verdict held - - - -
in      eth / ip4 192.0.2.1 > 10.0.0.9 / ip4 198.51.100.7 > 203.0.113.10 id 10 more / tcp 1000 > 80 syn / zeros 4
verdict accept WEB - - -
inside  eth / ip4 198.51.100.7 > 203.0.113.10 id 10 more / tcp 1000 > 80 syn / zeros 4
released 1 accept WEB - - -

# Cut by the capture: inside its headers, and behind them
in      eth / ip4 192.0.2.1 > 10.0.0.9 / ip4 198.51.100.7 > 203.0.113.10 / tcp 1000 > 80 syn / zeros 99 / cut 44
verdict drop IPIP - - snapped
in      eth / ip4 192.0.2.1 > 10.0.0.9 / ip4 198.51.100.7 > 203.0.113.10 / tcp 1000 > 80 syn / zeros 99 / cut 60
verdict drop - - - snapped

# ECN (RFC 6040, 4.2): congestion on the way is told inside where that is spoken, else the packet is dropped. DSCP stays.
in      eth / ip4 192.0.2.1 > 10.0.0.9 tos 0x03 / ip4 198.51.100.7 > 203.0.113.10 tos 0xb8 / tcp 1000 > 80 syn
verdict drop IPIP - - tunnel-congested
in      eth / ip4 192.0.2.1 > 10.0.0.9 tos 0x03 / ip4 198.51.100.7 > 203.0.113.10 tos 0xba / tcp 1000 > 80 syn
verdict accept WEB - - -
inside  eth / ip4 198.51.100.7 > 203.0.113.10 tos 0xbb / tcp 1000 > 80 syn
in      eth / ip6 2001:db8:1::1 > 2001:db8:9::9 tclass 0x2b / udp 50000 > 6080 csum 0 / payload x"00290000" / ip6 2001:db8:7::7 > 2001:db8:9::9 tclass 0x01 / icmp6 type echo-request id 1 seq 1
verdict accept PING6 - - -
inside  eth / ip6 2001:db8:7::7 > 2001:db8:9::9 tclass 0x03 / icmp6 type echo-request id 1 seq 1
in      eth / ip4 192.0.2.1 > 10.0.0.9 tos 0xb9 / ip4 198.51.100.7 > 203.0.113.10 / tcp 1000 > 80 syn
verdict accept WEB - - -
inside  eth / ip4 198.51.100.7 > 203.0.113.10 / tcp 1000 > 80 syn
# TTL 1 inside: it has arrived.
in      eth / ip4 192.0.2.1 > 10.0.0.9 ttl 1 / ip4 198.51.100.7 > 203.0.113.10 ttl 1 / tcp 1000 > 80 syn
verdict accept WEB - - -
inside  eth / ip4 198.51.100.7 > 203.0.113.10 ttl 1 / tcp 1000 > 80 syn

# Flows are those of what is inside: the outer packet has none. Each is judged on its own; rules and meters ask both.
rules
    meter slow = 1/s burst 1 per source
    firewall f default drop {
      count over slow as OVER
      decap ipip from 192.0.2.1 as IPIP
      accept state established as EST
      accept tcp port 80 flags has syn lacks ack state new as NEW
      drop state invalid as BAD
    }
in      eth / ip4 192.0.2.1 > 10.0.0.9 / ip4 198.51.100.7 > 203.0.113.10 / tcp 1000 > 80 syn seq 1
verdict accept NEW - - -
matches IPIP NEW
inside  eth / ip4 198.51.100.7 > 203.0.113.10 / tcp 1000 > 80 syn seq 1
# The host answers without a tunnel.
in      eth / ip4 203.0.113.10 > 198.51.100.7 / tcp 80 > 1000 syn ack seq 500 ack 2
verdict accept - - - -
in      eth / ip4 192.0.2.1 > 10.0.0.9 / ip4 198.51.100.7 > 203.0.113.10 / tcp 1000 > 80 ack seq 2 ack 501
verdict accept EST - - -
matches OVER IPIP EST
inside  eth / ip4 198.51.100.7 > 203.0.113.10 / tcp 1000 > 80 ack seq 2 ack 501
in      eth / ip4 192.0.2.1 > 10.0.0.9 / ip4 198.51.100.7 > 203.0.113.10 / tcp 1001 > 80 ack seq 2 ack 501
verdict drop BAD - - -
count   IPIP 3
count   OVER 4
# The inner packet's source has its token, though the outer one's has none left.
in      eth / ip4 192.0.2.1 > 10.0.0.9 / ip4 198.51.100.8 > 203.0.113.10 / tcp 1000 > 80 syn seq 1
verdict accept NEW - - -
inside  eth / ip4 198.51.100.8 > 203.0.113.10 / tcp 1000 > 80 syn seq 1
count   OVER 5

# A firewall may have a direction, an interface or a VLAN of its own: what is inside comes where the outer packet came.
self 10.0.0.9, 203.0.113.10
on lan0
rules
    interface lan = "lan0"
    firewall in_lan on lan in default drop {
      decap ipip from 192.0.2.1 to self as IPIP
      accept tcp vlan 5 port 80 as WEB
    }
    firewall across forward default drop { accept udp as CROSS }
    firewall other in default accept { count as OTHER }
in      eth / vlan 5 / ip4 192.0.2.1 > 10.0.0.9 / ip4 198.51.100.7 > 203.0.113.10 / tcp 1000 > 80 syn
verdict accept WEB - - -
matches IPIP WEB
inside  eth / vlan 5 / ip4 198.51.100.7 > 203.0.113.10 / tcp 1000 > 80 syn
in      eth / vlan 6 / ip4 192.0.2.1 > 10.0.0.9 / ip4 198.51.100.7 > 203.0.113.10 / tcp 1000 > 80 syn
verdict drop default - - -
# To neither address of this machine: it would cross.
in      eth / ip4 192.0.2.1 > 10.0.0.9 / ip4 198.51.100.7 > 203.0.113.99 / udp 1000 > 80
verdict accept CROSS - - -
matches IPIP CROSS
inside  eth / ip4 198.51.100.7 > 203.0.113.99 / udp 1000 > 80
on -

# Links without Ethernet: what is inside is a bare packet then.
link raw
rules
    firewall f default drop { decap gue 6080 from 192.0.2.1 as GUE; accept tcp as TCP }
in      ip4 192.0.2.1 > 10.0.0.9 / udp 50000 > 6080 csum 0 / payload x"00040000" / ip4 198.51.100.7 > 203.0.113.10 / tcp 1000 > 80 syn
verdict accept TCP - - -
inside  ip4 198.51.100.7 > 203.0.113.10 / tcp 1000 > 80 syn
