# Malformed IPv4: first fault wins in the order short, version, header length, total length, checksum, options, L4.
rules
    firewall f default accept { count as ALL }
in eth type 0x0800 / raw x""
verdict drop - - - short-ip
in ip4 1.1.1.1 > 2.2.2.2
verdict accept default - - -
matches ALL
link ipv4
in raw x"45000013000000004000000001010101020202"
verdict drop - - - short-ip
link -
# The frame's type and the version must agree
in eth type 0x0800 / raw x"60000000000040400000000000000000000000000000000100000000000000000000000000000002"
verdict drop - - - bad-ip-version
in eth type 0x86dd / ip4 1.1.1.1 > 2.2.2.2 / zeros 20
verdict drop - - - bad-ip-version
in eth / ip4 1.1.1.1 > 2.2.2.2 ver 5
verdict drop - - - bad-ip-version
# Header length under 20, or past the packet
in eth / ip4 1.1.1.1 > 2.2.2.2 ihl 4
verdict drop - - - bad-ip-header-length
in eth / ip4 1.1.1.1 > 2.2.2.2 ihl 6
verdict drop - - - bad-ip-header-length
in eth / ip4 1.1.1.1 > 2.2.2.2 ihl 15 / zeros 39
verdict drop - - - bad-ip-header-length
in eth / ip4 1.1.1.1 > 2.2.2.2 ihl 15 proto 200 / zeros 40
verdict accept default - - -
# Total length: 0, under the header's, past the frame
in eth / ip4 1.1.1.1 > 2.2.2.2 len 0 / udp 1 > 2
verdict drop - - - bad-ip-total-length
in eth / ip4 1.1.1.1 > 2.2.2.2 len 19
verdict drop - - - bad-ip-total-length
in eth / ip4 1.1.1.1 > 2.2.2.2 len 23 opt x"01010101"
verdict drop - - - bad-ip-total-length
in eth / ip4 1.1.1.1 > 2.2.2.2 len 24 opt x"01010101"
verdict accept default - - -
in eth / ip4 1.1.1.1 > 2.2.2.2 len 29 / udp 1 > 2
verdict drop - - - bad-ip-total-length
in eth / ip4 1.1.1.1 > 2.2.2.2 len 28 / udp 1 > 2 / pad 40
verdict accept default - - -
# A header length past the total length is the header's fault, which comes first.
in eth / ip4 1.1.1.1 > 2.2.2.2 ihl 4 len 19
verdict drop - - - bad-ip-header-length

# Options: one that runs past the header, one of length 0 or 1
in eth / ip4 1.1.1.1 > 2.2.2.2 opt x"44080000"
verdict drop - - - bad-ip-options
in eth / ip4 1.1.1.1 > 2.2.2.2 opt x"44050000"
verdict drop - - - bad-ip-options
in eth / ip4 1.1.1.1 > 2.2.2.2 opt x"44040000"
verdict accept default - - -
in eth / ip4 1.1.1.1 > 2.2.2.2 opt x"44000000"
verdict drop - - - bad-ip-options
in eth / ip4 1.1.1.1 > 2.2.2.2 opt x"44010000"
verdict drop - - - bad-ip-options
# A type without its length byte
in eth / ip4 1.1.1.1 > 2.2.2.2 opt x"01010144"
verdict drop - - - bad-ip-options
# What follows the end of options does not matter.
in eth / ip4 1.1.1.1 > 2.2.2.2 opt x"00440844"
verdict accept default - - -
in eth / ip4 1.1.1.1 > 2.2.2.2 opt x"01010100"
verdict accept default - - -

# Checksum: judged all the same in replay, dropped where it is asked for; before options, after the lengths.
in eth / ip4 1.1.1.1 > 2.2.2.2 csum 0x1234 / udp 1 > 2
verdict accept default - - -
strict-checksum
in eth / ip4 1.1.1.1 > 2.2.2.2 csum 0x1234 / udp 1 > 2
verdict drop - - - bad-ip-checksum
in eth / ip4 1.1.1.1 > 2.2.2.2 csum 0x1234 opt x"44080000"
verdict drop - - - bad-ip-checksum
in eth / ip4 1.1.1.1 > 2.2.2.2 csum 0x1234 len 0
verdict drop - - - bad-ip-total-length
in eth / ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 2
verdict accept default - - -
strict-checksum off

# Fragments
in eth / ip4 1.1.1.1 > 2.2.2.2 more / udp 1 > 2 len 100 / zeros 17
verdict drop - - - bad-fragment
in eth / ip4 1.1.1.1 > 2.2.2.2 more / udp 1 > 2 len 100 / zeros 16
verdict accept default - - -
in eth / ip4 1.1.1.1 > 2.2.2.2 frag 8 proto udp / zeros 17
verdict accept default - - -
in eth / ip4 1.1.1.1 > 2.2.2.2 frag 65528 proto udp / zeros 8
verdict drop - - - bad-fragment
# Offset and payload together may reach 65,535.
in eth / ip4 1.1.1.1 > 2.2.2.2 frag 65528 proto udp / zeros 7
verdict accept default - - -
in eth / ip4 1.1.1.1 > 2.2.2.2 frag 65512 more proto udp / zeros 24
verdict drop - - - bad-fragment
# A TCP fragment at offset 8 (RFC 3128); other offsets and protocols may
in eth / ip4 1.1.1.1 > 2.2.2.2 frag 8 proto tcp / zeros 16
verdict drop - - - tiny-fragment
in eth / ip4 1.1.1.1 > 2.2.2.2 frag 16 proto tcp / zeros 16
verdict accept default - - -
in eth / ip4 1.1.1.1 > 2.2.2.2 frag 8 proto udp / zeros 16
verdict accept default - - -
# A first fragment without its whole L4 header
in eth / ip4 1.1.1.1 > 2.2.2.2 more proto tcp / zeros 16
verdict drop - - - short-tcp
