# `flows over N per source`: what a source has opened and still holds, the flow that a packet would open counted.
rules
    firewall f default drop {
      accept udp flows over 2 per source to port 9 as LISTED
      drop udp flows over 2 per source as MANY
      count flows over 1 per source as TWO
      drop arp
      accept ip, ip6 as OK
    }
in eth / ip4 10.0.0.1 > 203.0.113.9 / udp 1000 > 53
verdict accept OK - - -
matches OK
in eth / ip4 10.0.0.1 > 203.0.113.9 / udp 1001 > 53
verdict accept OK - - -
matches TWO OK
# The third is one too many; dropped, it opens nothing, so the second goes on
in eth / ip4 10.0.0.1 > 203.0.113.9 / udp 1002 > 53
verdict drop MANY - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / udp 1002 > 53
verdict drop MANY - - -
in eth / ip4 10.0.0.1 > 203.0.113.9 / udp 1001 > 53
verdict accept OK - - -
# Answers are asked for the flows of who answers, and he has opened none
in eth / ip4 203.0.113.9 > 10.0.0.1 / udp 53 > 1001
verdict accept OK - - -
matches OK
# Another source, and the same number as an IPv6 address, hold flows of their own
in eth / ip4 10.0.0.2 > 203.0.113.9 / udp 1000 > 53
verdict accept OK - - -
in eth / ip6 a00:1:: > 2001:db8::9 / udp 1000 > 53
verdict accept OK - - -
matches OK
# All protocols count together
in eth / ip4 10.0.0.2 > 203.0.113.9 / tcp 1000 > 80 syn
verdict accept OK - - -
in eth / ip4 10.0.0.2 > 203.0.113.9 / udp 1003 > 53
verdict drop MANY - - -
# Accepted by a rule that asks: then it is opened, and counts
in eth / ip4 10.0.0.2 > 203.0.113.9 / udp 1003 > 9
verdict accept LISTED - - -
in eth / ip4 10.0.0.2 > 203.0.113.9 / udp 1000 > 53
verdict drop MANY - - -
# What has no state is not asked about
in eth / arp who-has 10.0.0.2 tell 10.0.0.1
verdict drop f:5 - - -

# By networks: each rule counts by its own, all flows of a source's network together, whoever opened them
rules
    firewall f default drop {
      drop udp flows over 2 per source as ONE
      drop flows over 3 per source/24,/56 as NET
      count flows over 1 per source/24,/64 as TWO64
      accept ip, ip6 as OK
    }
in eth / ip4 10.0.0.1 > 203.0.113.9 / udp 1000 > 53
matches OK
in eth / ip4 10.0.0.1 > 203.0.113.9 / udp 1001 > 53
matches TWO64 OK
in eth / ip4 10.0.0.1 > 203.0.113.9 / udp 1002 > 53
matches ONE
in eth / ip4 10.0.0.2 > 203.0.113.9 / udp 1000 > 53
matches TWO64 OK
in eth / ip4 10.0.0.3 > 203.0.113.9 / tcp 1000 > 53 syn
matches NET
# Another network; and what the first has goes on
in eth / ip4 10.0.1.3 > 203.0.113.9 / tcp 1000 > 53 syn
matches OK
in eth / ip4 10.0.0.2 > 203.0.113.9 / udp 1000 > 53
matches TWO64 OK
# Answers, from a network that opened none
in eth / ip4 203.0.113.9 > 10.0.0.2 / udp 53 > 1000
matches OK
# IPv6: /56 holds four of /64, and an address of IPv4's numbers is another
in eth / ip6 2001:db8:0:1::1 > 2001:db8:9::9 / udp 1000 > 53
matches OK
in eth / ip6 2001:db8:0:2::1 > 2001:db8:9::9 / udp 1000 > 53
matches OK
in eth / ip6 2001:db8:0:2::2 > 2001:db8:9::9 / udp 1000 > 53
matches TWO64 OK
in eth / ip6 2001:db8:0:ff::1 > 2001:db8:9::9 / udp 1000 > 53
matches NET
in eth / ip6 2001:db8:0:100::1 > 2001:db8:9::9 / udp 1000 > 53
matches OK
in eth / ip6 a00::1 > 2001:db8:9::9 / udp 1000 > 53
matches OK
