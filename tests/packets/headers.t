# Fields of the IP header: ttl, length, dscp, options, fragments.
rules
    firewall f default accept {
      count ttl 64 as T64
      count ttl -1 as LOW
      count ttl not 64, 255 as OTHER_TTL
      count length 40 as L40
      count length 100- as LONG
      count length not 20-99 as NOT_SHORT
      count dscp ef as EF
      count dscp 0 as CS0
      count dscp af11, 46 as LIST
      count dscp not ef as NOT_EF
      count options any as OPTIONS
      count options none as PLAIN
      count options not any as NOT_OPTIONS
    }
in eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 2
matches T64 L40 CS0 NOT_EF PLAIN NOT_OPTIONS
in eth / ip4 1.1.1.1 > 2.2.2.2 ttl 255
matches CS0 NOT_EF PLAIN NOT_OPTIONS
in eth / ip4 1.1.1.1 > 2.2.2.2 ttl 1 tos 0xb8 opt x"01010101"
matches LOW OTHER_TTL EF LIST OPTIONS
in eth / ip4 1.1.1.1 > 2.2.2.2 ttl 0 tos 0x28 / payload "abc"
matches LOW OTHER_TTL LIST NOT_EF PLAIN NOT_OPTIONS
# Ethernet padding is no part of the length.
in eth / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 2 / zeros 71 / pad 100
matches T64 CS0 NOT_EF PLAIN NOT_OPTIONS
in eth / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 2 / zeros 72
matches T64 LONG NOT_SHORT CS0 NOT_EF PLAIN NOT_OPTIONS
# IPv6: payload + 40, hop limit, traffic class; `options` is IPv4's and false either way.
in eth / ip6 ::1 > ::2 hop 1 tclass 0xb9
matches LOW OTHER_TTL L40 EF LIST
in eth / ip6 ::1 > ::2 / udp 1 > 2 / zeros 52
matches T64 LONG NOT_SHORT CS0 NOT_EF
in eth type 0x88cc / raw x"00"
matches -

# The flow label is IPv6's alone: false of all else, and so is its `not`.
rules
    firewall f default accept {
      count flowlabel 5 as FIVE
      count flowlabel 0 as NONE
      count flowlabel 1- as SOME
      count flowlabel 1048575 as LAST
      count flowlabel not 5, 7-9 as OTHER
      count tcp flowlabel 1, 3, 5, 7, 9, 11, 13, 15, 17 as ODD
      count flowlabel not 1, 3, 5, 7, 9, 11, 13, 15, 17 as NOT_ODD
    }
in eth / ip6 ::1 > ::2 / udp 1 > 2
matches NONE OTHER NOT_ODD
in eth / ip6 ::1 > ::2 flow 5 / tcp 1 > 2
matches FIVE SOME ODD
in eth / ip6 ::1 > ::2 flow 17 tclass 0xff / tcp 1 > 2
matches SOME OTHER ODD
in eth / ip6 ::1 > ::2 flow 9 / tcp 1 > 2
matches SOME ODD
in eth / ip6 ::1 > ::2 flow 16 / tcp 1 > 2
matches SOME OTHER NOT_ODD
in eth / vlan 5 / ip6 ::1 > ::2 flow 1048575 / udp 1 > 2
matches SOME LAST OTHER NOT_ODD
in eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 2
matches -
in eth type 0x88cc / raw x"00"
matches -

rules
    firewall f default accept {
      count fragment any as ANY
      count fragment first as FIRST
      count fragment later as LATER
      count fragment no as NO
      count fragment not any as NOT_ANY
      count fragment first, no as HAS_START
      count fragment not first as NOT_FIRST
      count tcp as TCP
      count udp port 53 as DNS
    }
in eth / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 53
matches NO NOT_ANY HAS_START NOT_FIRST DNS
in eth / ip4 1.1.1.1 > 2.2.2.2 df / udp 1 > 53
matches NO NOT_ANY HAS_START NOT_FIRST DNS
in eth / ip4 1.1.1.1 > 2.2.2.2 more / udp 1 > 53 len 100 / zeros 16
matches ANY FIRST HAS_START DNS
in eth / ip4 1.1.1.1 > 2.2.2.2 frag 24 more proto udp / zeros 16
matches ANY LATER NOT_FIRST
in eth / ip4 1.1.1.1 > 2.2.2.2 frag 24 proto tcp / payload "x"
verdict held - - - -
after 0.1
released 1 accept default - - -
matches ANY LATER NOT_FIRST TCP
in eth / ip6 ::1 > ::2 / frag6 0 more / udp 1 > 53 len 100 / zeros 16
matches ANY FIRST HAS_START DNS
in eth / ip6 ::1 > ::2 / frag6 24 id 5 next tcp / payload "x"
verdict held - - - -
after 0.1
released 2 accept default - - -
matches ANY LATER NOT_FIRST TCP
# An atomic fragment is none.
in eth / ip6 ::1 > ::2 / frag6 0 / udp 1 > 53
matches NO NOT_ANY HAS_START NOT_FIRST DNS
# The protocol of a later fragment behind an extension header is not known.
in eth / ip6 ::1 > ::2 / frag6 24 id 6 next 60 / payload x"0600010400000000"
verdict held - - - -
after 0.1
released 3 accept default - - -
matches ANY LATER NOT_FIRST
in eth type 0x88cc / raw x"00"
matches -
