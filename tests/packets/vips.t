# Services' addresses: what is asked of the address itself is answered here, unless the host holds it.
rules
    pool web { server a 10.0.0.11; server b 2001:db8:a::11 }
    pool ping { server a 10.0.0.11; server b 2001:db8:a::11 }
    service www on 203.0.113.10, 2001:db8::10 tcp/80 { mode passthrough; announce; -> web }
    service dns on 203.0.113.10, 203.0.113.20, 2001:db8::20 udp/53 { mode passthrough; -> web }
    service pinged on 203.0.113.30, 2001:db8::30 icmp, icmp6 { mode passthrough; announce; -> ping }
    service old on any tcp/8080 { mode passthrough; -> web }
    service wired on 203.0.113.40 tcp/80 { mode proxy inline }
    firewall f default drop { drop from 198.51.100.66, 2001:db8:66::66 as EVIL; accept icmp6 type nd as ND; accept icmp, icmp6 as PING }
# Echo, with its data, from the address that was asked; VLAN tags stay.
in      eth / ip4 198.51.100.1 > 203.0.113.10 / icmp type echo-request id 1 seq 1 / payload "abc"
verdict accept PING - - -
out     eth back / ip4 203.0.113.10 > 198.51.100.1 / icmp type echo-reply id 1 seq 1 / payload "abc"
in      eth / vlan 5 / ip4 198.51.100.1 > 203.0.113.20 tos 0xb8 df id 9 / icmp type echo-request id 1 seq 2 / taken 4
verdict accept PING - - -
out     eth back / vlan 5 / ip4 203.0.113.20 > 198.51.100.1 tos 0xb8 df id 9 / icmp type echo-reply id 1 seq 2 / taken 4
in      eth / vlan 5 / ip6 2001:db8:7::7 > 2001:db8::20 / icmp6 type echo-request id 1 seq 1 / payload "abc"
verdict accept PING - - -
out     eth back / vlan 5 / ip6 2001:db8::20 > 2001:db8:7::7 / icmp6 type echo-reply id 1 seq 1 / payload "abc"
# In the wire its host answers.
in      eth / ip4 198.51.100.1 > 203.0.113.40 / icmp type echo-request id 2 seq 1
verdict accept PING - - -
# Not one of them; of another kind; dropped by a rule; from a group; with a wrong checksum; in fragments; other ICMP
in      eth / ip4 198.51.100.1 > 203.0.113.11 / icmp type echo-request id 2 seq 1
verdict accept PING - - -
in      eth / ip4 198.51.100.1 > 203.0.113.10 / icmp type timestamp-request id 2 seq 1 / zeros 12
verdict accept PING - - -
in      eth / ip4 198.51.100.1 > 203.0.113.10 / icmp type echo-reply id 2 seq 1
verdict accept PING - - -
in      eth / ip4 198.51.100.66 > 203.0.113.10 / icmp type echo-request id 2 seq 1
verdict drop EVIL - - -
in      eth / ip4 224.0.0.1 > 203.0.113.10 / icmp type echo-request id 2 seq 1
verdict accept PING - - -
in      eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / ip4 198.51.100.1 > 203.0.113.10 / icmp type echo-request id 2 seq 1
verdict accept PING - - -
in      eth / ip4 198.51.100.1 > 203.0.113.10 / icmp type echo-request id 2 seq 1 csum 1
verdict accept PING - - -
in      eth / ip4 198.51.100.1 > 203.0.113.10 id 8 more / icmp type echo-request id 2 seq 1
verdict accept PING - - -
in      eth / ip4 198.51.100.1 > 203.0.113.10 id 8 frag 8 proto icmp / zeros 8
verdict accept PING - - -
in      eth / ip4 198.51.100.1 > 203.0.113.10 / icmp type echo-request id 2 seq 1 / zeros 200 / cut 100
verdict accept PING - - -

# ARP for an announced address passes all the same; there is one answer. No MAC is known: it is made of the address.
in      eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / arp who-has 203.0.113.10 tell 203.0.113.1
verdict pass - - - -
out     eth 02:00:cb:00:71:0a > 02:00:00:00:00:01 / arp reply 203.0.113.10 is-at 02:00:cb:00:71:0a who-has 203.0.113.1 tha 02:00:00:00:00:01
in      eth 02:00:00:00:00:01 > 02:00:cb:00:71:0a / vlan 5 / vlan 6 / arp who-has 203.0.113.10 tell 203.0.113.1 / taken 4
verdict pass - - - -
out     eth 02:00:cb:00:71:0a > 02:00:00:00:00:01 / vlan 5 / vlan 6 / arp reply 203.0.113.10 is-at 02:00:cb:00:71:0a who-has 203.0.113.1 tha 02:00:00:00:00:01 / taken 4
mac     02:00:00:00:0a:0b
in      eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / arp who-has 203.0.113.30 tell 203.0.113.1
verdict pass - - - -
out     eth 02:00:00:00:0a:0b > 02:00:00:00:00:01 / arp reply 203.0.113.30 is-at 02:00:00:00:0a:0b who-has 203.0.113.1 tha 02:00:00:00:00:01
# A probe for the address by one who would like to have it (RFC 5227)
in      eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / arp who-has 203.0.113.10 tell 0.0.0.0
verdict pass - - - -
out     eth 02:00:00:00:0a:0b > 02:00:00:00:00:01 / arp reply 203.0.113.10 is-at 02:00:00:00:0a:0b who-has 0.0.0.0 tha 02:00:00:00:00:01
# Asks nothing: an announcement, a reply. Not announced, not ours, not well formed, sent in the name of a group
in      eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / arp who-has 203.0.113.10 tell 203.0.113.10
verdict pass - - - -
in      eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / arp reply 203.0.113.10 is-at 02:00:00:00:00:01
verdict pass - - - -
in      eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / arp who-has 203.0.113.20 tell 203.0.113.1
verdict pass - - - -
in      eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / arp who-has 203.0.113.11 tell 203.0.113.1
verdict pass - - - -
in      eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / arp who-has 203.0.113.10 tell 203.0.113.1 plen 16
verdict pass - - - -
in      eth 03:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / arp who-has 203.0.113.10 tell 203.0.113.1
verdict pass - - - -

# Neighbour discovery is judged first. The solicitation's group, or the address itself
in      eth 02:00:00:00:00:01 > 33:33:ff:00:00:10 / ip6 2001:db8::1 > ff02::1:ff00:10 hop 255 / icmp6 type 135 target 2001:db8::10 / payload x"0101020000000001"
verdict accept ND - - -
out     eth 02:00:00:00:0a:0b > 02:00:00:00:00:01 / ip6 2001:db8::10 > 2001:db8::1 hop 255 / icmp6 type 136 target 2001:db8::10 mtu 0x60000000 / payload x"0201020000000a0b"
in      eth / vlan 5 / ip6 2001:db8::1 > 2001:db8::10 hop 255 / icmp6 type 135 target 2001:db8::10
verdict accept ND - - -
out     eth 02:00:00:00:0a:0b > 02:00:00:00:00:01 / vlan 5 / ip6 2001:db8::10 > 2001:db8::1 hop 255 / icmp6 type 136 target 2001:db8::10 mtu 0x60000000 / payload x"0201020000000a0b"
mac     -
in      eth / ip6 2001:db8::1 > 2001:db8::30 hop 255 / icmp6 type 135 target 2001:db8::30
verdict accept ND - - -
out     eth 02:00:00:00:00:30 > 02:00:00:00:00:01 / ip6 2001:db8::30 > 2001:db8::1 hop 255 / icmp6 type 136 target 2001:db8::30 mtu 0x60000000 / payload x"0201020000000030"
# Duplicate detection, by one who would like to have the address: all are told
in      eth 02:00:00:00:00:01 > 33:33:ff:00:00:10 / ip6 :: > ff02::1:ff00:10 hop 255 / icmp6 type 135 target 2001:db8::10
verdict accept ND - - -
out     eth 02:00:00:00:00:10 > 33:33:00:00:00:01 / ip6 2001:db8::10 > ff02::1 hop 255 / icmp6 type 136 target 2001:db8::10 mtu 0x20000000 / payload x"0201020000000010"
# Not announced; from afar, which is no discovery; wrong checksum; dropped by a rule; an advertisement
in      eth / ip6 2001:db8::1 > ff02::1:ff00:20 hop 255 / icmp6 type 135 target 2001:db8::20
verdict accept ND - - -
in      eth / ip6 2001:db8::1 > 2001:db8::10 hop 254 / icmp6 type 135 target 2001:db8::10
verdict accept PING - - -
in      eth / ip6 2001:db8::1 > 2001:db8::10 hop 255 / icmp6 type 135 target 2001:db8::10 csum 1
verdict accept ND - - -
in      eth / ip6 2001:db8:66::66 > 2001:db8::10 hop 255 / icmp6 type 135 target 2001:db8::10
verdict drop EVIL - - -
in      eth / ip6 2001:db8::1 > 2001:db8::10 hop 255 / icmp6 type 136 target 2001:db8::10
verdict accept ND - - -

# The host holds two of the addresses and answers for them; what it asks itself is not answered here.
self    203.0.113.10, 2001:db8::10, 203.0.113.2, 2001:db8::2
in      eth / ip4 198.51.100.1 > 203.0.113.10 / icmp type echo-request id 3 seq 1
verdict accept PING - - -
in      eth / ip6 2001:db8:7::7 > 2001:db8::10 / icmp6 type echo-request id 3 seq 1
verdict accept PING - - -
in      eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / arp who-has 203.0.113.10 tell 203.0.113.1
verdict pass - - - -
in      eth / ip6 2001:db8::1 > ff02::1:ff00:10 hop 255 / icmp6 type 135 target 2001:db8::10
verdict accept ND - - -
in      eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / arp who-has 203.0.113.30 tell 203.0.113.2
verdict pass - - - -
in      eth / ip6 2001:db8::2 > ff02::1:ff00:30 hop 255 / icmp6 type 135 target 2001:db8::30
verdict accept - - - -
in      eth / ip4 203.0.113.2 > 203.0.113.20 / icmp type echo-request id 3 seq 1
verdict accept - - - -
in      eth / ip4 198.51.100.1 > 203.0.113.20 / icmp type echo-request id 3 seq 1
verdict accept PING - - -
out     eth back / ip4 203.0.113.20 > 198.51.100.1 / icmp type echo-reply id 3 seq 1
self    -

# Rules that name arp judge it: what they drop is not answered, what they accept is.
rules
    pool web { server a 10.0.0.11 }
    service www on 203.0.113.10 tcp/80 { mode passthrough; announce; -> web }
    macs known = 02:00:00:00:00:01
    firewall f default accept { accept arp ether from known as KNOWN; drop arp as REST }
in      eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / arp who-has 203.0.113.10 tell 203.0.113.1
verdict accept KNOWN - - -
out     eth 02:00:cb:00:71:0a > 02:00:00:00:00:01 / arp reply 203.0.113.10 is-at 02:00:cb:00:71:0a who-has 203.0.113.1 tha 02:00:00:00:00:01
in      eth 02:00:00:00:00:09 > ff:ff:ff:ff:ff:ff / arp who-has 203.0.113.10 tell 203.0.113.1 sha 02:00:00:00:00:09
verdict drop REST - - -

# A thousand echo replies a second, and as many for neighbours, beside what is rejected.
rules
    limits { rejects 1/s }
    pool web { server a 10.0.0.11 }
    service www on 203.0.113.10 tcp/80 { mode passthrough; announce; -> web }
    firewall f default drop { accept icmp as PING; reject udp as NO }
in      eth / ip4 198.51.100.1 > 203.0.113.10 / icmp type echo-request id 1 seq 1
again   999
verdict accept PING - - -
out     eth back / ip4 203.0.113.10 > 198.51.100.1 / icmp type echo-reply id 1 seq 1
in      eth / ip4 198.51.100.1 > 203.0.113.10 / icmp type echo-request id 1 seq 1
verdict accept PING - - -
in      eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / arp who-has 203.0.113.10 tell 203.0.113.1
again   999
verdict pass - - - -
out     eth 02:00:cb:00:71:0a > 02:00:00:00:00:01 / arp reply 203.0.113.10 is-at 02:00:cb:00:71:0a who-has 203.0.113.1 tha 02:00:00:00:00:01
in      eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / arp who-has 203.0.113.10 tell 203.0.113.1
verdict pass - - - -
in      eth / ip4 198.51.100.1 > 203.0.113.10 / udp 1 > 2
verdict reject NO - - -
out     eth back / ip4 203.0.113.10 > 198.51.100.1 df tos 0xc0 / icmp type destination-unreachable code 3 / ip4 198.51.100.1 > 203.0.113.10 / udp 1 > 2
in      eth / ip4 198.51.100.1 > 203.0.113.10 / udp 1 > 2
verdict reject NO - - -
after   0.001
in      eth / ip4 198.51.100.1 > 203.0.113.10 / icmp type echo-request id 1 seq 1
verdict accept PING - - -
out     eth back / ip4 203.0.113.10 > 198.51.100.1 / icmp type echo-reply id 1 seq 1

# Out of a tunnel: an echo is answered, to where the tunnel's packet came from; neighbours are on a link, not in a tunnel.
rules
    pool web { server b 2001:db8:a::11 }
    service www on 2001:db8::10 tcp/80 { mode passthrough; announce; -> web }
    firewall f default accept { decap ipip from 192.0.2.1 as IPIP }
in      eth / ip4 192.0.2.1 > 10.0.0.9 / ip6 2001:db8:7::7 > 2001:db8::10 / icmp6 type echo-request id 1 seq 1
verdict accept default - - -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:07 / ip6 2001:db8::10 > 2001:db8:7::7 / icmp6 type echo-reply id 1 seq 1
in      eth / ip4 192.0.2.1 > 10.0.0.9 / ip6 2001:db8::1 > 2001:db8::10 hop 255 / icmp6 type 135 target 2001:db8::10
verdict accept default - - -
inside  eth / ip6 2001:db8::1 > 2001:db8::10 hop 255 / icmp6 type 135 target 2001:db8::10

# Addresses of translation are told of, too, though nobody announces them: a pool's and a nat's. They answer no echo.
rules
    interface wan = "eth0"
    pool web { source 203.0.113.100-203.0.113.103, 2001:db8:5::/126; server a 10.0.0.11; server b 2001:db8:a::11 }
    pool more { source 203.0.113.102-203.0.113.105; server a 10.0.0.12 }
    service www on 203.0.113.10 tcp/80 { mode passthrough; -> web 50%, more 50% }
    nat n { source from 10.0.0.0/8 out on wan to 203.0.113.200; forward 203.0.113.201 tcp/80 -> 10.0.0.5; forward self tcp/81 -> 10.0.0.5 }
in      eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / arp who-has 203.0.113.100 tell 203.0.113.1
verdict pass - - - -
out     eth 02:00:cb:00:71:64 > 02:00:00:00:00:01 / arp reply 203.0.113.100 is-at 02:00:cb:00:71:64 who-has 203.0.113.1 tha 02:00:00:00:00:01
in      eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / arp who-has 203.0.113.105 tell 203.0.113.1
verdict pass - - - -
out     eth 02:00:cb:00:71:69 > 02:00:00:00:00:01 / arp reply 203.0.113.105 is-at 02:00:cb:00:71:69 who-has 203.0.113.1 tha 02:00:00:00:00:01
in      eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / arp who-has 203.0.113.200 tell 203.0.113.1
verdict pass - - - -
out     eth 02:00:cb:00:71:c8 > 02:00:00:00:00:01 / arp reply 203.0.113.200 is-at 02:00:cb:00:71:c8 who-has 203.0.113.1 tha 02:00:00:00:00:01
in      eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / arp who-has 203.0.113.201 tell 203.0.113.1
verdict pass - - - -
out     eth 02:00:cb:00:71:c9 > 02:00:00:00:00:01 / arp reply 203.0.113.201 is-at 02:00:cb:00:71:c9 who-has 203.0.113.1 tha 02:00:00:00:00:01
in      eth 02:00:00:00:00:01 > 33:33:ff:00:00:03 / ip6 2001:db8:5::9 > ff02::1:ff00:3 hop 255 / icmp6 type 135 target 2001:db8:5::3
verdict accept - - - -
out     eth 02:00:00:00:00:03 > 02:00:00:00:00:01 / ip6 2001:db8:5::3 > 2001:db8:5::9 hop 255 / icmp6 type 136 target 2001:db8:5::3 mtu 0x60000000 / payload x"0201020000000003"
in      eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / arp who-has 203.0.113.99 tell 203.0.113.1
verdict pass - - - -
in      eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / arp who-has 203.0.113.106 tell 203.0.113.1
verdict pass - - - -
in      eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / arp who-has 0.0.0.0 tell 203.0.113.1
verdict pass - - - -
in      eth / ip6 2001:db8:5::9 > ff02::1:ff00:4 hop 255 / icmp6 type 135 target 2001:db8:5::4
verdict accept - - - -
