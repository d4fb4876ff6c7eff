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
