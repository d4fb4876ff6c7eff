# Flows of services in DSR modes: the server's answers take another way, so the client's side alone is followed.

rules
    timeouts { tcp half_open 10s; tcp closing 20s }
    pool web { server a 10.0.0.11 }
    service www on 203.0.113.10 tcp/80 { mode dsr l2; -> web }
    firewall f default drop {
      accept state established as OLD
      accept ip tcp to 203.0.113.10 port 80 state new as NEW
      drop state invalid as BAD
    }
# Established from the first packet after the SYN, whatever it acknowledges, and no window is checked.
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 99
verdict forward NEW www web/a -
out     any
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 99
verdict forward NEW www web/a -
out     any
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 100 ack 7777
verdict forward OLD www web/a -
out     any
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 9000100 ack 8888888
verdict forward OLD www web/a -
out     any
# It is not half-open any more.
after 15
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 200 ack 7777
verdict forward OLD www web/a -
out     any
# The client's FIN closes it: `closing` passes, and it is gone.
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 80 fin ack seq 200 ack 7777
verdict forward OLD www web/a -
out     any
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 201 ack 9999
verdict forward OLD www web/a -
out     any
after 25
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 201 ack 9999
verdict drop BAD - - -
# Without its SYN nothing is.
in      eth / ip4 198.51.100.2 > 203.0.113.10 / tcp 1000 > 80 ack seq 100 ack 7777
verdict drop BAD - - -
# A SYN that nobody follows up is half-open.
in      eth / ip4 198.51.100.3 > 203.0.113.10 / tcp 1000 > 80 syn seq 99
verdict forward NEW www web/a -
out     any
after 15
in      eth / ip4 198.51.100.3 > 203.0.113.10 / tcp 1000 > 80 ack seq 100 ack 7777
verdict drop BAD - - -

# Where there is no server for it and `on no server` lets it pass, it is the host's: both sides are seen.
rules
    pool web { server a 10.0.0.11 }
    service www on 203.0.113.10 tcp/80 { mode dsr ipip; on no server pass; -> web }
    firewall f default drop {
      accept state established as OLD
      accept ip tcp to 203.0.113.10 port 80 state new as NEW
    }
down    web/a
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 99
verdict accept NEW www - -
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 100 ack 7777
verdict drop default - - -

# In passthrough the answers come back through here.
rules
    pool web { source 10.0.0.1; server a 10.0.0.11 }
    service www on 203.0.113.10 tcp/80 { mode passthrough; -> web }
    firewall f default drop {
      accept state established as OLD
      accept ip tcp to 203.0.113.10 port 80 state new as NEW
    }
down    -
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 99
verdict forward NEW www web/a -
out     any
in      eth / ip4 198.51.100.1 > 203.0.113.10 / tcp 1000 > 80 ack seq 100 ack 7777
verdict drop default - - -
