# Services: which one takes a packet, and to which server it goes. Packets are not rewritten yet.

# The firewall comes first; a service does not open it.
speaks  10.9.0.1, 2001:db8:9::1
rules
    pool web { server a 10.0.0.11:8080 }
    service www on 203.0.113.10 tcp/80 { mode passthrough; -> web }
    firewall f default drop { accept ip tcp from 198.51.100.0/24 as IN; accept ip icmp as PING }
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 80 syn
verdict forward IN www web/a -
out     any
in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn
verdict drop default - - -
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 81 syn
verdict accept IN - - -
in      eth / ip4 198.51.100.1 > 203.0.113.11 / tcp 1000 > 80 syn
verdict accept IN - - -
in      eth / ip4 198.51.100.1 > 203.0.113.10 / icmp type echo-request id 1 seq 1
verdict accept PING - - -
out     eth back / ip4 203.0.113.10 > 198.51.100.1 / icmp type echo-reply id 1 seq 1
# Mid-stream TCP without a flow is balanced like any other packet.
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 80 psh ack / payload "x"
verdict forward IN www web/a -
out     any
# A later fragment has no ports; it follows its first.
in      eth / ip4 198.51.100.1 > 203.0.113.10 id 7 more / tcp 1000 > 80 syn / zeros 4
verdict forward IN www web/a -
out     any
in      eth / ip4 198.51.100.1 > 203.0.113.10 id 7 proto tcp frag 24 / payload "xxxxxxxx"
verdict forward IN www web/a -
out     any

# Without a firewall everything is accepted, by rule `-`.
rules
    pool web { server a 10.0.0.11 }
    service www on 203.0.113.10 tcp/80 { mode dsr l2; -> web }
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 80 syn
verdict forward - www web/a -
out     any
in      eth / arp who-has 203.0.113.10 tell 203.0.113.1
verdict pass - - - -

# Most specific first: address before self before any, protocol before any, fewer ports before more, then the file's order.
self    203.0.113.10, 203.0.113.20
rules
    pool p { server a 10.0.0.11 }
    service all on any any/any { mode dsr l2; -> p }
    service all_tcp on any tcp/any { mode dsr l2; -> p }
    service own on self any/any { mode dsr l2; -> p }
    service own_web on self tcp/80 { mode dsr l2; -> p }
    service wide on 203.0.113.10 tcp/1-1000 { mode dsr l2; -> p }
    service narrow on 203.0.113.10 tcp/80-90 { mode dsr l2; -> p }
    service beside on 203.0.113.10 tcp/85-95 { mode dsr l2; -> p }
    service one on 203.0.113.10 tcp/85 { mode dsr l2; -> p }
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 85 syn
verdict forward - one p/a -
out     any
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 86 syn
verdict forward - narrow p/a -
out     any
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 95 syn
verdict forward - beside p/a -
out     any
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 100 syn
verdict forward - wide p/a -
out     any
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 1001 syn
verdict forward - own p/a -
out     any
in      eth / ip4 198.51.100.1 > 203.0.113.20 / tcp 1000 > 80 syn
verdict forward - own_web p/a -
out     any
in      eth / ip4 198.51.100.1 > 203.0.113.20 / udp 1000 > 80
verdict forward - own p/a -
out     any
in      eth / ip4 198.51.100.1 > 203.0.113.30 / tcp 1000 > 80 syn
verdict forward - all_tcp p/a -
out     any
in      eth / ip6 2001:db8::1 > 2001:db8::2 / udp 1000 > 80
verdict forward - all p/a -
out     any
in      eth / ip6 2001:db8::1 > 2001:db8::2 / icmp6 type echo-request id 1 seq 1
verdict accept - - - -
# What the host sends itself is none of a service's.
in      eth / ip4 203.0.113.10 > 203.0.113.30 / tcp 1000 > 80 syn
verdict accept - - - -

# Traffic to a service's address is `in`, also where the machine does not hold it.
self    203.0.113.1
rules
    pool p { server a 10.0.0.11 }
    service web on 203.0.113.10 tcp/80 { mode dsr l2; -> p }
    service dns on any udp/53 { mode dsr l2; -> p }
    firewall inwards in default drop { accept ip tcp as TCP; accept ip udp as UDP }
    firewall across forward default reject { accept ip udp port 1000 as CROSS }
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 80 syn
verdict forward TCP web p/a -
out     any
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 81 syn
verdict accept TCP - - -
in      eth / ip4 198.51.100.1 > 203.0.113.30 / udp 1000 > 53
verdict forward UDP dns p/a -
out     any
in      eth / ip4 198.51.100.1 > 203.0.113.30 / udp 1000 > 1000
verdict accept CROSS - - -

# Echo requests, where the service takes them.
self    -
rules
    pool p { server a 10.0.0.11 }
    service ping on 203.0.113.10, 2001:db8::10 icmp, icmp6 { mode dsr l2; -> p }
in      eth / ip4 198.51.100.1 > 203.0.113.10 / icmp type echo-request id 1 seq 1
verdict forward - ping p/a -
out     any
in      eth / ip4 198.51.100.1 > 203.0.113.10 / icmp type echo-reply id 1 seq 1
verdict accept - - - -
in      eth / ip6 2001:db8:f::1 > 2001:db8::10 / icmp6 type echo-request id 1 seq 1
verdict forward - ping p/a -
out     any

# Branches in order; the `else` takes the rest, and where there is none nothing does.
rules
    set office = 192.0.2.0/24
    pool p { server a 10.0.0.11 }
    pool q { server b 10.0.0.12 }
    service www on 203.0.113.10 tcp/80, tcp/443 {
      mode passthrough keep source
      when from office to port 443 -> q
      when source port 1-1023 -> q
      else -> p
    }
    service alone on 203.0.113.10 udp/53 { mode passthrough; on no server drop; when from office -> q }
in      eth / ip4 192.0.2.9 > 203.0.113.10 / tcp 2000 > 443 syn
verdict forward - www q/b -
out     any
in      eth / ip4 192.0.2.9 > 203.0.113.10 / tcp 2000 > 80 syn
verdict forward - www p/a -
out     any
in      eth / ip4 198.51.100.9 > 203.0.113.10 / tcp 1000 > 80 syn
verdict forward - www q/b -
out     any
in      eth / ip4 192.0.2.9 > 203.0.113.10 / udp 2000 > 53
verdict forward - alone q/b -
out     any
in      eth / ip4 198.51.100.9 > 203.0.113.10 / udp 2000 > 53
verdict drop - alone - no-server

# Families: who rewrites picks among the client's, others among all.
rules
    pool p { balance round_robin; server four 10.0.0.11; server six 2001:db8:1::11 }
    service www on 203.0.113.10, 2001:db8::10 tcp/80 { mode dsr rewrite; -> p }
    service tunnel on 203.0.113.20, 2001:db8::20 tcp/80 { mode dsr ipip; -> p }
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 80 syn
again   3
verdict forward - www p/four -
out     any
in      eth / ip6 2001:db8:f::1 > 2001:db8::10 / tcp 1000 > 80 syn
again   3
verdict forward - www p/six -
out     any
in      eth / ip4 198.51.100.1 > 203.0.113.20 / tcp 1000 > 80 syn
verdict forward - tunnel p/four -
out     any
in      eth / ip4 198.51.100.1 > 203.0.113.20 / tcp 1001 > 80 syn
verdict forward - tunnel p/six -
out     any
