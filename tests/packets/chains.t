# do, return, falling off the end; count and log on the way.
rules
    chain inner {
      return udp port 1 as BACK
      accept udp port 2 as TWO
      count as INNER
    }
    chain outer {
      do inner as INTO_INNER
      drop udp port 3 as THREE
      return udp port 4
      reject udp port 5 as FIVE
    }
    firewall f default drop {
      count as ALL
      do outer udp as INTO_OUTER
      accept udp port 1, 4 as RETURNED
      log tcp port 7 as LOGGED
      accept tcp log as TCP
      accept icmp as ICMP
    }
in ip4 1.1.1.1 > 2.2.2.2 / udp 9 > 1
verdict accept RETURNED - - -
matches BACK INTO_INNER ALL INTO_OUTER RETURNED
in ip4 1.1.1.1 > 2.2.2.2 / udp 9 > 2
verdict accept TWO - - -
matches TWO INTO_INNER ALL INTO_OUTER
in ip4 1.1.1.1 > 2.2.2.2 / udp 9 > 3
verdict drop THREE - - -
matches INNER INTO_INNER THREE ALL INTO_OUTER
in ip4 1.1.1.1 > 2.2.2.2 / udp 9 > 4
verdict accept RETURNED - - -
in ip4 1.1.1.1 > 2.2.2.2 / udp 9 > 6
verdict drop default - - -
in ip4 1.1.1.1 > 2.2.2.2 / tcp 9 > 7
verdict accept TCP - - -
log LOGGED
log TCP
in ip4 1.1.1.1 > 2.2.2.2 / tcp 9 > 8
verdict accept TCP - - -
log TCP
count ALL 7
count LOGGED 1
count TCP 2
count INTO_OUTER 5
in ip4 1.1.1.1 > 2.2.2.2 / icmp type 8
verdict accept ICMP - - -
# The malformed is neither counted nor logged.
in ip4 1.1.1.1 > 2.2.2.2 len 0 / tcp 9 > 7
verdict drop - - - bad-ip-total-length
count ALL 8
count LOGGED 1

# One chain, called twice and from two firewalls
rules
    chain common { drop tcp port 23 as TELNET
      count as COMMON }
    firewall a in default accept { do common
      do common }
    firewall b out default drop { do common
      accept as REST }
self 10.0.0.9
in ip4 1.1.1.1 > 10.0.0.9 / tcp 1 > 23
verdict drop TELNET - - -
in ip4 1.1.1.1 > 10.0.0.9 / tcp 1 > 24
verdict accept default - - -
in ip4 10.0.0.9 > 1.1.1.1 / tcp 1 > 24
verdict accept REST - - -
in ip4 10.0.0.9 > 1.1.1.1 / tcp 1 > 23
verdict drop TELNET - - -
count TELNET 2

# As deep as chains may go
self -
rules
    chain c1 { do c2 }
    chain c2 { do c3 }
    chain c3 { do c4 }
    chain c4 { do c5 }
    chain c5 { do c6 }
    chain c6 { do c7 }
    chain c7 { do c8 }
    chain c8 { do c9 }
    chain c9 { do c10 }
    chain c10 { do c11 }
    chain c11 { do c12 }
    chain c12 { do c13 }
    chain c13 { do c14 }
    chain c14 { do c15 }
    chain c15 { do c16 }
    chain c16 { return tcp port 2
      accept tcp as DEEP }
    firewall f default drop { do c1
      accept tcp port 2 as TWO }
in ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 1
verdict accept DEEP - - -
in ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 2
verdict accept TWO - - -
in ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 2
verdict drop default - - -
