# ICMP errors about flows that are sent on, and fragments of them.
self    10.9.0.1
speaks  10.9.0.1, 2001:db8:9::1
rules
    pool web { source 10.9.0.7 ports 61017-61017; server a 10.0.0.11:8080 }
    pool six { source 2001:db8:9::7 ports 61018-61018; server b [2001:db8:1::11]:8080 }
    pool kp { server k 10.0.0.12:8080 }
    service www on 203.0.113.10 tcp/80, udp/80 { mode passthrough; -> web }
    service w6 on 2001:db8::10 udp/80 { mode passthrough; -> six }
    service kp on 203.0.113.12 udp/80, icmp { mode passthrough keep source; -> kp }
    firewall f default drop { accept tcp to 203.0.113.10 as WEB; accept udp, icmp to 203.0.113.10, 203.0.113.12 as U; accept udp to 2001:db8::10 as W6 }

# About what we sent to the server, from it and from a router: the client hears of what it sent.
in      eth / ip4 198.18.0.1 > 203.0.113.10 / udp 1000 > 80 / payload "q"
verdict forward U www web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 10.9.0.7 > 10.0.0.11 ttl 63 / udp 61017 > 8080 / payload "q"
in      eth / ip4 10.0.0.11 > 10.9.0.7 / icmp type destination-unreachable code 3 / ip4 10.9.0.7 > 10.0.0.11 ttl 63 / udp 61017 > 8080 / payload "q"
verdict forward - www web/a -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:01 / ip4 203.0.113.10 > 198.18.0.1 ttl 63 / icmp type destination-unreachable code 3 / ip4 198.18.0.1 > 203.0.113.10 ttl 63 / udp 1000 > 80 / payload "q"
in      eth / ip4 10.9.9.9 > 10.9.0.7 / icmp type time-exceeded / ip4 10.9.0.7 > 10.0.0.11 ttl 1 / udp 61017 > 8080 / payload "q"
verdict forward - www web/a -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:01 / ip4 10.9.9.9 > 198.18.0.1 ttl 63 / icmp type time-exceeded / ip4 198.18.0.1 > 203.0.113.10 ttl 1 / udp 1000 > 80 / payload "q"
# About a reply, from the client and from a router: the server hears of what it sent.
in      eth / ip4 198.18.0.1 > 203.0.113.10 / icmp type destination-unreachable code 3 / ip4 203.0.113.10 > 198.18.0.1 / udp 80 > 1000 / payload "r"
verdict forward - www web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 10.9.0.7 > 10.0.0.11 ttl 63 / icmp type destination-unreachable code 3 / ip4 10.0.0.11 > 10.9.0.7 / udp 8080 > 61017 / payload "r"
# In another VLAN it quotes no flow, and is judged.
in      eth / vlan 1 / ip4 192.0.2.99 > 203.0.113.10 / icmp type destination-unreachable code 3 / ip4 203.0.113.10 > 198.18.0.1 / udp 80 > 1000 / payload "r"
verdict accept U - - -
in      eth / ip4 192.0.2.99 > 203.0.113.10 / icmp type destination-unreachable code 4 mtu 1280 / ip4 203.0.113.10 > 198.18.0.1 / udp 80 > 1000 / payload "r"
verdict forward - www web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 192.0.2.99 > 10.0.0.11 ttl 63 / icmp type destination-unreachable code 4 mtu 1280 / ip4 10.0.0.11 > 10.9.0.7 / udp 8080 > 61017 / payload "r"
# TCP: who knows no number that was in flight has no say (RFC 5927).
in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 7
verdict forward WEB www web/a -
out     any
in      eth / ip4 10.9.9.9 > 10.9.0.7 / icmp type destination-unreachable code 1 / ip4 10.9.0.7 > 10.0.0.11 ttl 60 / tcp 61017 > 8080 syn seq 7
verdict forward - www web/a -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:01 / ip4 10.9.9.9 > 198.18.0.1 ttl 63 / icmp type destination-unreachable code 1 / ip4 198.18.0.1 > 203.0.113.10 ttl 60 / tcp 1000 > 80 syn seq 7
in      eth / ip4 10.9.9.9 > 10.9.0.7 / icmp type destination-unreachable code 1 / ip4 10.9.0.7 > 10.0.0.11 ttl 60 / tcp 61017 > 8080 syn seq 900007
verdict drop default - - -
# An error that is not for who sent the packet is none.
in      eth / ip4 10.9.9.9 > 10.9.0.8 / icmp type time-exceeded / ip4 10.9.0.7 > 10.0.0.11 ttl 1 / udp 61017 > 8080 / payload "q"
verdict drop default - - -
# IPv6
in      eth / ip6 2001:db8:c::1 > 2001:db8::10 / udp 1000 > 80 / payload "q"
verdict forward W6 w6 six/b -
out     any
in      eth / ip6 2001:db8:9::99 > 2001:db8:9::7 / icmp6 type packet-too-big mtu 1280 / ip6 2001:db8:9::7 > 2001:db8:1::11 hop 63 / udp 61018 > 8080 / payload "q"
verdict forward - w6 six/b -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:01 / ip6 2001:db8:9::99 > 2001:db8:c::1 hop 63 / icmp6 type packet-too-big mtu 1280 / ip6 2001:db8:c::1 > 2001:db8::10 hop 63 / udp 1000 > 80 / payload "q"
in      eth / ip6 2001:db8:f::99 > 2001:db8::10 / icmp6 type time-exceeded / ip6 2001:db8::10 > 2001:db8:c::1 / udp 80 > 1000 / payload "r"
verdict forward - w6 six/b -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:11 / ip6 2001:db8:f::99 > 2001:db8:1::11 hop 63 / icmp6 type time-exceeded / ip6 2001:db8:1::11 > 2001:db8:9::7 / udp 8080 > 61018 / payload "r"
# keep source
in      eth / ip4 198.18.0.1 > 203.0.113.12 / udp 1000 > 80 / payload "q"
verdict forward U kp kp/k -
out     any
in      eth / ip4 10.0.0.12 > 198.18.0.1 / icmp type destination-unreachable code 3 / ip4 198.18.0.1 > 10.0.0.12 ttl 63 / udp 1000 > 8080 / payload "q"
verdict forward - kp kp/k -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:01 / ip4 203.0.113.12 > 198.18.0.1 ttl 63 / icmp type destination-unreachable code 3 / ip4 198.18.0.1 > 203.0.113.12 ttl 63 / udp 1000 > 80 / payload "q"

# Fragments: the later ones have no ports, and follow their first, with the addresses rewritten and no checksum touched.
in      eth / ip4 198.18.0.1 > 203.0.113.10 id 77 more / udp 1000 > 80 len 40 / payload "0123456789abcdef"
verdict forward U www web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 10.9.0.7 > 10.0.0.11 ttl 63 id 77 more / udp 61017 > 8080 len 40 / payload "0123456789abcdef"
in      eth / ip4 198.18.0.1 > 203.0.113.10 id 77 frag 24 proto udp / payload "0123456789abcdef"
verdict forward U www web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 10.9.0.7 > 10.0.0.11 ttl 63 id 77 frag 24 proto udp / payload "0123456789abcdef"
# Those of a reply
in      eth / ip4 10.0.0.11 > 10.9.0.7 id 78 more / udp 8080 > 61017 len 40 / payload "0123456789abcdef"
verdict forward - www web/a -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:01 / ip4 203.0.113.10 > 198.18.0.1 ttl 63 id 78 more / udp 80 > 1000 len 40 / payload "0123456789abcdef"
in      eth / ip4 10.0.0.11 > 10.9.0.7 id 78 frag 24 proto udp / payload "0123456789abcdef"
verdict forward - www web/a -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:01 / ip4 203.0.113.10 > 198.18.0.1 ttl 63 id 78 frag 24 proto udp / payload "0123456789abcdef"
# One that comes early waits, and leaves after its first.
in      eth / ip4 198.18.0.1 > 203.0.113.10 id 79 frag 24 proto udp / payload "0123456789abcdef"
verdict held - - - -
in      eth / ip4 198.18.0.1 > 203.0.113.10 id 79 more / udp 1000 > 80 len 40 / payload "0123456789abcdef"
verdict forward U www web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 10.9.0.7 > 10.0.0.11 ttl 63 id 79 more / udp 61017 > 8080 len 40 / payload "0123456789abcdef"
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 10.9.0.7 > 10.0.0.11 ttl 63 id 79 frag 24 proto udp / payload "0123456789abcdef"
released 1 forward U www web/a -
# IPv6's, and none with a hop left
in      eth / ip6 2001:db8:c::1 > 2001:db8::10 / frag6 0 more id 5 / udp 1000 > 80 len 40 / payload "0123456789abcdef"
verdict forward W6 w6 six/b -
out     any
in      eth / ip6 2001:db8:c::1 > 2001:db8::10 / frag6 24 id 5 next 17 / payload "0123456789abcdef"
verdict forward W6 w6 six/b -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:11 / ip6 2001:db8:9::7 > 2001:db8:1::11 hop 63 / frag6 24 id 5 next 17 / payload "0123456789abcdef"
in      eth / ip4 198.18.0.1 > 203.0.113.10 id 80 more / udp 1000 > 80 len 40 / payload "0123456789abcdef"
verdict forward U www web/a -
out     any
in      eth / ip4 198.18.0.1 > 203.0.113.10 id 80 frag 24 proto udp ttl 1 / payload "0123456789abcdef"
verdict drop U www web/a ttl-exceeded
# What was refused is refused with all its fragments.
in      eth / ip4 198.18.0.3 > 203.0.113.10 id 80 more / udp 1000 > 80 len 40 / payload "0123456789abcdef"
verdict drop U www web/a no-source-port
in      eth / ip4 198.18.0.3 > 203.0.113.10 id 80 frag 24 proto udp / payload "0123456789abcdef"
verdict drop U www web/a no-source-port

# Fragments of what goes into a tunnel, or to a MAC address, go the same way.
rules
    pool web { server a 10.0.0.11 }
    service l2 on 203.0.113.10 udp/80 { mode dsr l2; -> web }
    service tun on 203.0.113.11 udp/80 { mode dsr gue 6080; -> web }
in      eth / ip4 198.18.0.1 > 203.0.113.10 id 80 more / udp 1000 > 80 len 40 / payload "0123456789abcdef"
verdict forward - l2 web/a -
out     any
in      eth / ip4 198.18.0.1 > 203.0.113.10 id 80 frag 24 proto udp / payload "0123456789abcdef"
verdict forward - l2 web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 198.18.0.1 > 203.0.113.10 id 80 frag 24 proto udp / payload "0123456789abcdef"
in      eth / ip4 198.18.0.1 > 203.0.113.11 id 80 more / udp 1000 > 80 len 40 / payload "0123456789abcdef"
verdict forward - tun web/a -
out     any
in      eth / ip4 198.18.0.1 > 203.0.113.11 id 80 frag 24 proto udp / payload "0123456789abcdef"
verdict forward - tun web/a -
out     any
