# Which segments are within window (van Rooij's bounds), with and without window scale.
rules
    firewall f default accept {
      accept state established as EST
      accept state related as REL
      accept state new as NEW
      drop state invalid as INV
    }
# The window to the octet: 1000 are allowed, and one more as a probe.
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 2000 > 80 syn seq 100 win 1000
verdict accept NEW - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 2000 syn ack seq 500 ack 101 win 1000
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 2000 > 80 ack seq 101 ack 501 win 1000
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 2000 > 80 psh ack seq 101 ack 501 win 1000 / zeros 1002
verdict drop INV - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 2000 > 80 psh ack seq 101 ack 501 win 1000 / zeros 1001
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 2000 > 80 psh ack seq 1103 ack 501 win 1000 / zeros 1
verdict drop INV - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 2000 > 80 ack seq 50101 ack 501
verdict drop INV - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 2000 > 80 ack seq 101 ack 501 win 1000
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 2000 > 80 ack seq 100 ack 501 win 1000
verdict drop INV - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 2000 ack seq 501 ack 1103 win 1000
verdict drop INV - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 2000 ack seq 501 ack 1102 win 1000
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 2000 > 80 ack seq 1101 ack 501 win 1000
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 2000 > 80 ack seq 1101 ack 501 win 1000 / zeros 1
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 2000 > 80 ack seq 1102 ack 502 win 1000
verdict drop INV - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 2000 > 80 ack seq 1102 ack 4294901797 win 1000
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 2000 > 80 ack seq 1102 ack 4294901796 win 1000
verdict drop INV - - -
# The same across the wrap.
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 2001 > 80 syn seq 4294967000 win 1000
verdict accept NEW - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 2001 syn ack seq 4294967295 ack 4294967001 win 1000
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 2001 > 80 ack seq 4294967001 ack 0 win 1000
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 2001 > 80 psh ack seq 4294967001 ack 0 win 1000 / zeros 1002
verdict drop INV - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 2001 > 80 psh ack seq 4294967001 ack 0 win 1000 / zeros 1000
verdict accept EST - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 2001 ack seq 0 ack 705 win 1000
verdict accept EST - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 2001 psh ack seq 0 ack 705 win 1000 / zeros 900
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 2001 > 80 rst seq 704
verdict drop INV - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 2001 > 80 rst seq 705
verdict accept EST - - -
# Both SYNs have the window scale: windows are shifted after them, not in them.
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 2002 > 80 syn seq 100 win 100 opt x"02 04 05 b4 01 03 03 04"
verdict accept NEW - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 2002 syn ack seq 500 ack 101 win 104 opt x"03 03 03 00"
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 2002 > 80 psh ack seq 101 ack 501 win 100 / zeros 106
verdict drop INV - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 2002 > 80 ack seq 101 ack 501 win 100
verdict accept EST - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 2002 ack seq 501 ack 101 win 100
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 2002 > 80 psh ack seq 101 ack 501 win 100 / zeros 802
verdict drop INV - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 2002 > 80 psh ack seq 101 ack 501 win 100 / zeros 801
verdict accept EST - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 2002 psh ack seq 501 ack 101 win 100 / zeros 1400
verdict accept EST - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 2002 psh ack seq 1901 ack 101 win 100 / zeros 202
verdict drop INV - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 2002 psh ack seq 1901 ack 101 win 100 / zeros 201
verdict accept EST - - -
# One SYN without it: nothing is shifted.
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 2003 > 80 syn seq 100 win 100 opt x"03 03 04 00"
verdict accept NEW - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 2003 syn ack seq 500 ack 101 win 100
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 2003 > 80 ack seq 101 ack 501 win 100
verdict accept EST - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 2003 psh ack seq 501 ack 101 / zeros 102
verdict drop INV - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 2003 psh ack seq 501 ack 101 / zeros 101
verdict accept EST - - -
# A shift of 15 is 14 (RFC 7323, 2.3), and one whose length lies is none.
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 2004 > 80 syn seq 100 win 1 opt x"03 03 0f 00"
verdict accept NEW - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 2004 syn ack seq 500 ack 101 win 1 opt x"03 03 00 00"
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 2004 > 80 ack seq 101 ack 501 win 1
verdict accept EST - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 2004 psh ack seq 15501 ack 101 / zeros 1000
verdict accept EST - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 2004 psh ack seq 16501 ack 101 / zeros 386
verdict drop INV - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 2004 psh ack seq 16501 ack 101 / zeros 385
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 2005 > 80 syn seq 100 win 100 opt x"03 04 04 00"
verdict accept NEW - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 2005 syn ack seq 500 ack 101 win 100 opt x"03 03 04 00"
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 2005 > 80 ack seq 101 ack 501 win 100
verdict accept EST - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 2005 psh ack seq 501 ack 101 / zeros 102
verdict drop INV - - -
# A first fragment of 32 octets; what follows of its segment may be acknowledged.
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 2006 > 80 syn seq 100 win 1000
verdict accept NEW - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 2006 syn ack seq 500 ack 101 win 1000
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 2006 > 80 ack seq 101 ack 501 win 1000
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 id 1 more / tcp 2006 > 80 psh ack seq 101 ack 501 win 1000 / zeros 12
verdict accept EST - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 2006 ack seq 501 ack 1103
verdict drop INV - - -
in eth / ip4 203.0.113.9 > 10.0.0.1 / tcp 80 > 2006 ack seq 501 ack 901 win 1000
verdict accept EST - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / tcp 2006 > 80 psh ack seq 901 ack 501 / zeros 100
verdict accept EST - - -
