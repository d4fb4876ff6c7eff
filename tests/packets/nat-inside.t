# A translated connection has two tuples, one for each of its sides. A packet that comes by the other side's is judged as
# if there were no connection, and makes none.
self    203.0.113.1
speaks  203.0.113.1
route   default=eth0
rules
    nat home {
      masquerade from 10.0.0.0/24 out on "eth0" ports 1024-65535
      forward 203.0.113.1 tcp/80 -> 10.0.0.7
    }
    firewall f default drop {
      accept state established as EST
      accept from 10.0.0.0/24 as OUT
      drop state related as REL
      drop state invalid as INV
      accept tcp to port 80 as WEB
      drop state new as NEW
    }
# UDP, from inside
in      eth / ip4 10.0.0.5 > 198.51.100.9 / udp 40000 > 53
verdict forward OUT - - -
out     any
in      eth / ip4 198.51.100.9 > 10.0.0.5 / udp 53 > 40000
verdict drop NEW - - -
in      eth / ip4 198.51.100.9 > 203.0.113.1 / udp 53 > 40000
verdict forward - - - -
out     any
in      eth / ip4 198.51.100.9 > 10.0.0.5 / udp 53 > 40000
verdict drop NEW - - -
# Errors: about what left, and about what only hosts inside have seen
in      eth / ip4 198.51.100.1 > 203.0.113.1 / icmp type 3 code 3 / ip4 203.0.113.1 > 198.51.100.9 / udp 40000 > 53
verdict forward - - - -
out     any
in      eth / ip4 198.51.100.1 > 10.0.0.5 / icmp type 3 code 3 / ip4 10.0.0.5 > 198.51.100.9 / udp 40000 > 53
verdict drop INV - - -
# TCP: a SYN ACK and a segment, a SYN
in      eth / ip4 10.0.0.5 > 198.51.100.9 / tcp 40000 > 443 syn seq 100
verdict forward OUT - - -
out     any
in      eth / ip4 198.51.100.9 > 10.0.0.5 / tcp 443 > 40000 syn ack seq 500 ack 101
verdict drop INV - - -
in      eth / ip4 198.51.100.9 > 10.0.0.5 / tcp 443 > 40000 syn seq 500
verdict drop NEW - - -
in      eth / ip4 198.51.100.9 > 203.0.113.1 / tcp 443 > 40000 syn ack seq 500 ack 101
verdict forward - - - -
out     any
in      eth / ip4 198.51.100.9 > 10.0.0.5 / tcp 443 > 40000 ack seq 501 ack 101
verdict drop INV - - -
# Both open at once, through the nat
in      eth / ip4 10.0.0.5 > 198.51.100.9 / tcp 40001 > 443 syn seq 100
verdict forward OUT - - -
out     any
in      eth / ip4 198.51.100.9 > 203.0.113.1 / tcp 443 > 40001 syn seq 500
verdict forward - - - -
out     any
in      eth / ip4 10.0.0.5 > 198.51.100.9 / tcp 40001 > 443 syn ack seq 100 ack 501
verdict forward EST - - -
out     any
# Echoes
in      eth / ip4 10.0.0.5 > 198.51.100.9 / icmp type echo-request id 7
verdict forward OUT - - -
out     any
in      eth / ip4 198.51.100.9 > 10.0.0.5 / icmp type echo-reply id 7
verdict drop INV - - -
# A forwarded port: the server by its own address, while the same ends talk through the outside one
in      eth / ip4 198.51.100.2 > 203.0.113.1 / tcp 5000 > 80 syn seq 1
verdict forward WEB - - -
out     any
in      eth / ip4 198.51.100.2 > 10.0.0.7 / tcp 5000 > 80 ack seq 2 ack 1
verdict drop INV - - -
in      eth / ip4 198.51.100.2 > 10.0.0.7 / tcp 5000 > 80 syn seq 1
verdict accept WEB - - -
in      eth / ip4 10.0.0.7 > 198.51.100.2 / tcp 80 > 5000 syn ack seq 9 ack 2
verdict forward - - - -
out     any
