# bytes: four layers, masks, and where the bytes are not there.
rules
    firewall f default accept {
      count bytes l2 at 12 is x"0800" as L2
      count bytes l3 at 0 is x"45" as L3
      count bytes l3 at 0 is x"40" mask x"f0" as MASK
      count bytes l4 at 2 is x"0035" as L4
      count bytes payload at 0 is x"47455420" as GET
      count tcp bytes payload at 4 is x"2f" bytes payload at 5 is x"78" as TWO
      count bytes payload at 1 is x"00000000" mask x"ffffff00" as MASKED
      count fragment later as LATER
    }
in eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 53 / payload "GET /x"
matches L2 L3 MASK L4 GET TWO
in eth / ip4 1.1.1.1 > 2.2.2.2 opt x"01010101" / tcp 1 > 53 opt x"01010101" / payload "GET /y"
matches L2 MASK L4 GET
in eth / ip6 ::1 > ::2 / hbh / udp 1 > 53 / payload "GET "
matches L4 GET
# One byte short of the pattern
in eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 2 / payload "GET"
matches L2 L3 MASK
# The payload ends with the IP packet: padding doesn't count.
in eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 2 / payload "GET" / pad x"20"
matches L2 L3 MASK
# But not with a shorter UDP length
in eth / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 2 len 11 / payload "GET "
matches L2 L3 MASK GET
# ICMP's payload starts after 8 bytes; SCTP's after 12
in eth / ip4 1.1.1.1 > 2.2.2.2 / icmp type 8 / payload "GET "
matches L2 L3 MASK GET
in eth / ip6 ::1 > ::2 / icmp6 type 128 / payload "GET "
matches GET
in eth / ip4 1.1.1.1 > 2.2.2.2 / sctp 1 > 53 / payload "GET "
matches L2 L3 MASK L4 GET
# Other protocols have no payload, but an l4
in eth / ip4 1.1.1.1 > 2.2.2.2 proto 200 / payload x"0000003500"
matches L2 L3 MASK L4
# Nothing on later fragments, which are judged alone where their first does not come
in eth / ip4 1.1.1.1 > 2.2.2.2 frag 8 proto udp / payload x"0001003500000000 47455420"
verdict held - - - -
after 0.1
released 1 accept default - - -
matches L2 L3 MASK LATER
# l2 stands in every Ethernet frame, l3 in IP alone
in eth type 0x88cc / raw x"45000000"
matches -
in eth type 0x0800 / raw x"45000000"
verdict drop - - - short-ip
in ip4 1.1.1.1 > 2.2.2.2
matches L3 MASK
in eth / vlan 5 / ip4 1.1.1.1 > 2.2.2.2
matches L3 MASK
in eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 2 / payload x"01 000000ff"
matches L2 L3 MASK MASKED
in eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 2 / payload x"01 000001ff"
matches L2 L3 MASK

# 64 bytes, far into the packet
rules
    firewall f default drop {
      accept bytes payload at 1000 is x"41414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414141414142" as FAR
    }
in ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 2 / zeros 1000 / payload "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB"
verdict accept FAR - - -
in ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 2 / zeros 1000 / payload "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
verdict drop default - - -
in ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 2 / zeros 1000 / payload "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
verdict drop default - - -

# `is not`: the bytes are there, and are others.
rules
    firewall f default accept {
      count bytes l2 at 12 is not x"0800" as NOT_IP4
      count bytes l3 at 0 is not x"40" mask x"f0" as NOT_4
      count tcp bytes payload at 0 is not x"47455420" as NOT_GET
      count tcp bytes payload at 0 is x"47" bytes payload at 1 is not x"45" as G_NOT_E
    }
in eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 53 / payload "GET /x"
matches -
in eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 53 / payload "GOT /x"
matches NOT_GET G_NOT_E
in eth / ip6 ::1 > ::2 / tcp 1 > 53 / payload "POST"
matches NOT_IP4 NOT_4 NOT_GET
# Three bytes are neither these four nor others.
in eth / ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 53 / payload "POS"
matches -
in eth / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 53 / payload "POST"
matches -
