# nat, map that says nothing of the way out: what leaves is translated whichever way it goes, known or not.
self    203.0.113.1
route   default=wan, 10.0.0.0/8=lan
speaks  203.0.113.1
rules
    nat one { map 198.51.100.7 <-> 10.0.9.9 }
    firewall f default drop { accept from 10.0.0.0/8 as OUT; accept state established as BACK }
in      eth / ip4 10.0.9.9 > 192.0.2.1 / udp 7 > 53
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 198.51.100.7 > 192.0.2.1 ttl 63 / udp 7 > 53
in      eth / ip4 10.0.9.8 > 192.0.2.1 / udp 7 > 53
verdict accept OUT - - -
route   -
in      eth / ip4 10.0.9.9 > 192.0.2.2 / udp 7 > 53
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:02 / ip4 198.51.100.7 > 192.0.2.2 ttl 63 / udp 7 > 53
# Other statements' sources, and other maps' insides, are ways like any other: what goes there is translated, too.
self    203.0.113.1
route   default=wan, 10.0.0.0/16=lan, 10.1.0.0/16=dmz, 10.2.0.0/16=dmz2
speaks  203.0.113.1
rules
    nat one {
      masquerade from 10.0.0.0/16 out on "wan"
      map 198.51.100.16/28 <-> 10.1.0.16/28
      map 198.51.100.32/28 <-> 10.2.0.16/28
    }
    firewall f default drop { accept from 10.0.0.0/8 as OUT; accept state established as BACK }
in      eth 02:00:00:00:00:55 > 02:00:00:00:00:02 / ip4 10.1.0.17 > 10.0.0.7 / udp 7 > 53
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:07 / ip4 198.51.100.17 > 10.0.0.7 ttl 63 / udp 7 > 53
in      eth / ip4 10.0.0.7 > 198.51.100.17 / udp 53 > 7
verdict forward - - - -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:55 / ip4 10.0.0.7 > 10.1.0.17 ttl 63 / udp 53 > 7
in      eth / ip4 10.1.0.17 > 10.2.0.18 / udp 7 > 53
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:0a:02:00:12 / ip4 198.51.100.17 > 10.2.0.18 ttl 63 / udp 7 > 53
in      eth / ip4 10.1.0.17 > 10.1.0.18 / udp 7 > 53
verdict forward OUT - - -
out     eth 02:00:00:00:00:02 > 02:00:0a:01:00:12 / ip4 198.51.100.17 > 10.1.0.18 ttl 63 / udp 7 > 53
# A connection that begins with the inside address is none of the map's.
in      eth / ip4 10.0.0.7 > 10.1.0.19 / udp 7 > 53
verdict accept OUT - - -
in      eth / ip4 10.1.0.19 > 10.0.0.7 / udp 53 > 7
verdict accept OUT - - -
