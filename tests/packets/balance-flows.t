# What a service does with flows: servers are kept, counted, bounded, limited, and ended when they go down.
self    10.9.0.1
speaks  10.9.0.1

# least_conn counts the flows that live.
rules
    timeouts { udp 10s }
    pool web { balance least_conn; server a 10.0.0.11; server b 10.0.0.12 }
    service www on 203.0.113.10 udp/80 { mode dsr l2; -> web }
in      eth / ip4 198.18.0.1 > 203.0.113.10 / udp 1000 > 80
verdict forward - www web/a -
out     any
in      eth / ip4 198.18.0.2 > 203.0.113.10 / udp 1000 > 80
verdict forward - www web/b -
out     any
# Flows keep their servers, whatever else comes.
in      eth / ip4 198.18.0.2 > 203.0.113.10 / udp 1000 > 80
again   5
verdict forward - www web/b -
out     any
in      eth / ip4 198.18.0.3 > 203.0.113.10 / udp 1000 > 80
verdict forward - www web/b -
out     any
in      eth / ip4 198.18.0.4 > 203.0.113.10 / udp 1000 > 80
verdict forward - www web/a -
out     any

# Affinity: a client's flows go to one server, and those that it opens within D after the last ended.
rules
    timeouts { udp 10s }
    pool web { balance round_robin; server a 10.0.0.11; server b 10.0.0.12 }
    service www on 203.0.113.10 udp/80 { mode dsr l2; affinity source 60s; -> web }
in      eth / ip4 198.18.0.1 > 203.0.113.10 / udp 1000 > 80
verdict forward - www web/a -
out     any
in      eth / ip4 198.18.0.1 > 203.0.113.10 / udp 1001 > 80
verdict forward - www web/a -
out     any
in      eth / ip4 198.18.0.2 > 203.0.113.10 / udp 1001 > 80
verdict forward - www web/b -
out     any
after   12
after   12
after   12
after   12
in      eth / ip4 198.18.0.2 > 203.0.113.10 / udp 1002 > 80
verdict forward - www web/b -
out     any
in      eth / ip4 198.18.0.1 > 203.0.113.10 / udp 1003 > 80
verdict forward - www web/a -
out     any
# Its server down, it gets another, and keeps that.
down    web/a
in      eth / ip4 198.18.0.1 > 203.0.113.10 / udp 1004 > 80
verdict forward - www web/b -
out     any
down    -
in      eth / ip4 198.18.0.1 > 203.0.113.10 / udp 1005 > 80
verdict forward - www web/b -
out     any

# Bounds: of the service, of one source there, and how often flows begin.
rules
    timeouts { udp 10s }
    meter often = 2/s burst 3
    pool web { server a 10.0.0.11 }
    service www on 203.0.113.10 udp/80 { mode dsr l2; max flows 3; -> web }
    service per on 203.0.113.11 udp/80 { mode dsr l2; max flows 2 per source; -> web }
    service slow on 203.0.113.12 udp/80 { mode dsr l2; rate often; -> web }
in      eth / ip4 198.18.0.1 > 203.0.113.10 / udp 1000 > 80
verdict forward - www web/a -
out     any
in      eth / ip4 198.18.0.1 > 203.0.113.10 / udp 1001 > 80
verdict forward - www web/a -
out     any
in      eth / ip4 198.18.0.2 > 203.0.113.10 / udp 1001 > 80
verdict forward - www web/a -
out     any
in      eth / ip4 198.18.0.3 > 203.0.113.10 / udp 1001 > 80
verdict drop - www web/a max-flows
in      eth / ip4 198.18.0.2 > 203.0.113.10 / udp 1001 > 80
verdict forward - www web/a -
out     any
in      eth / ip4 198.18.0.1 > 203.0.113.11 / udp 1000 > 80
verdict forward - per web/a -
out     any
in      eth / ip4 198.18.0.1 > 203.0.113.11 / udp 1001 > 80
verdict forward - per web/a -
out     any
in      eth / ip4 198.18.0.1 > 203.0.113.11 / udp 1002 > 80
verdict drop - per web/a max-flows
in      eth / ip4 198.18.0.2 > 203.0.113.11 / udp 1002 > 80
verdict forward - per web/a -
out     any
in      eth / ip4 198.18.0.1 > 203.0.113.12 / udp 1000 > 80
again   9
verdict forward - slow web/a -
out     any
in      eth / ip4 198.18.0.1 > 203.0.113.12 / udp 1001 > 80
verdict forward - slow web/a -
out     any
in      eth / ip4 198.18.0.1 > 203.0.113.12 / udp 1002 > 80
verdict forward - slow web/a -
out     any
in      eth / ip4 198.18.0.1 > 203.0.113.12 / udp 1003 > 80
verdict drop - slow web/a over-rate
after   1
in      eth / ip4 198.18.0.1 > 203.0.113.12 / udp 1003 > 80
verdict forward - slow web/a -
out     any

# idle D: of flows that both sides have used.
rules
    timeouts { udp 100s; tcp established 1h }
    pool web { source 10.9.0.7 ports 61017-61017; server a 10.0.0.11 }
    service www on 203.0.113.10 udp/80 { mode passthrough; idle 5s; -> web }
in      eth / ip4 198.18.0.1 > 203.0.113.10 / udp 1000 > 80
verdict forward - www web/a -
out     any
after   20
in      eth / ip4 10.0.0.11 > 10.9.0.7 / udp 80 > 61017
verdict forward - www web/a -
out     any
after   4
in      eth / ip4 10.0.0.11 > 10.9.0.7 / udp 80 > 61017
verdict forward - www web/a -
out     any
after   6
in      eth / ip4 198.18.0.2 > 203.0.113.10 / udp 1000 > 80
verdict forward - www web/a -
out     any

# on down reset: both sides are told, at the next packet.
rules
    pool web { source 10.9.0.7 ports 61017-61018; balance round_robin; server a 10.0.0.11:8080; server b 10.0.0.12:8080 }
    pool kept { on down keep; server c 10.0.0.13 }
    service www on 203.0.113.10 tcp/80, udp/80 { mode passthrough; -> web }
    service kept on 203.0.113.11 tcp/80 { mode passthrough keep source; -> kept }
in      eth / vlan 4 / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 100
verdict forward - www web/a -
out     any
in      eth / vlan 4 / ip4 10.0.0.11 > 10.9.0.7 / tcp 8080 > 61018 syn ack seq 700 ack 101
verdict forward - www web/a -
out     any
in      eth / vlan 4 / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 psh ack seq 101 ack 701 / payload "hello"
verdict forward - www web/a -
out     any
in      eth / ip4 198.18.0.1 > 203.0.113.11 / tcp 1000 > 80 syn seq 100
verdict forward - kept kept/c -
out     any
in      eth / ip4 198.18.0.7 > 203.0.113.10 / udp 1000 > 80
verdict forward - www web/b -
out     any
down    web/a kept/c
in      eth / vlan 4 / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 106 ack 701
verdict drop - www web/a server-down
out     eth 02:00:0a:09:00:01 > 02:00:00:00:00:01 / vlan 4 / ip4 203.0.113.10 > 198.18.0.1 df / tcp 80 > 1000 rst seq 701 win 0
out     eth 02:00:0a:09:00:01 > 02:00:0a:00:00:0b / vlan 4 / ip4 10.9.0.7 > 10.0.0.11 df / tcp 61018 > 8080 rst seq 106 win 0
# Its next SYN goes elsewhere; what is kept goes on.
in      eth / vlan 4 / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 9100
verdict forward - www web/b -
out     any
in      eth / ip4 198.18.0.1 > 203.0.113.11 / tcp 1000 > 80 ack seq 101 ack 5
verdict forward - kept kept/c -
out     any
# What is no connection is picked anew.
down    web/b
in      eth / ip4 198.18.0.7 > 203.0.113.10 / udp 1000 > 80
verdict forward - www web/a -
out     any
# With no server left a packet of a connection still ends it.
down    web/a web/b
in      eth / vlan 4 / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 9101 ack 5
verdict drop - www web/b server-down
out     any
out     any
in      eth / vlan 4 / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 9101 ack 5
verdict reject - www - no-server
out     any
down    -

# on down reset without a packet: the sweep tells them.
rules
    pool web { server a 10.0.0.11 }
    service www on 203.0.113.10 tcp/80 { mode dsr rewrite; -> web }
in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 100
verdict forward - www web/a -
out     any
in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 101 ack 555
verdict forward - www web/a -
out     any
down    web/a
after   1
out     eth 02:00:0a:09:00:01 > 02:00:00:00:00:01 / ip4 203.0.113.10 > 198.18.0.1 df / tcp 80 > 1000 rst seq 555 win 0
after   1
down    -

# Who has no connection, or was reset already, is told nothing.
rules
    pool web { source 10.9.0.7 ports 61017-61019; server a 10.0.0.11 }
    service www on 203.0.113.10 tcp/80, udp/80 { mode passthrough; -> web }
in      eth / ip4 198.18.0.1 > 203.0.113.10 / udp 1000 > 80
verdict forward - www web/a -
out     any
in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 100
verdict forward - www web/a -
out     any
in      eth / ip4 10.0.0.11 > 10.9.0.7 / tcp 80 > 61019 syn ack seq 700 ack 101
verdict forward - www web/a -
out     any
in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 101 ack 701
verdict forward - www web/a -
out     any
in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 rst seq 101
verdict forward - www web/a -
out     any
down    web/a
after   1
down    -

# A SYN on a connection that is closing begins another, which may go elsewhere.
rules
    pool web { balance round_robin; server a 10.0.0.11; server b 10.0.0.12 }
    service www on 203.0.113.10 tcp/80 { mode dsr l2; -> web }
in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 100
again   3
verdict forward - www web/a -
out     any
in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 fin ack seq 101 ack 1
verdict forward - www web/a -
out     any
in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 9100
verdict forward - www web/b -
out     any
# What nobody may begin a flow from, a group's, is sent once where the source is kept.
rules
    pool web { server a 10.0.0.11 }
    service www on any udp/80 { mode dsr l2; -> web }
    service own on any udp/81 { mode passthrough; -> web }
in      eth / ip4 198.18.0.1 > 239.0.0.1 / udp 1000 > 80
verdict forward - www web/a -
out     any
in      eth / ip4 198.18.0.1 > 239.0.0.1 / udp 1000 > 81
verdict drop - own web/a no-flow
# A packet that the host takes, for nobody else can, makes a flow of the host's: it stays there.
rules
    pool web { server a 10.0.0.11 }
    service www on 203.0.113.10 udp/80 { mode dsr l2; on no server pass; -> web }
down    web/a
in      eth / ip4 198.18.0.1 > 203.0.113.10 / udp 1000 > 80
verdict accept - www - -
down    -
in      eth / ip4 198.18.0.1 > 203.0.113.10 / udp 1000 > 80
verdict accept - - - -
in      eth / ip4 198.18.0.1 > 203.0.113.10 / udp 1001 > 80
verdict forward - www web/a -
out     any

# Reopened, a flow may be seen as it was before: its old self is gone.
rules
    pool web { server a 10.0.0.11:8080 }
    pool own { source 10.9.0.7 ports 61017-61017; server b 10.0.0.12:8080 }
    service www on 203.0.113.10 tcp/80 { mode passthrough keep source; -> web }
    service all on any tcp/81, tcp/61017 { mode passthrough; -> own }
in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 100
verdict forward - www web/a -
out     any
in      eth / ip4 10.0.0.11 > 198.18.0.1 / tcp 8080 > 1000 rst ack ack 101
verdict forward - www web/a -
out     any
in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 9100
verdict forward - www web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 198.18.0.1 > 10.0.0.11 ttl 63 / tcp 1000 > 8080 syn seq 9100
in      eth / ip4 10.0.0.11 > 198.18.0.1 / tcp 8080 > 1000 syn ack ack 9101
verdict forward - www web/a -
out     any
# What the server itself sends to the address and port that it would be sent from can't be sent on: it would be the same.
in      eth / ip4 10.0.0.12 > 10.9.0.7 / tcp 8080 > 61017 syn
verdict drop - all own/b no-source-port
in      eth / ip4 10.9.0.7 > 10.0.0.12 / tcp 61017 > 81 syn
verdict forward - all own/b -
out     any
