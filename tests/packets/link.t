# VLAN tags and MAC addresses.
rules
    macs phones = 02:00:00:00:00:01, 02:00:00:00:00:03
    firewall f default accept {
      count vlan 5 as V5
      count vlan not 5 as NOT_V5
      count vlan 5, 7-9 as LIST
      count vlan any as TAGGED
      count vlan none as UNTAGGED
      count vlan not any as NOT_ANY
      count vlan 5 inner 6 as QINQ
      count vlan 5 inner not 6 as INNER_NOT
      count vlan 0 as V0
      count ether from 02:00:00:00:00:01 as MAC1
      count ether from phones as PHONES
      count ether from not phones as NOT_PHONES
      count ether to broadcast as BROADCAST
      count ether to multicast as MULTICAST
      count ether to not multicast as UNICAST
      count ether to multicast, broadcast as GROUP
      count ether to 02:00:00:00:00:02, broadcast as MIXED
    }
in eth / ip4 1.1.1.1 > 2.2.2.2
matches UNTAGGED NOT_ANY MAC1 PHONES UNICAST MIXED
in eth / vlan 5 / ip4 1.1.1.1 > 2.2.2.2
matches V5 LIST TAGGED MAC1 PHONES UNICAST MIXED
in eth / vlan 5 tpid 0x88a8 / vlan 6 / ip4 1.1.1.1 > 2.2.2.2
matches V5 LIST TAGGED QINQ MAC1 PHONES UNICAST MIXED
in eth / vlan 5 tpid 0x9100 / vlan 7 / ip4 1.1.1.1 > 2.2.2.2
matches V5 LIST TAGGED INNER_NOT MAC1 PHONES UNICAST MIXED
# Tags beyond the named ones do not matter; outermost first.
in eth / vlan 5 / vlan 6 / vlan 9 / ip6 ::1 > ::2
matches V5 LIST TAGGED QINQ MAC1 PHONES UNICAST MIXED
in eth / vlan 6 / vlan 5 / ip4 1.1.1.1 > 2.2.2.2
matches NOT_V5 TAGGED MAC1 PHONES UNICAST MIXED
in eth / vlan 9 pcp 7 dei / ip4 1.1.1.1 > 2.2.2.2
matches NOT_V5 LIST TAGGED MAC1 PHONES UNICAST MIXED
in eth / vlan 10 / ip4 1.1.1.1 > 2.2.2.2
matches NOT_V5 TAGGED MAC1 PHONES UNICAST MIXED
# VID 0 (a priority tag) is a tag.
in eth / vlan 0 pcp 5 / ip4 1.1.1.1 > 2.2.2.2
matches NOT_V5 TAGGED V0 MAC1 PHONES UNICAST MIXED
# Tags that the kernel took off stand in front of those in the frame.
in eth / ip4 1.1.1.1 > 2.2.2.2 / taken 5
matches V5 LIST TAGGED MAC1 PHONES UNICAST MIXED
in eth / vlan 6 / ip4 1.1.1.1 > 2.2.2.2 / taken 5 tpid 0x88a8
matches V5 LIST TAGGED QINQ MAC1 PHONES UNICAST MIXED
in eth / ip4 1.1.1.1 > 2.2.2.2 / taken 5 / taken 6
matches V5 LIST TAGGED QINQ MAC1 PHONES UNICAST MIXED

in eth 02:00:00:00:00:07 > ff:ff:ff:ff:ff:ff / ip4 1.1.1.1 > 2.2.2.2
matches UNTAGGED NOT_ANY NOT_PHONES BROADCAST MULTICAST GROUP MIXED
in eth 02:00:00:00:00:03 > 01:00:5e:00:00:01 / ip4 1.1.1.1 > 224.0.0.1
matches UNTAGGED NOT_ANY PHONES MULTICAST GROUP
in eth 02:00:00:00:00:03 > 02:00:00:00:00:04 type 0x88cc / raw x"00"
matches UNTAGGED NOT_ANY PHONES UNICAST

# Link types without Ethernet: no tag, no MAC; `vlan none` is true.
in ip4 1.1.1.1 > 2.2.2.2
matches UNTAGGED NOT_ANY
in ip6 ::1 > ::2
matches UNTAGGED NOT_ANY
in sll / ip4 1.1.1.1 > 2.2.2.2
matches UNTAGGED NOT_ANY
in sll2 / ip6 ::1 > ::2
matches UNTAGGED NOT_ANY
in null / ip4 1.1.1.1 > 2.2.2.2
matches UNTAGGED NOT_ANY
in loop / ip6 ::1 > ::2
matches UNTAGGED NOT_ANY

# Each link type reaches its IP packet.
rules
    firewall f default drop { accept ip udp port 53 as V4
      accept ip6 udp port 53 as V6 }
in ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 53
verdict accept V4 - - -
in ip6 ::1 > ::2 / udp 1 > 53
verdict accept V6 - - -
in sll / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 53
verdict accept V4 - - -
in sll2 / ip6 ::1 > ::2 / udp 1 > 53
verdict accept V6 - - -
in null / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 53
verdict accept V4 - - -
in null family 24 / ip6 ::1 > ::2 / udp 1 > 53
verdict accept V6 - - -
in null family 28 / ip6 ::1 > ::2 / udp 1 > 53
verdict accept V6 - - -
in loop / ip6 ::1 > ::2 / udp 1 > 53
verdict accept V6 - - -
# BSD loopback comes in either byte order.
link null
in loop / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 53
verdict accept V4 - - -
link ipv4
in ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 53
verdict accept V4 - - -
link ipv6
in ip6 ::1 > ::2 / udp 1 > 53
verdict accept V6 - - -
link -
# Tags in a cooked capture
in sll type 0x8100 / raw x"00050800" / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 53
verdict accept V4 - - -
