# Servers that are down, backups, weight 0, and what a service does when no server is left.

speaks  10.9.0.1, 2001:db8:9::1
rules
    pool p { balance round_robin; server a 10.0.0.11; server b 10.0.0.12; server z 10.0.0.13 weight 0; server c 10.0.0.14 backup }
    service www on 203.0.113.10 tcp/80, udp/80 { mode passthrough; -> p }
    service hush on 203.0.113.10 tcp/81 { mode passthrough; on no server drop; -> p }
    service host on 203.0.113.10 tcp/82 { mode passthrough; on no server pass; -> p }
    firewall f default drop { accept ip to 203.0.113.10 as IN }
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 80 syn
verdict forward IN www p/a -
out     any
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1001 > 80 syn
verdict forward IN www p/b -
out     any
# No answer came, so it goes to the next, once (retries.t).
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 80 syn
again   2
verdict forward IN www p/b -
out     any

down    p/a
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 80 syn
again   4
verdict forward IN www p/b -
out     any

# The backup serves when no other can; a server of weight 0 is not one that can.
down    p/a p/b
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 80 syn
again   4
verdict forward IN www p/c -
out     any

down    p/a p/b p/c
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 41
verdict reject IN www - no-server
out     eth back / ip4 203.0.113.10 > 198.51.100.1 df / tcp 80 > 1000 rst ack ack 42 win 0
in      eth / ip4 198.51.100.1 > 203.0.113.10 / udp 1000 > 80 / payload "x"
verdict reject IN www - no-server
out     eth back / ip4 203.0.113.10 > 198.51.100.1 df tos 0xc0 / icmp type destination-unreachable code 3 / ip4 198.51.100.1 > 203.0.113.10 / udp 1000 > 80 / payload "x"
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 81 syn
verdict drop IN hush - no-server
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 82 syn
verdict accept IN host - -
count   IN 19

down    -
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1001 > 80 syn
again   1
verdict forward IN www p/a -
out     any

# A pool of weights 0 takes nothing.
rules
    pool p { server a 10.0.0.11 weight 0 }
    service www on 203.0.113.10 tcp/80 { mode passthrough; on no server drop; -> p }
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 80 syn
verdict drop - www - no-server
