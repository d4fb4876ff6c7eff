# Malformed IPv6 and its chain of extension headers.
rules
    firewall f default accept {
      count udp port 53 as DNS
      count as ALL
    }
in eth type 0x86dd / raw x"6000000000003b40"
verdict drop - - - short-ip
in ip6 ::1 > ::2
verdict accept default - - -
matches ALL
in eth / ip6 ::1 > ::2 ver 4 / udp 1 > 53
verdict drop - - - bad-ip-version
in eth / ip6 ::1 > ::2 len 9 / udp 1 > 53
verdict drop - - - bad-ip-total-length
in eth / ip6 ::1 > ::2 len 8 / udp 1 > 53 / pad 30
verdict accept default - - -
matches DNS ALL
# Payload length 0 with a hop-by-hop header: a jumbogram
in eth / ip6 ::1 > ::2 len 0 / hbh opt x"c20400010000" / udp 1 > 53
verdict drop - - - jumbogram

# Every kind of header is walked.
in eth / ip6 ::1 > ::2 / hbh / dst / routing / frag6 0 / ah / mobility / udp 1 > 53
verdict accept default - - -
matches DNS ALL
in eth / ip6 ::1 > ::2 / hip / shim6 / dst / udp 1 > 53
matches DNS ALL
# Hop-by-hop must be first
in eth / ip6 ::1 > ::2 / dst / hbh / udp 1 > 53
verdict drop - - - ip6-extension-chain
in eth / ip6 ::1 > ::2 / hbh / hbh / udp 1 > 53
verdict drop - - - ip6-extension-chain
# 16 headers, and one more
in eth / ip6 ::1 > ::2 / hbh / dst / dst / dst / dst / dst / dst / dst / dst / dst / dst / dst / dst / dst / dst / dst / udp 1 > 53
verdict accept default - - -
matches DNS ALL
in eth / ip6 ::1 > ::2 / hbh / dst / dst / dst / dst / dst / dst / dst / dst / dst / dst / dst / dst / dst / dst / dst / dst / udp 1 > 53
verdict drop - - - ip6-extension-chain
# A header past the packet
in eth / ip6 ::1 > ::2 next 60 / raw x"11000104000000"
verdict drop - - - ip6-extension-chain
in eth / ip6 ::1 > ::2 / dst len 1 / payload x"00000000000000"
verdict drop - - - ip6-extension-chain
in eth / ip6 ::1 > ::2 next 44 / raw x"11000000000000"
verdict drop - - - ip6-extension-chain
in eth / ip6 ::1 > ::2 / dst opt x"010c000000000000000000000000" / udp 1 > 53
verdict accept default - - -
matches DNS ALL
# Type 0 routing, with or without segments left
in eth / ip6 ::1 > ::2 / routing type 0 left 1 / udp 1 > 53
verdict drop - - - ip6-routing-0
in eth / ip6 ::1 > ::2 / routing type 0 / udp 1 > 53
verdict drop - - - ip6-routing-0
in eth / ip6 ::1 > ::2 / routing type 4 / udp 1 > 53
verdict accept default - - -
# Authentication header past the packet
in eth / ip6 ::1 > ::2 / ah len 30 / udp 1 > 53
verdict drop - - - short-ah
in eth / ip6 ::1 > ::2 next 51 / raw x"1104000000000001000000"
verdict drop - - - short-ah
in eth / ip6 ::1 > ::2 / ah / udp 1 > 53
verdict accept default - - -
matches DNS ALL
# Fragments
in eth / ip6 ::1 > ::2 / frag6 0 more / udp 1 > 53 len 100 / zeros 15
verdict drop - - - bad-fragment
in eth / ip6 ::1 > ::2 / frag6 0 id 9 more / udp 1 > 53 len 100 / zeros 16
verdict accept default - - -
matches DNS ALL
in eth / ip6 ::1 > ::2 / frag6 65528 next 17 / zeros 8
verdict drop - - - bad-fragment
in eth / ip6 ::1 > ::2 / frag6 8 next 6 / zeros 16
verdict drop - - - tiny-fragment
in eth / ip6 ::1 > ::2 / frag6 16 id 2 next 6 / zeros 16
verdict held - - - -
after 0.1
released 1 drop - - - fragment-orphan
# ESP, no-next-header and unknown numbers end the chain.
in eth / ip6 ::1 > ::2 / dst / esp / payload "sealed"
verdict accept default - - -
in eth / ip6 ::1 > ::2 / dst
verdict accept default - - -
in eth / ip6 ::1 > ::2 / dst next 200 / payload "?"
verdict accept default - - -
