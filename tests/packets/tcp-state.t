# What `state` says of TCP: handshakes, ends, timeouts, and whose segments belong to a flow.
rules
    firewall f default accept {
      accept state established as EST
      accept state related as REL
      accept state new as NEW
      drop state invalid as INV
    }
# The handshake, data, a FIN each, the last ACK
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1000 > 80 syn seq 100 win 1000
verdict accept NEW - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 1000 syn ack seq 500 ack 101 win 1000
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1000 > 80 ack seq 101 ack 501 win 1000
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1000 > 80 psh ack seq 101 ack 501 / zeros 10
verdict accept EST - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 1000 ack seq 501 ack 111
verdict accept EST - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 1000 psh ack seq 501 ack 111 / zeros 600
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1000 > 80 fin ack seq 111 ack 1101
verdict accept EST - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 1000 psh ack seq 1101 ack 112 / zeros 5
verdict accept EST - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 1000 fin ack seq 1106 ack 112
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1000 > 80 ack seq 112 ack 1107
verdict accept EST - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 1000 fin ack seq 1106 ack 112
verdict accept EST - - -
# It is closing: a new SYN begins another flow in its place, and the old one's segments are nobody's.
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1000 > 80 syn seq 90000
verdict accept NEW - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 1000 fin ack seq 1106 ack 112
verdict drop INV - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 1000 syn ack seq 7000 ack 90001
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1000 > 80 ack seq 90001 ack 7001
verdict accept EST - - -
# Nobody else's segments belong to it: another port, another address, another VLAN, the other family.
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1001 > 80 ack seq 90001 ack 7001
verdict drop INV - - -
in eth / ip4 10.0.0.2 > 203.0.113.9 / tcp 1000 > 80 ack seq 90001 ack 7001
verdict drop INV - - -
in eth / vlan 7 / ip4 10.0.0.1 > 203.0.113.9 / tcp 1000 > 80 ack seq 90001 ack 7001
verdict drop INV - - -
in eth / ip6 ::10.0.0.1 > ::203.0.113.9 / tcp 1000 > 80 ack seq 90001 ack 7001
verdict drop INV - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1000 > 80 ack seq 90001 ack 7001
verdict accept EST - - -
# The same over IPv6, in two VLANs.
in eth / vlan 5 / vlan 6 / ip6 2001:db8::1 > 2001:db8::9 / tcp 1000 > 80 syn seq 100 win 1000
verdict accept NEW - - -
in eth / vlan 5 / vlan 6 / ip6 2001:db8::9 > 2001:db8::1 / tcp 80 > 1000 syn ack seq 500 ack 101 win 1000
verdict accept EST - - -
in eth / vlan 5 / vlan 6 / ip6 2001:db8::1 > 2001:db8::9 / tcp 1000 > 80 ack seq 101 ack 501 win 1000
verdict accept EST - - -
in eth / vlan 5 / vlan 6 / ip6 2001:db8::9 > 2001:db8::1 / tcp 80 > 1000 psh ack seq 501 ack 101 / zeros 7
verdict accept EST - - -
# Without a flow only a SYN is new.
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1100 > 80 ack seq 1 ack 1
verdict drop INV - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1100 > 80 syn ack seq 1 ack 1
verdict drop INV - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1100 > 80 rst seq 1
verdict drop INV - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1100 > 80 fin ack seq 1 ack 1
verdict drop INV - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1100 > 80 fin psh urg seq 1
verdict drop INV - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1100 > 80 syn rst seq 1
verdict drop INV - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1100 > 80 seq 1
verdict drop INV - - -
# A half-open flow ends after a minute of silence; a SYN that comes again keeps it.
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1200 > 80 syn seq 100
verdict accept NEW - - -
after 59
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1200 > 80 syn seq 100
verdict accept NEW - - -
after 59
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 1200 syn ack seq 500 ack 101
verdict accept EST - - -
after 59
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1200 > 80 ack seq 101 ack 501
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1201 > 80 syn seq 100
verdict accept NEW - - -
after 60
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 1201 syn ack seq 500 ack 101
verdict drop INV - - -
# A closing one after two, however long an open one may be silent.
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1202 > 80 syn seq 100 win 1000
verdict accept NEW - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 1202 syn ack seq 500 ack 101 win 1000
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1202 > 80 ack seq 101 ack 501 win 1000
verdict accept EST - - -
after 7439
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1202 > 80 fin ack seq 101 ack 501
verdict accept EST - - -
after 7439
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 1202 fin ack seq 501 ack 102
verdict accept EST - - -
after 119
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1202 > 80 ack seq 102 ack 502
verdict accept EST - - -
after 120
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1202 > 80 ack seq 102 ack 502
verdict drop INV - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1203 > 80 syn seq 100 win 1000
verdict accept NEW - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 1203 syn ack seq 500 ack 101 win 1000
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1203 > 80 ack seq 101 ack 501 win 1000
verdict accept EST - - -
after 7440
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1203 > 80 ack seq 101 ack 501
verdict drop INV - - -
# The answer must acknowledge the SYN, and the last ACK the answer. Before an answer the newest SYN counts.
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1300 > 80 syn seq 100
verdict accept NEW - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 1300 syn ack seq 500 ack 100
verdict drop INV - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 1300 syn ack seq 500 ack 102
verdict drop INV - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 1300 ack seq 501 ack 101
verdict drop INV - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1300 > 80 ack seq 101 ack 501
verdict drop INV - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1300 > 80 syn seq 300
verdict accept NEW - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 1300 syn ack seq 500 ack 101
verdict drop INV - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 1300 syn ack seq 500 ack 301
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1300 > 80 ack seq 301 ack 500
verdict drop INV - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1300 > 80 ack seq 301 ack 502
verdict drop INV - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1300 > 80 ack seq 301 ack 501
verdict accept EST - - -
# Both open at once, and both close at once.
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1301 > 80 syn seq 100
verdict accept NEW - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 1301 syn seq 500
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1301 > 80 syn ack seq 100 ack 501
verdict accept EST - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 1301 syn ack seq 500 ack 101
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1301 > 80 fin ack seq 101 ack 501
verdict accept EST - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 1301 fin ack seq 501 ack 101
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1301 > 80 ack seq 102 ack 502
verdict accept EST - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 1301 ack seq 502 ack 102
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1301 > 80 syn seq 5000
verdict accept NEW - - -
# A fast open: data on the SYN, acknowledged or not.
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1302 > 80 syn seq 100 / zeros 50
verdict accept NEW - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 1302 syn ack seq 500 ack 151
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1302 > 80 ack seq 151 ack 501
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1303 > 80 syn seq 100 / zeros 50
verdict accept NEW - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 1303 syn ack seq 500 ack 101
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1303 > 80 psh ack seq 101 ack 501 / zeros 50
verdict accept EST - - -
# LAND: source and destination are one. It speaks for the side that opened the flow, so nobody answers.
in eth / ip4 203.0.113.9 > 203.0.113.9 / tcp 80 > 80 syn seq 1
verdict accept NEW - - -
in eth / ip4 203.0.113.9 > 203.0.113.9 / tcp 80 > 80 syn seq 1
verdict accept NEW - - -
in eth / ip4 203.0.113.9 > 203.0.113.9 / tcp 80 > 80 syn ack seq 1 ack 2
verdict drop INV - - -
in eth / ip4 203.0.113.9 > 203.0.113.9 / tcp 80 > 80 ack seq 2 ack 2
verdict drop INV - - -
in eth / ip4 203.0.113.9 > 203.0.113.9 / tcp 80 > 80 rst ack seq 0 ack 2
verdict drop INV - - -
# A packet that is dropped did not happen.
rules
    firewall f default accept {
      drop ttl 9 as GONE
      accept state established as EST
      accept state new as NEW
      drop state invalid as INV
    }
in eth / ip4 10.0.0.1 > 203.0.113.9 ttl 9 / tcp 1000 > 80 syn seq 100
verdict drop GONE - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 1000 syn ack seq 500 ack 101
verdict drop INV - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1000 > 80 syn seq 100
verdict accept NEW - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 ttl 9 / tcp 80 > 1000 syn ack seq 500 ack 101
verdict drop GONE - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1000 > 80 ack seq 101 ack 501
verdict drop INV - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 1000 syn ack seq 500 ack 101
verdict accept EST - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 ttl 9 / tcp 80 > 1000 rst ack seq 501 ack 101
verdict drop GONE - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 1000 > 80 ack seq 101 ack 501
verdict accept EST - - -
