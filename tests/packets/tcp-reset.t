# RST and SYN where a flow is (RFC 5961).
rules
    firewall f default accept {
      accept state established as EST
      accept state related as REL
      accept state new as NEW
      drop state invalid as INV
    }
# An RST at the number that its receiver expects resets the flow; elsewhere it is invalid and changes nothing (RFC 5961, 3.2).
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3000 > 80 syn seq 100 win 1000
verdict accept NEW - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 3000 syn ack seq 500 ack 101 win 1000
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3000 > 80 ack seq 101 ack 501 win 1000
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3000 > 80 psh ack seq 101 ack 501 win 1000 / zeros 100
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3000 > 80 psh ack seq 201 ack 501 win 1000 / zeros 100
verdict accept EST - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 3000 ack seq 501 ack 201 win 1000
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3000 > 80 rst seq 200
verdict drop INV - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3000 > 80 rst seq 202
verdict drop INV - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3000 > 80 rst seq 101
verdict drop INV - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3000 > 80 rst seq 90000
verdict drop INV - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3000 > 80 psh ack seq 301 ack 501 / zeros 10
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3000 > 80 rst seq 201
verdict accept EST - - -
# After it only a new SYN matches, until `closing` has passed.
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3000 > 80 rst seq 201
verdict drop INV - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3000 > 80 ack seq 311 ack 501
verdict drop INV - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 3000 ack seq 501 ack 311
verdict drop INV - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 3000 syn ack seq 500 ack 101
verdict drop INV - - -
after 119
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3000 > 80 ack seq 311 ack 501
verdict drop INV - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3000 > 80 syn seq 9000
verdict accept NEW - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 3000 syn ack seq 700 ack 9001
verdict accept EST - - -
# At the end of what its sender sent, and by the other side
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3001 > 80 syn seq 100 win 1000
verdict accept NEW - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 3001 syn ack seq 500 ack 101 win 1000
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3001 > 80 ack seq 101 ack 501 win 1000
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3001 > 80 psh ack seq 101 ack 501 win 1000 / zeros 100
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3001 > 80 rst ack seq 201 ack 501
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3002 > 80 syn seq 100 win 1000
verdict accept NEW - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 3002 syn ack seq 500 ack 101 win 1000
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3002 > 80 ack seq 101 ack 501 win 1000
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3002 > 80 psh ack seq 101 ack 501 win 1000 / zeros 100
verdict accept EST - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 3002 rst ack seq 501 ack 201
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3002 > 80 psh ack seq 101 ack 501 win 1000 / zeros 100
verdict drop INV - - -
# Refused: it must acknowledge the SYN.
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3003 > 80 syn seq 100
verdict accept NEW - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 3003 rst seq 0
verdict drop INV - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 3003 rst seq 101
verdict drop INV - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 3003 rst ack seq 0 ack 100
verdict drop INV - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 3003 rst ack seq 0 ack 102
verdict drop INV - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3003 > 80 rst seq 101
verdict drop INV - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 3003 rst ack seq 0 ack 101
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3003 > 80 syn seq 100
verdict accept NEW - - -
# The client does not want the answer.
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3004 > 80 syn seq 100
verdict accept NEW - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 3004 syn ack seq 500 ack 101
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3004 > 80 rst seq 101
verdict accept EST - - -
# A SYN on an open flow is new and changes nothing: the host challenges it, and the RST to the challenge counts.
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3005 > 80 syn seq 100 win 1000
verdict accept NEW - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 3005 syn ack seq 500 ack 101 win 1000
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3005 > 80 ack seq 101 ack 501 win 1000
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3005 > 80 syn seq 77777
verdict accept NEW - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 3005 syn seq 77777
verdict accept NEW - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 3005 syn ack seq 600 ack 77778
verdict drop INV - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 3005 ack seq 501 ack 101
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3005 > 80 psh ack seq 101 ack 501 / zeros 10
verdict accept EST - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 3005 ack seq 501 ack 111
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 3005 > 80 rst seq 111
verdict accept EST - - -
