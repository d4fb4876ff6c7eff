# A client's repeated SYN to a server that has not answered goes to the next one, as often as `retries` says: once.

speaks  10.9.0.1, 2001:db8:9::1
rules
    pool p { balance round_robin; source 10.9.0.7 ports 61000-61000; server a 10.0.0.11:8080; server z 10.0.0.13 weight 0
      server c 10.0.0.14 backup; server b 10.0.0.12:8080 }
    service www on 203.0.113.10 tcp/80 { mode passthrough; max flows 1; -> p }
    firewall f default drop { accept state established, related; accept tcp to 203.0.113.10 as IN }
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 41
verdict forward IN www p/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 10.9.0.7 > 10.0.0.11 ttl 63 / tcp 61000 > 8080 syn seq 41
# The next that may serve; `max flows` counts one connection.
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 41
verdict forward IN www p/b -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0c / ip4 10.9.0.7 > 10.0.0.12 ttl 63 / tcp 61000 > 8080 syn seq 41
# Once.
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 41
again   3
verdict forward IN www p/b -
out     any
# What the first says now is of no connection.
in      eth / ip4 10.0.0.11 > 10.9.0.7 / tcp 8080 > 61000 syn ack seq 7 ack 42
verdict drop default - - -
# The second's answer is translated.
in      eth / ip4 10.0.0.12 > 10.9.0.7 / tcp 8080 > 61000 syn ack seq 9 ack 42
verdict forward - www p/b -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:01 / ip4 203.0.113.10 > 198.51.100.1 ttl 63 / tcp 80 > 1000 syn ack seq 9 ack 42

# None where the file says so; in `dsr`, where no answer is seen; of what another has answered.
rules
    pool none { balance round_robin; retries 0; server a 10.0.0.11; server b 10.0.0.12 }
    pool one { balance round_robin; server a 10.0.0.21; server b 10.0.0.22 }
    pool alone { server a 10.0.0.31 }
    service s0 on 203.0.113.10 tcp/80, udp/80 { mode passthrough keep source; -> none }
    service s1 on 203.0.113.11 tcp/80, udp/80 { mode passthrough keep source; -> one }
    service s2 on 203.0.113.12 tcp/80 { mode dsr rewrite; -> one }
    service s3 on 203.0.113.13 tcp/80 { mode passthrough keep source; -> alone }
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 80 syn
again   3
verdict forward - s0 none/a -
out     any
in      eth / ip4 198.51.100.1 > 203.0.113.12 / tcp 1000 > 80 syn
again   3
verdict forward - s2 one/a -
out     any
in      eth / ip4 198.51.100.1 > 203.0.113.13 / tcp 1000 > 80 syn
again   3
verdict forward - s3 alone/a -
out     any
in      eth / ip4 198.51.100.1 > 203.0.113.11 / udp 1000 > 80
again   3
verdict forward - s1 one/b -
out     any
in      eth / ip4 198.51.100.1 > 203.0.113.11 / tcp 1000 > 80 syn seq 5
verdict forward - s1 one/a -
out     any
in      eth / ip4 10.0.0.21 > 198.51.100.1 / tcp 80 > 1000 syn ack seq 1 ack 6
verdict forward - s1 one/a -
out     any
in      eth / ip4 198.51.100.1 > 203.0.113.11 / tcp 1000 > 80 syn seq 5
again   1
verdict forward - s1 one/a -
out     any

# As often as the file says, round the pool's end; servers of the client's family; the source keeps the one that it got.
rules
    pool p { balance round_robin; retries 2; server a 10.0.0.11; server v6 2001:db8::6; server b 10.0.0.12 }
    service www on 203.0.113.10 tcp/80 { mode passthrough keep source; affinity source 1m; -> p }
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 80 syn
verdict forward - www p/a -
out     any
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 80 syn
verdict forward - www p/b -
out     any
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1001 > 80 syn
verdict forward - www p/b -
out     any
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 80 syn
again   2
verdict forward - www p/a -
out     any

# A meter is asked once for a connection.
rules
    meter slow = 1/h per source
    pool p { balance round_robin; server a 10.0.0.11; server b 10.0.0.12 }
    service www on 203.0.113.10 tcp/80 { mode passthrough keep source; rate slow; -> p }
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 80 syn
verdict forward - www p/a -
out     any
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 80 syn
verdict forward - www p/b -
out     any
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1001 > 80 syn
verdict drop - www p/b over-rate

# With `syn cookies` this machine asks the silent server again; what the client says a second later goes to the next one,
# once. What the first says then is of no connection; the second is joined.
rules
    pool web { server a 10.0.0.11; server b 10.0.0.12 }
    service www on 203.0.113.10 tcp/80 { mode passthrough keep source; syn cookies; -> web }
    firewall f default drop { accept tcp to 203.0.113.10 flags has syn as IN }
in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 7
verdict forward IN www - -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:01 / ip4 203.0.113.10 > 198.18.0.1 df / tcp 80 > 1000 syn ack seq 1861119633 ack 8 win 0 opt x"020405b4"
in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 8 ack 1861119634
again   3
verdict forward - www web/a -
out     any
after   1
out     any
in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 8 ack 1861119634
verdict forward - www web/b -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0c / ip4 198.18.0.1 > 10.0.0.12 ttl 63 df / tcp 1000 > 80 syn seq 7 opt x"02040218"
in      eth / ip4 10.0.0.11 > 198.18.0.1 / tcp 80 > 1000 syn ack seq 70 ack 8
verdict drop default - - -
# The second has its own time: it is asked again after a second, and by what the client says.
after   1
out     any
after   1
in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 8 ack 1861119634
verdict forward - www web/b -
out     any
in      eth / ip4 10.0.0.12 > 198.18.0.1 / tcp 80 > 1000 syn ack seq 90 ack 8 win 1000
verdict forward - www web/b -
out     any
out     any
