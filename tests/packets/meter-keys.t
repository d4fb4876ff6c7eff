# What tells the buckets of a meter apart.
rules
    meter m = 1/h per destination
    firewall f default drop { accept udp within m as OK }
in  eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53
verdict accept OK - - -
in  eth / ip4 10.0.0.2 > 10.0.0.9 / udp 1 > 53
verdict drop default - - -
in  eth / ip4 10.0.0.2 > 10.0.0.8 / udp 1 > 53
verdict accept OK - - -
# Networks of each family.
rules
    meter m = 1/h per source/24,/64
    firewall f default drop { accept udp within m as OK }
in  eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53
verdict accept OK - - -
in  eth / ip4 10.0.0.254 > 10.0.0.9 / udp 1 > 53
verdict drop default - - -
in  eth / ip4 10.0.1.1 > 10.0.0.9 / udp 1 > 53
verdict accept OK - - -
in  eth / ip6 2001:db8::1 > 2001:db8::9 / udp 1 > 53
verdict accept OK - - -
in  eth / ip6 2001:db8::ffff:1 > 2001:db8::9 / udp 1 > 53
verdict drop default - - -
in  eth / ip6 2001:db8:0:1::1 > 2001:db8::9 / udp 1 > 53
verdict accept OK - - -
# A v4-mapped IPv6 address is not the IPv4 address.
rules
    meter m = 1/h per source
    firewall f default drop { accept udp within m as OK; drop over m as OVER }
in  eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53
verdict accept OK - - -
in  eth / ip6 ::ffff:10.0.0.1 > 2001:db8::9 / udp 1 > 53
verdict accept OK - - -
in  eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53
verdict drop OVER - - -
# A frame without addresses has no key: neither within nor over.
in  eth 02:00:00:00:00:01 > 01:80:c2:00:00:0e type 0x88cc / raw x"0207"
verdict drop default - - -
# A flow is its addresses, protocol, ports and tags; each direction by itself.
rules
    meter m = 1/h per flow
    firewall f default drop { accept within m as OK }
in  eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53
verdict accept OK - - -
in  eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53
verdict drop default - - -
in  eth / ip4 10.0.0.1 > 10.0.0.9 / udp 2 > 53
verdict accept OK - - -
in  eth / ip4 10.0.0.1 > 10.0.0.9 / tcp 1 > 53 syn
verdict accept OK - - -
in  eth / ip4 10.0.0.9 > 10.0.0.1 / udp 53 > 1
verdict accept OK - - -
in  eth / vlan 5 / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53
verdict accept OK - - -
in  eth / vlan 5 / vlan 6 / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53
verdict accept OK - - -
in  eth / vlan 5 / vlan 6 / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53
verdict drop default - - -
# Echoes have no ports: one flow between two hosts.
in  eth / ip4 10.0.0.1 > 10.0.0.9 / icmp type echo-request id 1
verdict accept OK - - -
in  eth / ip4 10.0.0.1 > 10.0.0.9 / icmp type echo-request id 2
verdict drop default - - -
# Three keys have room; the rest share one bucket. Time makes room again.
rules
    meter m = 1/m per source entries 3
    firewall f default drop { accept udp within m as OK }
in  eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53
verdict accept OK - - -
in  eth / ip4 10.0.0.2 > 10.0.0.9 / udp 1 > 53
verdict accept OK - - -
in  eth / ip4 10.0.0.3 > 10.0.0.9 / udp 1 > 53
verdict accept OK - - -
in  eth / ip4 10.0.0.4 > 10.0.0.9 / udp 1 > 53
verdict accept OK - - -
in  eth / ip4 10.0.0.5 > 10.0.0.9 / udp 1 > 53
verdict drop default - - -
after 60
in  eth / ip4 10.0.0.5 > 10.0.0.9 / udp 1 > 53
verdict accept OK - - -
in  eth / ip4 10.0.0.6 > 10.0.0.9 / udp 1 > 53
verdict accept OK - - -
