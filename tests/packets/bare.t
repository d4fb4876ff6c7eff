# Devices without Ethernet beside others with it: what comes by wg0 begins with IP.
self    203.0.113.1, 10.8.0.1
route   default=wg0, 10.0.0.0/24=lan, 10.8.0.0/24=wg0
speaks  203.0.113.1
rules
    interface lan = "eth1"
    pool away { server one 10.8.0.2:80 }
    service shop on 203.0.113.9 tcp/80 { mode passthrough keep source; -> away }
    nat line { masquerade out on "wg0" ports 1024-65535 }
    firewall f default drop {
      drop ether from 02:00:00:00:00:01 on "wg0" as MAC
      drop vlan any on "wg0" as TAG
      drop arp on "wg0" as ARP
      accept vlan none udp on "wg0" port 9 as PLAIN
      accept ip tcp on "wg0" port 22 as SSH
      reject udp on "wg0" port 10 with unreachable as SHUT
      accept on lan as OUT
    }
on      wg0
link    raw
in      ip4 198.51.100.1 > 203.0.113.1 / tcp 1000 > 22 syn
verdict accept SSH - - -
in      ip4 198.51.100.1 > 203.0.113.1 / udp 1000 > 9
verdict accept PLAIN - - -
in      ip4 198.51.100.1 > 203.0.113.1 / udp 1000 > 10 / payload "x"
verdict reject SHUT - - -
out     any
# Masquerade from a link with Ethernet to one without, and back: to the opener's MAC.
on      eth1
link    -
in      eth 02:00:00:00:00:55 > 02:00:00:00:00:02 / ip4 10.0.0.5 > 192.0.2.1 / udp 5000 > 53
verdict forward OUT - - -
out     any
on      wg0
link    raw
in      ip4 192.0.2.1 > 203.0.113.1 ttl 50 / udp 53 > 5000
verdict forward - - - -
out     eth 02:00:cb:00:71:01 > 02:00:00:00:00:55 / ip4 192.0.2.1 > 10.0.0.5 ttl 49 / udp 53 > 5000
# A service whose server lies behind the device, for a client with Ethernet: the reply gets the client's MAC, and one hop less.
on      eth1
link    -
in      eth 02:00:00:00:00:55 > 02:00:00:00:00:02 / ip4 10.0.0.5 > 203.0.113.9 / tcp 5001 > 80 syn seq 7
verdict forward OUT shop away/one -
out     any
on      wg0
link    raw
in      ip4 10.8.0.2 > 10.0.0.5 / tcp 80 > 5001 syn ack seq 1 ack 8
verdict forward - shop away/one -
out     eth 02:00:cb:00:71:01 > 02:00:00:00:00:55 / ip4 203.0.113.9 > 10.0.0.5 ttl 63 / tcp 80 > 5001 syn ack seq 1 ack 8
# Fragments go on with their first.
in      ip4 198.51.100.1 > 203.0.113.1 id 5 more / tcp 1000 > 22 ack / payload "0123"
verdict accept SSH - - -
in      ip4 198.51.100.1 > 203.0.113.1 id 5 frag 24 proto tcp / payload "rest"
verdict accept SSH - - -
