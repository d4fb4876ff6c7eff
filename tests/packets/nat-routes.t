# nat, routes: `out on` is the interface by which routes send the packet. All else goes on as it came.
self    203.0.113.2, 10.1.0.1, 10.2.0.1
speaks  203.0.113.2
route   default=wan, 10.1.0.0/24=lan, 10.2.0.0/24=dmz, 10.99.0.0/24=wg0, 198.51.100.0/24=uplink
rules
    interface wan = "eth0"
    interface lan = "eth1"
    interface dmz = "eth2"
    interface uplink = "eth3"
    nat home {
      map 203.0.113.40 <-> 10.2.0.40 on wan
      masquerade from 10.1.0.0/24 out on wan ports 9-9
      source from 10.1.0.0/24 out on uplink to 198.51.100.2 ports 7-7
    }
    firewall f forward default drop { accept state established, related as GOES_ON; accept on lan as LAN; accept on dmz as DMZ }
    firewall box in default drop { }
on      lan
# Two uplinks: each has its own statement.
in      eth / ip4 10.1.0.7 > 192.0.2.1 / udp 5000 > 53
verdict forward LAN - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.2 > 192.0.2.1 ttl 63 / udp 9 > 53
in      eth / ip4 10.1.0.7 > 198.51.100.9 / udp 5000 > 53
verdict forward LAN - - -
out     eth 02:00:00:00:00:02 > 02:00:c6:33:64:09 / ip4 198.51.100.2 > 198.51.100.9 ttl 63 / udp 7 > 53
# To an outside address that is not this machine's, with no mapping there, a packet is translated as to any other, so nothing inside shows;
# but it never gets this very address at both ends.
in      eth / ip4 10.1.0.7 > 198.51.100.2 / tcp 5000 > 53 syn seq 1
verdict drop LAN - - same-ends
in      eth / ip4 10.1.0.7 > 198.51.100.2 / icmp type echo-request id 7 seq 1
verdict drop LAN - - same-ends
# To a third network and to a VPN by a device that no rule names nothing is translated, whatever it is.
in      eth / ip4 10.1.0.7 > 10.2.0.5 / tcp 40000 > 80 syn seq 1
verdict accept LAN - - -
in      eth / ip4 10.1.0.7 > 10.99.0.5 / tcp 40000 > 80 syn seq 1
verdict accept LAN - - -
in      eth / ip4 10.1.0.8 > 10.2.0.5 / tcp 40001 > 80 ack seq 7 ack 8
verdict accept LAN - - -
in      eth / ip4 10.1.0.8 > 10.2.0.5 / tcp 40002 > 80 rst seq 7
verdict accept LAN - - -
in      eth / ip4 10.1.0.8 > 10.2.0.5 / tcp 40003 > 80 syn ack seq 7 ack 8
verdict accept LAN - - -
in      eth / ip4 10.1.0.8 > 10.2.0.5 / icmp type echo-reply id 7 seq 1
verdict accept LAN - - -
in      eth / ip4 10.1.0.8 > 10.2.0.5 / icmp type destination-unreachable code 3 / ip4 10.2.0.5 > 10.1.0.8 / udp 4 > 5
verdict accept LAN - - -
in      eth / ip4 10.1.0.8 > 10.2.0.5 id 9 more / udp 4 > 5 len 32 / zeros 16
verdict accept LAN - - -
in      eth / ip4 10.1.0.8 > 10.2.0.5 id 9 frag 24 proto udp / zeros 8
verdict accept LAN - - -
# By the uplink the same shows nothing of the inside.
in      eth / ip4 10.1.0.8 > 192.0.2.1 / tcp 40002 > 80 rst seq 7
verdict drop LAN - - no-flow
in      eth / ip4 10.1.0.8 > 192.0.2.1 / icmp type echo-reply id 7 seq 1
verdict drop LAN - - no-flow
# A map and the way out: to the LAN the server has its own address.
on      dmz
in      eth / ip4 10.2.0.40 > 10.1.0.7 / udp 5 > 6
verdict accept DMZ - - -
in      eth / ip4 10.2.0.40 > 192.0.2.1 / udp 5 > 53
verdict forward DMZ - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.40 > 192.0.2.1 ttl 63 / udp 5 > 53
# dmz answers with an error about what crossed: it is related, and goes back as it came.
on      lan
in      eth / ip4 10.1.0.7 > 10.2.0.5 / udp 4000 > 9
verdict accept LAN - - -
on      dmz
in      eth / ip4 10.2.0.5 > 10.1.0.7 / icmp type destination-unreachable code 3 / ip4 10.1.0.7 > 10.2.0.5 / udp 4000 > 9
verdict accept GOES_ON - - -
# The routes change. A masqueraded flow ends with its next packet, and what follows begins anew; a `source` keeps its end.
on      lan
route   default=uplink, 10.1.0.0/24=lan, 198.51.100.0/24=wan
in      eth / ip4 10.1.0.7 > 192.0.2.1 / udp 5000 > 53
verdict drop LAN - - rerouted
in      eth / ip4 10.1.0.7 > 192.0.2.1 / udp 5000 > 53
verdict forward LAN - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 198.51.100.2 > 192.0.2.1 ttl 63 / udp 7 > 53
in      eth / ip4 10.1.0.7 > 198.51.100.9 / udp 5000 > 53
verdict forward LAN - - -
out     eth 02:00:00:00:00:02 > 02:00:c6:33:64:09 / ip4 198.51.100.2 > 198.51.100.9 ttl 63 / udp 7 > 53
# The address goes: what it masqueraded ends, from either side.
route   default=wan, 10.1.0.0/24=lan
in      eth / ip4 10.1.0.9 > 192.0.2.2 / udp 6000 > 53
verdict forward LAN - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:02 / ip4 203.0.113.2 > 192.0.2.2 ttl 63 / udp 9 > 53
self    10.1.0.1, 10.2.0.1, 203.0.113.3
speaks  203.0.113.3
on      wan
in      eth / ip4 192.0.2.2 > 203.0.113.2 / udp 53 > 9
verdict drop - - - rerouted
# No route, and no routes known: nothing is translated.
route   10.1.0.0/24=lan
on      lan
in      eth / ip4 10.1.0.7 > 192.0.2.77 / udp 5000 > 53
verdict accept LAN - - -
route   -
in      eth / ip4 10.1.0.7 > 192.0.2.78 / udp 5000 > 53
verdict accept LAN - - -
# A packet without a route has begun no flow: once there is one, it is translated. A flow outlives a route that is gone for a while.
route   default=wan, 10.1.0.0/24=lan
in      eth / ip4 10.1.0.7 > 192.0.2.77 / udp 5000 > 53
verdict forward LAN - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:4d / ip4 203.0.113.3 > 192.0.2.77 ttl 63 / udp 9 > 53
route   10.1.0.0/24=lan
in      eth / ip4 10.1.0.7 > 192.0.2.77 / udp 5000 > 53
verdict drop LAN - - no-way
route   default=wan, 10.1.0.0/24=lan
in      eth / ip4 10.1.0.7 > 192.0.2.77 / udp 5000 > 53
verdict forward LAN - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:4d / ip4 203.0.113.3 > 192.0.2.77 ttl 63 / udp 9 > 53
# Whoever sends in its opener's name by another interface gets none of its replies; a station of the same interface does, as there a host may move.
on      wan
in      eth / ip4 192.0.2.77 > 203.0.113.3 / udp 53 > 9
verdict forward - - - -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:01 / ip4 192.0.2.77 > 10.1.0.7 ttl 63 / udp 53 > 5000
on      dmz
in      eth 02:00:00:00:00:66 > 02:00:00:00:00:02 / ip4 10.1.0.7 > 192.0.2.77 / udp 5000 > 53
verdict forward GOES_ON - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:4d / ip4 203.0.113.3 > 192.0.2.77 ttl 63 / udp 9 > 53
on      wan
in      eth / ip4 192.0.2.77 > 203.0.113.3 / udp 53 > 9
verdict forward - - - -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:01 / ip4 192.0.2.77 > 10.1.0.7 ttl 63 / udp 53 > 5000
on      lan
in      eth 02:00:00:00:00:67 > 02:00:00:00:00:02 / ip4 10.1.0.7 > 192.0.2.77 / udp 5000 > 53
verdict forward GOES_ON - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:4d / ip4 203.0.113.3 > 192.0.2.77 ttl 63 / udp 9 > 53
on      wan
in      eth / ip4 192.0.2.77 > 203.0.113.3 / udp 53 > 9
verdict forward - - - -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:67 / ip4 192.0.2.77 > 10.1.0.7 ttl 63 / udp 53 > 5000
