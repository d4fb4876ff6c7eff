# A service that drains: what would begin a flow is refused as if no server were up, and flows that there are go on.

self    10.9.0.1
speaks  10.9.0.1, 2001:db8:9::1
rules
    pool p { source 10.9.0.7 ports 61017-61019; server a 10.0.0.11; server b 10.0.0.12 backup }
    service www on 203.0.113.10 tcp/80, udp/80 { mode passthrough; affinity source 1h; -> p }
    service own on 203.0.113.10 tcp/81 { mode passthrough keep source; on no server drop; -> p }
    service host on 203.0.113.10 tcp/82 { mode passthrough; on no server pass; -> p }
    service side on 203.0.113.10 tcp/83 { mode dsr gue 6080; -> p }
    service rest on 203.0.113.10 tcp/84 { mode dsr l2; -> p }
    firewall f default drop { accept ip to 203.0.113.10 as IN }

# Three flows, one of UDP, one answered, one whose replies go another way; and a client that affinity knows.
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 1
verdict forward IN www p/a -
out     any
in      eth / ip4 10.0.0.11 > 10.9.0.7 / tcp 80 > 61018 syn ack seq 99 ack 2
verdict forward - www p/a -
out     any
in      eth / ip4 198.51.100.1 > 203.0.113.10 / udp 1000 > 80 / payload "x"
verdict forward IN www p/a -
out     any
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 83 syn seq 1
verdict forward IN side p/a -
out     any

drains  www own host side rest
# They go on: further packets, a SYN that comes again, both ways.
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 2 ack 100
verdict forward IN www p/a -
out     any
in      eth / ip4 10.0.0.11 > 10.9.0.7 / tcp 80 > 61018 ack seq 100 ack 2
verdict forward - www p/a -
out     any
in      eth / ip4 198.51.100.1 > 203.0.113.10 / udp 1000 > 80 / payload "y"
verdict forward IN www p/a -
out     any
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 83 syn seq 1
again   2
verdict forward IN side p/a -
out     any

# Whoever comes is refused, a client that affinity knows too, and so is a segment of a connection that nobody knows.
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1001 > 80 syn seq 41
verdict reject IN www - service-drains
out     eth back / ip4 203.0.113.10 > 198.51.100.1 df / tcp 80 > 1001 rst ack ack 42 win 0
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1002 > 80 ack seq 41 ack 5
verdict reject IN www - service-drains
out     eth back / ip4 203.0.113.10 > 198.51.100.1 df / tcp 80 > 1002 rst seq 5 win 0
in      eth / ip4 198.51.100.1 > 203.0.113.10 / udp 1001 > 80 / payload "x"
verdict reject IN www - service-drains
out     eth back / ip4 203.0.113.10 > 198.51.100.1 df tos 0xc0 / icmp type destination-unreachable code 3 / ip4 198.51.100.1 > 203.0.113.10 / udp 1001 > 80 / payload "x"
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 81 syn
verdict drop IN own - service-drains
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 82 syn
verdict accept IN host - -
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1001 > 83 syn seq 41
verdict reject IN side - service-drains
out     eth back / ip4 203.0.113.10 > 198.51.100.1 df / tcp 83 > 1001 rst ack ack 42 win 0
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1001 > 84 syn seq 41
verdict reject IN rest - service-drains
out     eth back / ip4 203.0.113.10 > 198.51.100.1 df / tcp 84 > 1001 rst ack ack 42 win 0

# The flow of UDP loses its server, and gets no other. That of TCP ends as `on down` says.
down    p/a
in      eth / ip4 198.51.100.1 > 203.0.113.10 / udp 1000 > 80 / payload "z"
verdict reject IN www - service-drains
out     any

down    -
drains  -
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1001 > 80 syn seq 41
again   1
verdict forward IN www p/a -
out     any

# An answered one ends, and the same client's next connection from the same port is a new one.
rules
    pool p { server a 10.0.0.11 }
    service own on 203.0.113.10 tcp/81 { mode passthrough keep source; -> p }
    firewall f default drop { accept ip to 203.0.113.10 as IN }
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 81 syn seq 1
verdict forward IN own p/a -
out     any
in      eth / ip4 10.0.0.11 > 198.51.100.1 / tcp 81 > 1000 syn ack seq 99 ack 2
verdict forward - own p/a -
out     any
drains  own
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 81 rst seq 2
verdict forward IN own p/a -
out     any
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 81 syn seq 900
verdict reject IN own - service-drains
out     any

# With syn cookies no SYN is answered; who was answered before, and proves it, is reset.
rules
    pool web { source 10.9.0.7 ports 61017-61017; server a 10.0.0.11:8080 }
    service www on 203.0.113.10 tcp/80 { mode passthrough; syn cookies; -> web }
    firewall f default drop { accept tcp to 203.0.113.10 port 80 flags has syn lacks ack as WEB }
in      eth / vlan 5 / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 7 win 64240 opt x"020405b40402080a000000640000000001030307"
verdict forward WEB www - -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:01 / vlan 5 / ip4 203.0.113.10 > 198.18.0.1 df / tcp 80 > 1000 syn ack seq 3310068919 ack 8 win 0 opt x"020405b40402080ab5b088770000006401030307"
drains  www
in      eth / vlan 5 / ip4 198.18.0.1 > 203.0.113.10 / tcp 1001 > 80 syn seq 7 win 64240
verdict reject WEB www - service-drains
out     any
in      eth / vlan 5 / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 8 ack 3310068920 win 502 opt x"0101080a00000066b5b08877"
verdict reject - www - service-drains
out     any
