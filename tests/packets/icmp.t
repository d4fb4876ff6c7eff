# ICMP types and codes, by name and number; neighbour discovery with its hop limit.
rules
    firewall f default accept {
      count icmp type echo-request as PING
      count icmp type 3 as T3
      count icmp type 3 code 1, 3 as T3C
      count icmp type destination-unreachable code not 4 as T3NOT4
      count icmp type not echo-request, echo-reply as NO_ECHO
      count icmp type 11-13 as RANGE
      count icmp6 type echo-request as PING6
      count icmp6 type packet-too-big as TOO_BIG
      count icmp6 type nd as ND
      count icmp6 type not nd-neighbor-solicit as NOT_NS
      count icmp6 type 1 code 4 as PORT6
      count icmp6 type 128- as INFO6
      count fragment later as LATER
    }
in eth / ip4 1.1.1.1 > 2.2.2.2 / icmp type echo-request
matches PING
in eth / ip4 1.1.1.1 > 2.2.2.2 / icmp type echo-reply
matches -
in eth / ip4 1.1.1.1 > 2.2.2.2 / icmp type destination-unreachable code 1
matches T3 T3C T3NOT4 NO_ECHO
in eth / ip4 1.1.1.1 > 2.2.2.2 / icmp type destination-unreachable code 4
matches T3 NO_ECHO
in eth / ip4 1.1.1.1 > 2.2.2.2 / icmp type destination-unreachable code 0
matches T3 T3NOT4 NO_ECHO
in eth / ip4 1.1.1.1 > 2.2.2.2 / icmp type 11
matches NO_ECHO RANGE
in eth / ip4 1.1.1.1 > 2.2.2.2 / icmp type 14
matches NO_ECHO
in eth / ip6 fe80::1 > fe80::2 / icmp6 type echo-request
matches PING6 NOT_NS INFO6
in eth / ip6 fe80::1 > fe80::2 / icmp6 type packet-too-big mtu 1280
matches TOO_BIG NOT_NS
in eth / ip6 fe80::1 > fe80::2 / icmp6 type 1 code 4
matches NOT_NS PORT6
in eth / ip6 fe80::1 > ff02::1:ff00:2 hop 255 / icmp6 type nd-neighbor-solicit target fe80::2
matches ND INFO6
# Neighbour discovery that crossed a router is none.
in eth / ip6 fe80::1 > ff02::1:ff00:2 hop 254 / icmp6 type nd-neighbor-solicit target fe80::2
matches INFO6
in eth / ip6 fe80::1 > ff02::2 hop 255 / icmp6 type nd-router-solicit
matches ND NOT_NS INFO6
in eth / ip6 fe80::1 > ff02::1 hop 255 / icmp6 type nd-neighbor-advert target fe80::1
matches ND NOT_NS INFO6
in eth / ip6 fe80::1 > fe80::2 hop 255 / icmp6 type nd-redirect target fe80::1
matches NOT_NS INFO6
# Later fragments have no type; the same numbers over the other family are none.
in eth / ip4 1.1.1.1 > 2.2.2.2 frag 8 proto icmp / payload x"0800000000000000"
verdict held - - - -
after 0.1
released 1 accept default - - -
matches LATER
in eth / ip6 ::1 > ::2 next 1 / payload x"0800000000000000"
matches -
in eth / ip4 1.1.1.1 > 2.2.2.2 proto 58 / payload x"8000000000000000"
matches -

rules
    firewall f default drop { count fragment later; accept icmp, icmp6 as ANY_ICMP
       accept icmp6 type not nd as NEVER }
in eth / ip4 1.1.1.1 > 2.2.2.2 frag 8 proto icmp / payload x"0800000000000000"
verdict held - - - -
after 0.1
released 1 accept ANY_ICMP - - -
in eth / ip6 ::1 > ::2 / icmp6 type 200
verdict accept ANY_ICMP - - -
