# from and to: addresses, prefixes, ranges, sets, any, self; each with `not`, and where the packet has no address.
self 10.0.0.9, 2001:db8::9
rules
    set lan = 10.0.0.0/8, 2001:db8::/32
    set most = lan except 10.1.0.0/16
    set both = lan and 10.0.0.0-10.0.0.7
    set none_left = 10.0.0.1 except 10.0.0.0/8
    firewall f default accept {
      count from 10.0.0.1 as FROM_HOST
      count from 10.0.0.0/30 as FROM_NET
      count from not 10.0.0.0/30 as NOT_FROM_NET
      count from 10.0.0.2-10.0.0.4 as FROM_RANGE
      count from lan as FROM_LAN
      count from not lan as NOT_FROM_LAN
      count from most as FROM_MOST
      count from both as FROM_BOTH
      count from none_left as FROM_NONE
      count from 2001:db8::1, 10.0.0.4 as FROM_LIST
      count from any as FROM_ANY
      count from not any as FROM_NOT_ANY
      count from self as FROM_SELF
      count to self as TO_SELF
      count to not self as TO_NOT_SELF
      count to self, 192.0.2.1 as TO_SELF_OR
      count to 10.0.0.0/8 as TO_NET
      count to 2001:db8:8000::/33 as TO_NET6
      count to ::ffff:10.0.0.2 as TO_MAPPED
    }
in eth / ip4 10.0.0.1 > 192.0.2.1
matches FROM_HOST FROM_NET FROM_LAN FROM_MOST FROM_BOTH FROM_ANY TO_NOT_SELF TO_SELF_OR
in eth / ip4 10.0.0.3 > 10.0.0.9
matches FROM_NET FROM_RANGE FROM_LAN FROM_MOST FROM_BOTH FROM_ANY TO_SELF TO_SELF_OR TO_NET
in eth / ip4 10.0.0.4 > 10.255.255.255
matches NOT_FROM_NET FROM_RANGE FROM_LAN FROM_MOST FROM_BOTH FROM_LIST FROM_ANY TO_NOT_SELF TO_NET
in eth / ip4 10.0.0.8 > 11.0.0.0
matches NOT_FROM_NET FROM_LAN FROM_MOST FROM_ANY TO_NOT_SELF
in eth / ip4 10.1.2.3 > 9.255.255.255
matches NOT_FROM_NET FROM_LAN FROM_ANY TO_NOT_SELF
# What the host itself sends is not judged by a firewall without direction.
in eth / ip4 10.0.0.9 > 192.0.2.7
verdict accept - - - -
matches -
in eth / ip4 203.0.113.1 > 192.0.2.7
matches NOT_FROM_NET NOT_FROM_LAN FROM_ANY TO_NOT_SELF

# A set holds both families: `not 10.0.0.0/30` is true of every IPv6 packet.
in eth / ip6 2001:db8::1 > 2001:db8:8000::
matches NOT_FROM_NET FROM_LAN FROM_MOST FROM_LIST FROM_ANY TO_NOT_SELF TO_NET6
in eth / ip6 2001:db7:ffff:ffff:ffff:ffff:ffff:ffff > 2001:db8:7fff:ffff:ffff:ffff:ffff:ffff
matches NOT_FROM_NET NOT_FROM_LAN FROM_ANY TO_NOT_SELF
in eth / ip6 2001:db9:: > 2001:db8::9
matches NOT_FROM_NET NOT_FROM_LAN FROM_ANY TO_SELF TO_SELF_OR
# v4-mapped addresses are IPv6's
in eth / ip6 fe80::1 > ::ffff:10.0.0.2
matches NOT_FROM_NET NOT_FROM_LAN FROM_ANY TO_NOT_SELF TO_MAPPED

# What is not IP has no addresses: `any` and `not` are false there, too.
in eth type 0x88cc / raw x"00"
matches -
in eth / arp who-has 10.0.0.9 tell 10.0.0.1
matches -

# Without own addresses nothing is `self`, and `not self` holds for all IP.
self -
in eth / ip4 10.0.0.9 > 10.0.0.9
matches NOT_FROM_NET FROM_LAN FROM_MOST FROM_ANY TO_NOT_SELF TO_NET

# from self stands in `out`, where all is.
self 10.0.0.9, 2001:db8::9
rules
    firewall f out default accept {
      count from self as FROM_SELF
      count from not self as FROM_NOT_SELF
      count from 10.0.0.0/8 to self as LOOPED
    }
in eth / ip4 10.0.0.9 > 192.0.2.7
matches FROM_SELF
in eth / ip4 10.0.0.9 > 10.0.0.9
matches FROM_SELF LOOPED
in eth / ip6 2001:db8::9 > 2001:db8::1
matches FROM_SELF
self -

# The ends of both families
rules
    firewall f default drop {
      accept from 0.0.0.0 to 255.255.255.255 as ENDS4
      accept from :: to ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff as ENDS6
      accept from 0.0.0.0/0 to 0.0.0.0/1 as LOW_HALF
      accept from ::/0 to ::/1 as LOW_HALF6
    }
in eth / ip4 0.0.0.0 > 255.255.255.255
verdict accept ENDS4 - - -
in eth / ip6 :: > ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
verdict accept ENDS6 - - -
in eth / ip4 255.255.255.255 > 127.255.255.255
verdict accept LOW_HALF - - -
in eth / ip4 255.255.255.255 > 128.0.0.0
verdict drop default - - -
in eth / ip6 8000:: > 7fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
verdict accept LOW_HALF6 - - -
in eth / ip6 8000:: > 8000::
verdict drop default - - -

# Large sets: members, the gaps between them, and both ends of a range
rules
    set many = 10.0.0.0/24, 10.0.2.0/24, 10.0.4.0/24, 10.0.6.0/24, 10.0.8.0/24, 10.0.10.1-10.0.10.3, 10.0.12.0/23
    firewall f default drop { accept from many as MANY }
in ip4 10.0.3.255 > 1.1.1.1
verdict drop default - - -
in ip4 10.0.4.0 > 1.1.1.1
verdict accept MANY - - -
in ip4 10.0.4.255 > 1.1.1.1
verdict accept MANY - - -
in ip4 10.0.5.0 > 1.1.1.1
verdict drop default - - -
in ip4 10.0.10.0 > 1.1.1.1
verdict drop default - - -
in ip4 10.0.10.1 > 1.1.1.1
verdict accept MANY - - -
in ip4 10.0.10.3 > 1.1.1.1
verdict accept MANY - - -
in ip4 10.0.10.4 > 1.1.1.1
verdict drop default - - -
in ip4 10.0.13.255 > 1.1.1.1
verdict accept MANY - - -
in ip4 10.0.14.0 > 1.1.1.1
verdict drop default - - -
