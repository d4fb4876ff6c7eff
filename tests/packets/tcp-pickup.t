# Connections that were there before: `timeouts { pickup }`.
# While `pickup` lasts a segment of mid-stream is new, until the other side speaks; then there are windows, the largest that may be.
rules
    timeouts { pickup 30s }
    firewall f default accept {
      accept state established as EST
      accept state new as NEW
      drop state invalid as INV
    }
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 4000 > 80 psh ack seq 101 ack 501 / zeros 10
verdict accept NEW - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 4000 > 80 psh ack seq 111 ack 501 / zeros 10
verdict accept NEW - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 4000 ack seq 501 ack 121
verdict accept EST - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 4000 psh ack seq 501 ack 121 / zeros 10
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 4000 > 80 ack seq 121 ack 511
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 4000 > 80 ack seq 2147483700 ack 511
verdict drop INV - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 4000 > 80 rst seq 120
verdict drop INV - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 4000 > 80 fin ack seq 121 ack 511
verdict accept EST - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 4000 fin ack seq 511 ack 122
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 4000 > 80 syn seq 5
verdict accept NEW - - -
# Not by SYN|ACK, by RST, or without ACK
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 4001 > 80 syn ack seq 1 ack 1
verdict drop INV - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 4001 > 80 rst seq 1
verdict drop INV - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 4001 > 80 rst ack seq 1 ack 1
verdict drop INV - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 4001 > 80 fin seq 1
verdict drop INV - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 4001 > 80 fin psh urg seq 1
verdict drop INV - - -
# Reset before the other side spoke
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 4002 > 80 ack seq 101 ack 501
verdict accept NEW - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 4002 rst seq 500
verdict drop INV - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 4002 rst seq 501
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 4002 > 80 ack seq 101 ack 501
verdict drop INV - - -
# A SYN changes nothing there: the host challenges it.
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 4005 > 80 ack seq 101 ack 501 / zeros 10
verdict accept NEW - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 4005 > 80 syn seq 70000
verdict accept NEW - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 4005 syn seq 70000
verdict accept NEW - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 4005 syn ack seq 600 ack 70001
verdict drop INV - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 4005 ack seq 501 ack 111
verdict accept EST - - -
# Taken up and silent since: gone after a minute, and by then `pickup` is over.
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 4003 > 80 ack seq 101 ack 501
verdict accept NEW - - -
after 60
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 4003 ack seq 501 ack 101
verdict drop INV - - -
# Not unless the file says so
rules
    firewall f default accept {
      accept state established as EST
      accept state new as NEW
      drop state invalid as INV
    }
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 4004 > 80 psh ack seq 101 ack 501 / zeros 10
verdict drop INV - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 4004 psh ack seq 501 ack 101 / zeros 10
verdict drop INV - - -
