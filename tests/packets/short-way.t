# What a packet that takes the express way changes of its flow: a SYN that the flow ignored counts no more (vm/flow/tcp/tcp.c).
rules
    pool web { server a 10.0.0.11:8080 }
    service www on 203.0.113.10 tcp/80 { mode passthrough keep source; -> web }
    firewall f default drop { accept state new as NEW; accept state established as OPEN; drop state invalid as INVALID }
in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 100
verdict forward NEW www web/a -
out     any
in      eth / ip4 10.0.0.11 > 198.18.0.1 / tcp 8080 > 1000 syn ack seq 700 ack 101
verdict forward - www web/a -
out     any
in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 101 ack 701
verdict forward OPEN www web/a -
out     any
# The server opens anew. The client goes on as before, by the recipe that its last packet left.
in      eth / ip4 10.0.0.11 > 198.18.0.1 / tcp 8080 > 1000 syn seq 9000
verdict forward - www web/a -
out     any
in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 psh ack seq 101 ack 701 / payload "more"
verdict forward OPEN www web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 198.18.0.1 > 10.0.0.11 ttl 63 / tcp 1000 > 8080 psh ack seq 101 ack 701 / payload "more"
in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn ack seq 5000 ack 9001
verdict drop INVALID - - -
# With nothing in between it is answered, and another flow begins.
in      eth / ip4 10.0.0.11 > 198.18.0.1 / tcp 8080 > 1000 syn seq 9000
verdict forward - www web/a -
out     any
in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn ack seq 5000 ack 9001
verdict forward OPEN www web/a -
out     any
