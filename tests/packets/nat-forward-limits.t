# nat, forward: by the interface that it comes in by, by its source, and of protocols without ports.
self    203.0.113.1, 192.168.1.1, 2001:db8:ff::1
speaks  203.0.113.1, 2001:db8:ff::1
rules
    interface wan = "eth0"
    interface lan = "eth1"
    set friends = 198.51.100.0/24, 2001:db8:f::/48
    nat dmz {
      forward self on wan tcp/443 -> 10.0.0.43
      forward self from friends tcp/22, proto 41 -> 10.0.0.22
      forward self on wan gre, esp -> 10.0.0.47
      forward 2001:db8:ff::9 from friends gre -> 2001:db8:1::47
    }
    firewall f default drop { drop proto 50 from 192.0.2.66 as NOT; accept to self, 2001:db8:ff::9 as IN; accept icmp as PING }
on      eth0
in      eth 02:00:00:00:00:66 > 02:00:00:00:00:02 / ip4 192.0.2.1 > 203.0.113.1 / tcp 40000 > 443 syn seq 1
verdict forward IN - - -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:2b / ip4 192.0.2.1 > 10.0.0.43 ttl 63 / tcp 40000 > 443 syn seq 1
# GRE and ESP: the address alone changes, and the answers come back without being judged
in      eth 02:00:00:00:00:66 > 02:00:00:00:00:02 / ip4 192.0.2.1 > 203.0.113.1 proto 47 / payload "in"
verdict forward IN - - -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:2f / ip4 192.0.2.1 > 10.0.0.47 ttl 63 proto 47 / payload "in"
in      eth / ip4 192.0.2.1 > 203.0.113.1 proto 50 / payload "sealed"
verdict forward IN - - -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:2f / ip4 192.0.2.1 > 10.0.0.47 ttl 63 proto 50 / payload "sealed"
in      eth / ip4 192.0.2.66 > 203.0.113.1 proto 50 / payload "sealed"
verdict drop NOT - - -
# an error about it is followed
in      eth / ip4 10.0.0.47 > 192.0.2.1 / icmp type destination-unreachable code 2 / ip4 192.0.2.1 > 10.0.0.47 proto 47 / payload "in"
verdict forward - - - -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:66 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 / icmp type destination-unreachable code 2 / ip4 192.0.2.1 > 203.0.113.1 proto 47 / payload "in"
on      eth1
in      eth / ip4 10.0.0.47 > 192.0.2.1 proto 47 / payload "out"
verdict forward - - - -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:66 / ip4 203.0.113.1 > 192.0.2.1 ttl 63 proto 47 / payload "out"
# From inside the same address and port is this machine's own, and so is a protocol.
in      eth / ip4 10.0.0.5 > 203.0.113.1 / tcp 40000 > 443 syn
verdict accept IN - - -
in      eth / ip4 10.0.0.5 > 192.168.1.1 proto 47
verdict accept IN - - -
# By its source, from wherever
in      eth / ip4 198.51.100.7 > 192.168.1.1 / tcp 40000 > 22 syn
verdict forward IN - - -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:16 / ip4 198.51.100.7 > 10.0.0.22 ttl 63 / tcp 40000 > 22 syn
in      eth / ip4 192.0.2.7 > 192.168.1.1 / tcp 40000 > 22 syn
verdict accept IN - - -
on      -
in      eth / ip4 198.51.100.7 > 203.0.113.1 proto 41 / payload "six in four"
verdict forward IN - - -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:16 / ip4 198.51.100.7 > 10.0.0.22 ttl 63 proto 41 / payload "six in four"
in      eth / ip6 2001:db8:f::5 > 2001:db8:ff::9 next 47 / payload "in"
verdict forward IN - - -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:47 / ip6 2001:db8:f::5 > 2001:db8:1::47 hop 63 next 47 / payload "in"
# Nobody knows where it came in: not there.
in      eth / ip4 192.0.2.1 > 203.0.113.1 / tcp 40001 > 443 syn
verdict accept IN - - -
