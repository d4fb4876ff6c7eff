# Whoever sends in a client's name what its flow does not take does not get its replies: they go to the last MAC from
# which something came that the flow took.
speaks  203.0.113.1
route   default=wan, 10.0.0.0/8=lan
rules
    interface wan = "eth0"
    pool web { source 10.9.0.7 ports 2000-2000; server a 10.0.0.11:8080 }
    service www on 203.0.113.10 tcp/80 { mode passthrough; -> web }
    nat home { source from 10.1.0.0/16 out on wan to 203.0.113.100 }
    firewall f default accept { }

in      eth 02:00:00:00:00:31 > 02:00:00:00:00:02 / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 1
verdict forward default www web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 10.9.0.7 > 10.0.0.11 ttl 63 / tcp 2000 > 8080 syn seq 1
in      eth / ip4 10.0.0.11 > 10.9.0.7 / tcp 8080 > 2000 syn ack seq 99 ack 2
verdict forward - www web/a -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:31 / ip4 203.0.113.10 > 198.18.0.1 ttl 63 / tcp 80 > 1000 syn ack seq 99 ack 2
in      eth 02:00:00:00:00:31 > 02:00:00:00:00:02 / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 2 ack 100
verdict forward default www web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 10.9.0.7 > 10.0.0.11 ttl 63 / tcp 2000 > 8080 ack seq 2 ack 100
in      eth 02:00:00:00:00:66 > 02:00:00:00:00:02 / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 3000000 ack 100
verdict forward default www web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 10.9.0.7 > 10.0.0.11 ttl 63 / tcp 2000 > 8080 ack seq 3000000 ack 100
in      eth / ip4 10.0.0.11 > 10.9.0.7 / tcp 8080 > 2000 psh ack seq 100 ack 2 / payload "secret"
verdict forward - www web/a -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:31 / ip4 203.0.113.10 > 198.18.0.1 ttl 63 / tcp 80 > 1000 psh ack seq 100 ack 2 / payload "secret"
# Nor with a SYN: the host that knows the connection challenges it.
in      eth 02:00:00:00:00:66 > 02:00:00:00:00:02 / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 77
verdict forward default www web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 10.9.0.7 > 10.0.0.11 ttl 63 / tcp 2000 > 8080 syn seq 77
in      eth / ip4 10.0.0.11 > 10.9.0.7 / tcp 8080 > 2000 ack seq 106 ack 2
verdict forward - www web/a -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:31 / ip4 203.0.113.10 > 198.18.0.1 ttl 63 / tcp 80 > 1000 ack seq 106 ack 2
in      eth 02:00:00:00:00:32 > 02:00:00:00:00:02 / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 2 ack 106
verdict forward default www web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 10.9.0.7 > 10.0.0.11 ttl 63 / tcp 2000 > 8080 ack seq 2 ack 106
in      eth / ip4 10.0.0.11 > 10.9.0.7 / tcp 8080 > 2000 ack seq 106 ack 2
verdict forward - www web/a -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:32 / ip4 203.0.113.10 > 198.18.0.1 ttl 63 / tcp 80 > 1000 ack seq 106 ack 2

# So with translation.
in      eth 02:00:00:00:00:41 > 02:00:00:00:00:02 / ip4 10.1.0.5 > 192.0.2.1 / tcp 5000 > 80 syn seq 1
verdict forward default - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.100 > 192.0.2.1 ttl 63 / tcp 5000 > 80 syn seq 1
in      eth / ip4 192.0.2.1 > 203.0.113.100 / tcp 80 > 5000 syn ack seq 9 ack 2
verdict forward - - - -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:41 / ip4 192.0.2.1 > 10.1.0.5 ttl 63 / tcp 80 > 5000 syn ack seq 9 ack 2
in      eth 02:00:00:00:00:66 > 02:00:00:00:00:02 / ip4 10.1.0.5 > 192.0.2.1 / tcp 5000 > 80 ack seq 3000000 ack 10
verdict forward default - - -
out     eth 02:00:00:00:00:02 > 02:00:c0:00:02:01 / ip4 203.0.113.100 > 192.0.2.1 ttl 63 / tcp 5000 > 80 ack seq 3000000 ack 10
in      eth / ip4 192.0.2.1 > 203.0.113.100 / tcp 80 > 5000 syn ack seq 9 ack 2
verdict forward - - - -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:41 / ip4 192.0.2.1 > 10.1.0.5 ttl 63 / tcp 80 > 5000 syn ack seq 9 ack 2
