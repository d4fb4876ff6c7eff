# syn cookies, and the server that was asked goes down before it has answered: the client's next segment proves the cookie
# again, and another server is asked.
rules
    pool web { server a 10.0.0.11; server b 10.0.0.12 }
    service www on 203.0.113.10 tcp/80 { mode passthrough keep source; syn cookies; -> web }
    firewall f default accept { }

in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 7
verdict forward default www - -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:01 / ip4 203.0.113.10 > 198.18.0.1 df / tcp 80 > 1000 syn ack seq 1861119633 ack 8 win 0 opt x"020405b4"
in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 8 ack 1861119634
verdict forward - www web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 198.18.0.1 > 10.0.0.11 ttl 63 df / tcp 1000 > 80 syn seq 7 opt x"02040218"
in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 8 ack 1861119634
verdict forward - www web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 198.18.0.1 > 10.0.0.11 ttl 63 df / tcp 1000 > 80 syn seq 7 opt x"02040218"
down    web/a
in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 8 ack 1861119634
verdict forward - www web/b -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0c / ip4 198.18.0.1 > 10.0.0.12 ttl 63 df / tcp 1000 > 80 syn seq 7 opt x"02040218"
