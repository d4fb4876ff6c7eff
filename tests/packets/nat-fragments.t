# nat, fragments: a datagram's fragments leave as its first does (RFC 4787, REQ-14), in whichever order they come.
self    203.0.113.1, 2001:db8:ff::1
route   default=wan, 10.0.0.0/8=lan, 2001:db8:1::/48=lan
speaks  203.0.113.1, 2001:db8:ff::1
rules
    interface wan = "eth0"
    nat home {
      masquerade from 10.0.0.0/24, 2001:db8:1::/48 out on wan ports 9-9
      forward 203.0.113.1 udp/700 -> 10.0.0.7:7
      forward 203.0.113.1 sctp/5 -> 10.0.0.7:6
    }
in      eth / ip4 10.0.0.5 > 192.0.2.1 id 1 more / udp 5000 > 53 len 32 / zeros 16
verdict forward - - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 id 1 more / udp 9 > 53 len 32 / zeros 16
in      eth / ip4 10.0.0.5 > 192.0.2.1 id 1 frag 24 proto udp / zeros 8
verdict forward - - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 id 1 frag 24 proto udp / zeros 8
# the reply, its last fragment first
in      eth / ip4 192.0.2.1 > 203.0.113.1 id 7 frag 24 proto udp / zeros 8
verdict held - - - -
in      eth / ip4 192.0.2.1 > 203.0.113.1 id 7 more / udp 53 > 9 len 32 / zeros 16
verdict forward - - - -
out     eth back / ip4 192.0.2.1 > 10.0.0.5 ttl 63 id 7 more / udp 53 > 5000 len 32 / zeros 16
out     eth back / ip4 192.0.2.1 > 10.0.0.5 ttl 63 id 7 frag 24 proto udp / zeros 8
released 1 forward - - - -
# to a forwarded end, and IPv6
in      eth / ip4 192.0.2.1 > 203.0.113.1 id 8 more / udp 4 > 700 len 32 / zeros 16
verdict forward - - - -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:07 / ip4 192.0.2.1 > 10.0.0.7 ttl 63 id 8 more / udp 4 > 7 len 32 / zeros 16
in      eth / ip4 192.0.2.1 > 203.0.113.1 id 8 frag 24 proto udp / zeros 8
verdict forward - - - -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:07 / ip4 192.0.2.1 > 10.0.0.7 ttl 63 id 8 frag 24 proto udp / zeros 8
in      eth / ip6 2001:db8:1::5 > 2001:db8:2::9 / frag6 0 more id 5 / udp 5000 > 53 len 32 / zeros 16
verdict forward - - - -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:09 / ip6 2001:db8:ff::1 > 2001:db8:2::9 hop 63 / frag6 0 more id 5 / udp 9 > 53 len 32 / zeros 16
in      eth / ip6 2001:db8:1::5 > 2001:db8:2::9 / frag6 24 id 5 next 17 / zeros 8
verdict forward - - - -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:09 / ip6 2001:db8:ff::1 > 2001:db8:2::9 hop 63 / frag6 24 id 5 next 17 / zeros 8
# no first fragment: no way out
in      eth / ip4 10.0.0.5 > 192.0.2.1 id 99 frag 24 proto udp / zeros 8
verdict held - - - -
after   1
released 2 drop - - - fragment-orphan
# refused like its first: who has the port goes on
in      eth / ip4 10.0.0.5 > 192.0.2.1 / udp 5000 > 53
verdict forward - - - -
out     any
in      eth / ip4 192.0.2.1 > 203.0.113.1 / udp 53 > 9
verdict forward - - - -
out     any
in      eth / ip4 10.0.0.6 > 192.0.2.1 id 2 more / udp 5000 > 53 len 32 / zeros 16
verdict drop - - - no-source-port
in      eth / ip4 10.0.0.6 > 192.0.2.1 id 2 frag 24 proto udp / zeros 8
verdict drop - - - no-source-port
# ports of an SCTP fragment can't change, for its checksum is the whole datagram's
in      eth / ip4 192.0.2.1 > 203.0.113.1 id 3 more / sctp 1 > 5 / zeros 12
verdict drop - - - untranslatable
in      eth / ip4 192.0.2.1 > 203.0.113.1 id 3 frag 24 proto sctp / zeros 8
verdict drop - - - untranslatable
# an error that quotes a first fragment; one that quotes a later one tells nobody
in      eth / ip4 198.51.100.9 > 203.0.113.1 / icmp type time-exceeded / ip4 203.0.113.1 > 192.0.2.1 ttl 1 id 1 more len 44 / udp 9 > 53 len 32 csum 0x1234
verdict forward - - - -
out     eth back / ip4 198.51.100.9 > 10.0.0.5 ttl 63 / icmp type time-exceeded / ip4 10.0.0.5 > 192.0.2.1 ttl 1 id 1 more len 44 / udp 5000 > 53 len 32 csum 0x30b2
in      eth / ip4 198.51.100.9 > 203.0.113.1 / icmp type time-exceeded / ip4 203.0.113.1 > 192.0.2.1 ttl 1 id 1 frag 24 proto udp / zeros 8
verdict accept - - - -
# A rule that names fragments decides for itself; what it accepts goes where the first went.
rules
    interface wan = "eth0"
    firewall f default drop { accept fragment later to 192.0.2.1 as LATER; accept udp port 53 as DNS }
    nat home { masquerade from 10.0.0.0/24 out on wan ports 9-9 }
in      eth / ip4 10.0.0.5 > 192.0.2.1 id 1 more / udp 5000 > 53 len 32 / zeros 16
verdict forward DNS - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 id 1 more / udp 9 > 53 len 32 / zeros 16
in      eth / ip4 10.0.0.5 > 192.0.2.1 id 1 frag 24 proto udp / zeros 8
verdict forward LATER - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 id 1 frag 24 proto udp / zeros 8
# Longer than the way bears: in pieces, or the sender is told.
mtu     576
in      eth / ip4 10.0.0.5 > 192.0.2.1 df / udp 5000 > 53 / zeros 600
verdict drop DNS - - too-big
out     any
