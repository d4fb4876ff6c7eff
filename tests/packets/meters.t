# Token buckets: `over` where there is no token, `within` where one is taken.
rules
    meter syns = 2/s burst 3 per source
    firewall f default drop {
      drop tcp flags has syn lacks ack over syns as FLOOD
      accept tcp port 80 as WEB
    }
# Three at once a source, the fourth is one too many; another source has its own.
in  eth / ip4 198.51.100.1 > 10.0.0.9 / tcp 1000 > 80 syn
again 2
verdict accept WEB - - -
in  eth / ip4 198.51.100.1 > 10.0.0.9 / tcp 1001 > 80 syn
verdict drop FLOOD - - -
in  eth / ip4 198.51.100.2 > 10.0.0.9 / tcp 1001 > 80 syn
verdict accept WEB - - -
in  eth / ip6 2001:db8::1 > 2001:db8::9 / tcp 1001 > 80 syn
verdict accept WEB - - -
# What the rest of the rule does not ask for takes no token.
in  eth / ip4 198.51.100.3 > 10.0.0.9 / tcp 1000 > 80 syn ack
again 20
verdict accept WEB - - -
in  eth / ip4 198.51.100.3 > 10.0.0.9 / tcp 1000 > 80 syn
again 2
verdict accept WEB - - -
# Half a second brings one back, and not a nanosecond less.
after 0.499999999
in  eth / ip4 198.51.100.1 > 10.0.0.9 / tcp 1002 > 80 syn
verdict drop FLOOD - - -
after 0.000000001
in  eth / ip4 198.51.100.1 > 10.0.0.9 / tcp 1002 > 80 syn
verdict accept WEB - - -
in  eth / ip4 198.51.100.1 > 10.0.0.9 / tcp 1002 > 80 syn
verdict drop FLOOD - - -
# No more than the burst, however long it was quiet.
after 86400
in  eth / ip4 198.51.100.1 > 10.0.0.9 / tcp 1003 > 80 syn
again 2
verdict accept WEB - - -
in  eth / ip4 198.51.100.1 > 10.0.0.9 / tcp 1003 > 80 syn
verdict drop FLOOD - - -
# Seven an hour are one every 514.285714 seconds and 2/7 of a nanosecond.
rules
    meter rare = 7/h
    firewall f default drop { accept udp within rare as RARE }
in  eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53
verdict accept RARE - - -
in  eth / ip4 10.0.0.2 > 10.0.0.9 / udp 1 > 53
verdict drop default - - -
after 514.285714285
in  eth / ip4 10.0.0.2 > 10.0.0.9 / udp 1 > 53
verdict drop default - - -
after 0.000000001
in  eth / ip4 10.0.0.2 > 10.0.0.9 / udp 1 > 53
verdict accept RARE - - -
# A bandwidth counts bits of the IP packet, not the padding of the frame.
rules
    meter bulk = 8kbit/s burst 1000B
    firewall f default drop { accept within bulk as IN; count ether 0x88cc as LLDP }
in  eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53 / zeros 572 / pad 20
verdict accept IN - - -
in  eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53 / zeros 373
verdict drop default - - -
in  eth / ip6 2001:db8::1 > 2001:db8::9 / udp 1 > 53 / zeros 352
verdict accept IN - - -
after 0.027
in  eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53
verdict drop default - - -
after 0.001
in  eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53
verdict accept IN - - -
# What has no IP length is neither within nor over.
in  eth 02:00:00:00:00:01 > 01:80:c2:00:00:0e type 0x88cc / raw x"0207"
verdict drop default - - -
matches LLDP
# A meter is asked at most once a packet: what it said holds for all rules.
rules
    meter m = 1/s
    firewall f default accept {
      count udp within m as FIRST
      count udp within m as SECOND
      drop udp over m as LATE
    }
in  eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53
verdict accept default - - -
matches FIRST SECOND
in  eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53
verdict drop LATE - - -
# Meters of a rule are asked in their order; the second only if the first said so.
rules
    meter one = 1/h
    meter two = 1/h burst 2
    firewall f default drop { accept udp within one within two as BOTH; accept tcp within two as TWO }
in  eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53
verdict accept BOTH - - -
in  eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53
again 3
verdict drop default - - -
in  eth / ip4 10.0.0.1 > 10.0.0.9 / tcp 1 > 80 syn
verdict accept TWO - - -
in  eth / ip4 10.0.0.1 > 10.0.0.9 / tcp 1 > 80 syn
verdict drop default - - -
# A meter without a key counts every kind of frame.
rules
    meter all = 1/h burst 2
    firewall f default drop { accept within all as SOME }
in  eth 02:00:00:00:00:01 > 01:80:c2:00:00:0e type 0x88cc / raw x"0207"
verdict accept SOME - - -
in  eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53
verdict accept SOME - - -
in  eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53
verdict drop default - - -
