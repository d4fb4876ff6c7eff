# Answers to inquiries of this machine are *related*: DHCP, DHCPv6, router solicitations. Only Ethernet's hardware
# addresses are read; the transaction is that of the inquiry, on its interface, within 30 s.
self 10.0.0.9, fe80::9, 2001:db8::9
mac 02:11:22:33:44:55
rules
    firewall i in default drop { accept state established, related as OPEN; count state new as NEW }
    firewall o out default accept { drop udp to 10.0.0.66 as SHUT }
    firewall f forward default drop { accept state established, related as CROSS }

# No inquiry yet.
in eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / ip4 10.0.0.1 > 255.255.255.255 / udp 67 > 68 / payload x"020106003903f3260000000000000000000000000000000000000000021122334455" / zeros 206
verdict drop default - - -
# From no address yet: sent by this machine, as its MAC tells.
in eth 02:11:22:33:44:55 > ff:ff:ff:ff:ff:ff / ip4 0.0.0.0 > 255.255.255.255 / udp 68 > 67 / payload x"010106003903f3260000000000000000000000000000000000000000021122334455" / zeros 206
verdict accept default - - -
in eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / ip4 10.0.0.1 > 255.255.255.255 / udp 67 > 68 / payload x"020106003903f3260000000000000000000000000000000000000000021122334455" / zeros 206
verdict accept OPEN - - -
# To an address that is not this machine's yet: it is `in`, and goes on nowhere.
in eth 02:00:00:00:00:01 > 02:11:22:33:44:55 / ip4 10.0.0.1 > 10.0.0.77 / udp 67 > 68 / payload x"020106003903f3260000000000000000000000000000000000000000021122334455" / zeros 206
verdict accept OPEN - - -
# From any server or relay, from any port.
in eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / ip4 192.0.2.200 > 255.255.255.255 / udp 67 > 68 / payload x"020106003903f3260000000000000000000000000000000000000000021122334455" / zeros 206
verdict accept OPEN - - -
in eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / ip4 10.0.0.1 > 255.255.255.255 / udp 1067 > 68 / payload x"020106003903f3260000000000000000000000000000000000000000021122334455" / zeros 206
verdict accept OPEN - - -
# Another transaction, another hardware address, no answer, another port, other hardware, too short.
in eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / ip4 10.0.0.1 > 255.255.255.255 / udp 67 > 68 / payload x"020106003903f3270000000000000000000000000000000000000000021122334455" / zeros 206
verdict drop default - - -
in eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / ip4 10.0.0.1 > 255.255.255.255 / udp 67 > 68 / payload x"020106003903f3260000000000000000000000000000000000000000026677889900" / zeros 206
verdict drop default - - -
in eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / ip4 10.0.0.1 > 255.255.255.255 / udp 67 > 68 / payload x"010106003903f3260000000000000000000000000000000000000000021122334455" / zeros 206
verdict drop default - - -
in eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / ip4 10.0.0.1 > 255.255.255.255 / udp 67 > 67 / payload x"020106003903f3260000000000000000000000000000000000000000021122334455" / zeros 206
verdict drop default - - -
in eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / ip4 10.0.0.1 > 255.255.255.255 / udp 67 > 68 / payload x"020606003903f3260000000000000000000000000000000000000000021122334455" / zeros 206
verdict drop default - - -
in eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / ip4 10.0.0.1 > 255.255.255.255 / udp 67 > 68 / payload x"020110003903f3260000000000000000000000000000000000000000021122334455" / zeros 206
verdict drop default - - -
in eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / ip4 10.0.0.1 > 255.255.255.255 / udp 67 > 68 / payload x"020106003903f3260000000000000000000000000000000000000000021122334455" / zeros 205
verdict drop default - - -
in eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / ip4 10.0.0.1 > 255.255.255.255 / udp 67 > 68 / payload x"020106003903f3260000000000000000000000000000000000000000021122334455"
verdict drop default - - -
# From another VLAN.
in eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / vlan 5 / ip4 10.0.0.1 > 255.255.255.255 / udp 67 > 68 / payload x"020106003903f3260000000000000000000000000000000000000000021122334455" / zeros 206
verdict drop default - - -
on eth1
# By another interface.
in eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / ip4 10.0.0.1 > 255.255.255.255 / udp 67 > 68 / payload x"020106003903f3260000000000000000000000000000000000000000021122334455" / zeros 206
verdict drop default - - -
on -
# What answers must have been captured.
in eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / ip4 10.0.0.1 > 255.255.255.255 / udp 67 > 68 / payload x"020106003903f3260000000000000000000000000000000000000000021122334455" / zeros 206 cut 70
verdict drop default - - -
# A fragment is none.
in eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / ip4 10.0.0.1 > 255.255.255.255 frag 8 proto udp / zeros 40
verdict held - - - -
after 0.1
released 1 drop - - - fragment-orphan
after 29
# After 30 s it is none.
in eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / ip4 10.0.0.1 > 255.255.255.255 / udp 67 > 68 / payload x"020106003903f3260000000000000000000000000000000000000000021122334455" / zeros 206
verdict accept OPEN - - -
after 1
in eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / ip4 10.0.0.1 > 255.255.255.255 / udp 67 > 68 / payload x"020106003903f3260000000000000000000000000000000000000000021122334455" / zeros 206
verdict drop default - - -
# Of other hosts, and of relays, no answer is known.
in eth 02:66:77:88:99:00 > ff:ff:ff:ff:ff:ff / ip4 0.0.0.0 > 255.255.255.255 / udp 68 > 67 / payload x"010106003903f3260000000000000000000000000000000000000000026677889900" / zeros 206
verdict drop default - - -
in eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / ip4 10.0.0.1 > 255.255.255.255 / udp 67 > 68 / payload x"020106003903f3260000000000000000000000000000000000000000026677889900" / zeros 206
verdict drop default - - -
in eth 02:66:77:88:99:00 > ff:ff:ff:ff:ff:ff / ip4 10.0.0.5 > 255.255.255.255 / udp 68 > 67 / payload x"010106003903f3260000000000000000000000000000000000000000026677889900" / zeros 206
verdict drop default - - -
in eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / ip4 10.0.0.1 > 255.255.255.255 / udp 67 > 68 / payload x"020106003903f3260000000000000000000000000000000000000000026677889900" / zeros 206
verdict drop default - - -
in eth 02:11:22:33:44:55 > ff:ff:ff:ff:ff:ff / ip4 10.0.0.9 > 255.255.255.255 / udp 68 > 67 / payload x"010106003903f326000000000000000000000000000000000a000001021122334455" / zeros 206
verdict accept default - - -
in eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / ip4 10.0.0.1 > 255.255.255.255 / udp 67 > 68 / payload x"020106003903f3260000000000000000000000000000000000000000021122334455" / zeros 206
verdict drop default - - -
in eth 02:11:22:33:44:55 > ff:ff:ff:ff:ff:ff / ip4 10.0.0.9 > 255.255.255.255 / udp 67 > 67 / payload x"010106003903f3260000000000000000000000000000000000000000021122334455" / zeros 206
verdict accept default - - -
in eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / ip4 10.0.0.1 > 255.255.255.255 / udp 67 > 68 / payload x"020106003903f3260000000000000000000000000000000000000000021122334455" / zeros 206
verdict drop default - - -
# What may not leave has no answer.
in eth 02:11:22:33:44:55 > ff:ff:ff:ff:ff:ff / ip4 10.0.0.9 > 10.0.0.66 / udp 68 > 67 / payload x"010106003903f3260000000000000000000000000000000000000000021122334455" / zeros 206
verdict drop SHUT - - -
in eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / ip4 10.0.0.1 > 255.255.255.255 / udp 67 > 68 / payload x"020106003903f3260000000000000000000000000000000000000000021122334455" / zeros 206
verdict drop default - - -
# A renewal is a flow besides: its answer is established, from elsewhere related.
in eth 02:11:22:33:44:55 > ff:ff:ff:ff:ff:ff / ip4 10.0.0.9 > 10.0.0.1 / udp 68 > 67 / payload x"010106003903f3260000000000000000000000000000000000000000021122334455" / zeros 206
verdict accept default - - -
in eth 02:00:00:00:00:01 > 02:11:22:33:44:55 / ip4 10.0.0.1 > 10.0.0.9 / udp 67 > 68 / payload x"020106003903f3260000000000000000000000000000000000000000021122334455" / zeros 206
verdict accept OPEN - - -
in eth 02:00:00:00:00:01 > 02:11:22:33:44:55 / ip4 10.0.0.2 > 10.0.0.9 / udp 67 > 68 / payload x"020106003903f3260000000000000000000000000000000000000000021122334455" / zeros 206
verdict accept OPEN - - -
in eth 02:00:00:00:00:01 > 02:11:22:33:44:55 / ip4 10.0.0.2 > 10.0.0.9 / udp 67 > 68 / payload x"020106003903f3270000000000000000000000000000000000000000021122334455" / zeros 206
verdict drop default - - -

# DHCPv6: type and transaction, from this machine to the group or to a server.
in eth 02:00:00:00:00:01 > 02:11:22:33:44:55 / ip6 fe80::1 > fe80::9 / udp 547 > 546 / payload x"02abcdef"
verdict drop default - - -
in eth 02:11:22:33:44:55 > 33:33:00:01:00:02 / ip6 fe80::9 > ff02::1:2 / udp 546 > 547 / payload x"01abcdef"
verdict accept default - - -
in eth 02:00:00:00:00:01 > 02:11:22:33:44:55 / ip6 fe80::1 > fe80::9 / udp 547 > 546 / payload x"02abcdef"
verdict accept OPEN - - -
in eth 02:00:00:00:00:01 > 02:11:22:33:44:55 / ip6 fe80::1 > fe80::9 / udp 547 > 546 / payload x"07abcdef"
verdict accept OPEN - - -
in eth 02:00:00:00:00:01 > 02:11:22:33:44:55 / ip6 2001:db8::1 > fe80::9 / udp 40000 > 546 / payload x"07abcdef"
verdict accept OPEN - - -
in eth 02:00:00:00:00:01 > 02:11:22:33:44:55 / ip6 fe80::1 > fe80::9 / udp 547 > 546 / payload x"0aabcdef"
verdict drop default - - -
in eth 02:00:00:00:00:01 > 02:11:22:33:44:55 / ip6 fe80::1 > fe80::9 / udp 547 > 546 / payload x"07abcdee"
verdict drop default - - -
in eth 02:00:00:00:00:01 > 02:11:22:33:44:55 / ip6 fe80::1 > 2001:db8::9 / udp 547 > 546 / payload x"02abcdef"
verdict drop default - - -
in eth 02:00:00:00:00:01 > 02:11:22:33:44:55 / ip6 fe80::1 > fe80::9 / udp 547 > 547 / payload x"02abcdef"
verdict drop default - - -
in eth 02:11:22:33:44:55 > 33:33:00:01:00:02 / ip6 fe80::9 > ff02::1:2 / udp 546 > 547 / payload x"0c111111"
verdict accept default - - -
in eth 02:00:00:00:00:01 > 02:11:22:33:44:55 / ip6 fe80::1 > fe80::9 / udp 547 > 546 / payload x"07111111"
verdict drop default - - -
in eth 02:11:22:33:44:55 > 33:33:00:01:00:02 / ip6 fe80::9 > ff02::1:2 / udp 546 > 547 / payload x"0b222222"
verdict accept default - - -
in eth 02:00:00:00:00:01 > 02:11:22:33:44:55 / ip6 fe80::1 > fe80::9 / udp 547 > 546 / payload x"07222222"
verdict accept OPEN - - -
in eth 02:11:22:33:44:55 > 33:33:00:01:00:02 / ip6 2001:db8::9 > 2001:db8::1 / udp 546 > 547 / payload x"05333333"
verdict accept default - - -
in eth 02:00:00:00:00:01 > 02:11:22:33:44:55 / ip6 2001:db8::1 > 2001:db8::9 / udp 547 > 546 / payload x"07333333"
verdict accept OPEN - - -
in eth 02:00:00:00:00:01 > 02:11:22:33:44:55 / ip6 2001:db8::2 > 2001:db8::9 / udp 547 > 546 / payload x"07333333"
verdict accept OPEN - - -

# Routers: one answers a solicitation by an advertisement to all, or to this machine.
# Unasked for it is new, as all of neighbour discovery.
in eth 02:00:00:00:00:01 > 33:33:00:00:00:01 / ip6 fe80::1 > ff02::1 hop 255 / icmp6 type nd-router-advert / zeros 8
verdict drop default - - -
in eth 02:66:77:88:99:00 > 33:33:00:00:00:02 / ip6 fe80::5 > ff02::2 hop 255 / icmp6 type nd-router-solicit
verdict drop default - - -
in eth 02:00:00:00:00:01 > 33:33:00:00:00:01 / ip6 fe80::1 > ff02::1 hop 255 / icmp6 type nd-router-advert / zeros 8
verdict drop default - - -
in eth 02:11:22:33:44:55 > 33:33:00:00:00:02 / ip6 fe80::9 > ff02::2 hop 255 / icmp6 type nd-router-solicit
verdict accept default - - -
in eth 02:00:00:00:00:01 > 33:33:00:00:00:01 / ip6 fe80::1 > ff02::1 hop 255 / icmp6 type nd-router-advert / zeros 8
verdict accept OPEN - - -
in eth 02:00:00:00:00:01 > 33:33:00:00:00:01 / ip6 fe80::1 > fe80::9 hop 255 / icmp6 type nd-router-advert / zeros 8
verdict accept OPEN - - -
in eth 02:00:00:00:00:01 > 33:33:00:00:00:01 / ip6 fe80::1 > ff02::1 hop 254 / icmp6 type nd-router-advert / zeros 8
verdict drop default - - -
in eth 02:00:00:00:00:01 > 33:33:00:00:00:01 / ip6 2001:db8::1 > ff02::1 hop 255 / icmp6 type nd-router-advert / zeros 8
verdict drop default - - -
# Neighbours have a rule of their own.
in eth 02:00:00:00:00:01 > 33:33:00:00:00:01 / ip6 fe80::1 > fe80::9 hop 255 / icmp6 type nd-neighbor-advert target fe80::1
verdict drop default - - -
after 30
in eth 02:00:00:00:00:01 > 33:33:00:00:00:01 / ip6 fe80::1 > ff02::1 hop 255 / icmp6 type nd-router-advert / zeros 8
verdict drop default - - -
in eth 02:11:22:33:44:55 > 33:33:00:00:00:02 / ip6 :: > ff02::2 hop 255 / icmp6 type nd-router-solicit
verdict accept default - - -
in eth 02:00:00:00:00:01 > 33:33:00:00:00:01 / ip6 fe80::1 > ff02::1 hop 255 / icmp6 type nd-router-advert / zeros 8
verdict accept OPEN - - -

# Where no MAC is known, as in a replay, a request from no address may be this machine's.
mac -
rules
    firewall i in default drop { accept state established, related as OPEN }
in eth 02:11:22:33:44:55 > ff:ff:ff:ff:ff:ff / ip4 0.0.0.0 > 255.255.255.255 / udp 68 > 67 / payload x"010106003903f3260000000000000000000000000000000000000000021122334455" / zeros 206
verdict drop default - - -
in eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / ip4 10.0.0.1 > 255.255.255.255 / udp 67 > 68 / payload x"020106003903f3260000000000000000000000000000000000000000021122334455" / zeros 206
verdict accept OPEN - - -
in eth 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff / ip4 10.0.0.1 > 255.255.255.255 / udp 67 > 68 / payload x"020106003903f3260000000000000000000000000000000000000000026677889900" / zeros 206
verdict drop default - - -

# A forward of all that comes to this machine does not take them, nor does a masquerade.
mac 02:11:22:33:44:55
speaks 10.0.0.9
rules
    interface wan = "eth1"
    nat n { forward self udp/68 -> 192.168.1.5; masquerade from 192.168.1.0/24, 10.0.0.0/24 out on wan }
    firewall i in default drop { accept state established, related as OPEN }
in eth 02:11:22:33:44:55 > ff:ff:ff:ff:ff:ff / ip4 0.0.0.0 > 255.255.255.255 / udp 68 > 67 / payload x"010106003903f3260000000000000000000000000000000000000000021122334455" / zeros 206
verdict accept - - - -
in eth 02:00:00:00:00:01 > 02:11:22:33:44:55 / ip4 10.0.0.1 > 10.0.0.9 / udp 67 > 68 / payload x"020106003903f3260000000000000000000000000000000000000000021122334455" / zeros 206
verdict accept OPEN - - -
in eth 02:00:00:00:00:01 > 02:11:22:33:44:55 / ip4 10.0.0.1 > 10.0.0.77 / udp 67 > 68 / payload x"020106003903f3260000000000000000000000000000000000000000021122334455" / zeros 206
verdict accept OPEN - - -
