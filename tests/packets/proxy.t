# Connections to a proxy service end at the host: what the rules accept goes there as it came.
self    10.9.0.1
rules
    meter few = 2/s burst 2
    pool web { server a 10.0.0.11:8080 }
    service www on 203.0.113.10 tcp/80 { mode proxy; announce; -> web }
    service slow on 203.0.113.11 tcp/80 { mode proxy; rate few; -> web }
    service w6 on 2001:db8::10 tcp/80-81 { mode proxy http; -> web }
    service own on self tcp/22 { mode proxy; -> web }
    firewall f default drop {
      drop from 198.51.100.0/24 as OUT
      reject tcp to 203.0.113.10 port 80 from 192.0.2.0/24 flags has syn as NO
      accept state established as OPEN
      accept state related as ERR
      accept tcp to 203.0.113.10, 203.0.113.11, 2001:db8::10, self flags has syn lacks ack as IN
      accept icmp type echo-request as PING
      accept tcp from 198.18.0.9 as STRAY
    }

in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 7
verdict forward IN www - -
host
# The flow is the host's: what follows is established, and goes there, too, where it comes by.
in      eth back / ip4 203.0.113.10 > 198.18.0.1 / tcp 80 > 1000 syn ack seq 90 ack 8
verdict accept OPEN - - -
in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 8 ack 91
verdict forward OPEN www - -
host
in      eth / ip4 198.18.0.1 > 203.0.113.10 ttl 1 / tcp 1000 > 80 ack psh seq 8 ack 91 / payload "GET / HTTP/1.1"
verdict forward OPEN www - -
host
# An ICMP error about it is the host's, by an ordinary verdict.
in      eth / ip4 198.18.0.77 > 203.0.113.10 / icmp type destination-unreachable code 1 / ip4 203.0.113.10 > 198.18.0.1 / tcp 80 > 1000 seq 91
verdict accept ERR - - -
# Refused openers, and packets of no connection, by the rules.
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 7
verdict drop OUT - - -
in      eth / ip4 192.0.2.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 7
verdict reject NO - - -
out     eth back / ip4 203.0.113.10 > 192.0.2.1 df / tcp 80 > 1000 rst ack seq 0 ack 8 win 0
in      eth / ip4 198.18.0.2 > 203.0.113.10 / tcp 1000 > 80 ack seq 7 ack 1
verdict drop default - - -
in      eth / ip4 198.18.0.9 > 203.0.113.10 / tcp 1000 > 80 rst seq 7
verdict forward STRAY www - -
host
# Another port of the address is nobody's; its echo is answered, for it is announced.
in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 81 syn seq 7
verdict accept IN - - -
in      eth / ip4 198.18.0.1 > 203.0.113.10 / icmp type echo-request id 1 seq 1
verdict accept PING - - -
out     any
# `rate` is asked by openers, a repeated one among them only where it is not known yet.
in      eth / ip4 198.18.0.1 > 203.0.113.11 / tcp 1001 > 80 syn seq 7
verdict forward IN slow - -
host
in      eth / ip4 198.18.0.1 > 203.0.113.11 / tcp 1001 > 80 syn seq 7
verdict forward IN slow - -
host
in      eth / ip4 198.18.0.1 > 203.0.113.11 / tcp 1002 > 80 syn seq 7
verdict forward IN slow - -
host
in      eth / ip4 198.18.0.1 > 203.0.113.11 / tcp 1003 > 80 syn seq 7
verdict drop IN slow - over-rate
in      eth back / ip4 203.0.113.11 > 198.18.0.1 / tcp 80 > 1001 syn ack seq 90 ack 8
verdict accept OPEN - - -
in      eth / ip4 198.18.0.1 > 203.0.113.11 / tcp 1001 > 80 ack seq 8 ack 91
verdict forward OPEN slow - -
host
after 1
in      eth / ip4 198.18.0.1 > 203.0.113.11 / tcp 1003 > 80 syn seq 7
verdict forward IN slow - -
host
# Other families and links, one's own address.
in      eth / vlan 7 / ip6 2001:db8:9::1 > 2001:db8::10 / tcp 1000 > 81 syn seq 7
verdict forward IN w6 - -
host
in      eth / ip4 198.18.0.1 > 10.9.0.1 / tcp 1000 > 22 syn seq 7
verdict forward IN own - -
host
# In pieces: the later ones go where the first went, held ones, too.
in      eth / ip4 198.18.0.1 > 203.0.113.10 id 5 more / tcp 1000 > 80 ack psh seq 22 ack 91 / zeros 12
verdict forward OPEN www - -
host
in      eth / ip4 198.18.0.1 > 203.0.113.10 id 5 frag 32 proto tcp / zeros 9
verdict forward OPEN www - -
host
in      eth / ip4 198.18.0.1 > 203.0.113.10 id 6 frag 32 proto tcp / zeros 9
verdict held - - - -
in      eth / ip4 198.18.0.1 > 203.0.113.10 id 6 more / tcp 1000 > 80 ack psh seq 43 ack 91 / zeros 12
verdict forward OPEN www - -
host
released 1 forward OPEN www - -
# A service that sends on, beside one that doesn't.
rules
    pool web { server a 10.0.0.11:8080 }
    service www on 203.0.113.10 tcp/80 { mode proxy; -> web }
    service raw on 203.0.113.10 tcp/81 { mode passthrough keep source; -> web }
    firewall f default accept { }
in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 7 ack 1
verdict forward default www - -
host
in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 81 syn seq 7
verdict forward default raw web/a -
out     any
