# Malformed link headers and ARP, each at its boundary: one byte or tag short of good, and good.
rules
    firewall f default accept { count as ALL }
in raw x""
verdict drop - - - short-ethernet
matches -
in raw x"02000000000202000000000108"
verdict drop - - - short-ethernet
in raw x"0200000000020200000000018888"
verdict accept default - - -
matches ALL
in eth type 0x8100 / raw x"000508"
verdict drop - - - short-vlan
in eth type 0x88a8 / raw x""
verdict drop - - - short-vlan
in eth / vlan 5 type 0x8100 / raw x"0005"
verdict drop - - - short-vlan
in eth type 0x8100 / raw x"00058888"
verdict accept default - - -
# 16 tags are walked, a 17th is too much; tags taken off by the kernel count.
in eth / vlan 1 / vlan 2 / vlan 3 / vlan 4 / vlan 5 / vlan 6 / vlan 7 / vlan 8 / vlan 9 / vlan 10 / vlan 11 / vlan 12 / vlan 13 / vlan 14 / vlan 15 / vlan 16 / ip4 1.1.1.1 > 2.2.2.2
verdict accept default - - -
in eth / vlan 1 / vlan 2 / vlan 3 / vlan 4 / vlan 5 / vlan 6 / vlan 7 / vlan 8 / vlan 9 / vlan 10 / vlan 11 / vlan 12 / vlan 13 / vlan 14 / vlan 15 / vlan 16 / vlan 17 / ip4 1.1.1.1 > 2.2.2.2
verdict drop - - - vlan-depth
in eth / ip4 1.1.1.1 > 2.2.2.2
verdict accept default - - -
# Cooked and loopback headers
link linux-cooked
in raw x"00000001000602000000000100000800"
verdict drop - - - short-ip
in raw x"000000010006020000000001000008"
verdict drop - - - short-ethernet
link linux-cooked-2
in raw x"08000000000000010001000602000000000100"
verdict drop - - - short-ethernet
link null
in raw x"020000"
verdict drop - - - short-ethernet
link loop
in raw x"000000"
verdict drop - - - short-ethernet
# A raw packet needs at least its version; another one is none of ours.
link raw
in raw x""
verdict drop - - - short-ip
in raw x"50"
verdict drop - - - bad-ip-version
link -

# Malformed ARP passes while no rule asks about ARP; otherwise it is dropped.
in eth type 0x0806 / raw x"00010800060400"
verdict pass - - - -
in eth / arp who-has 10.0.0.1 tell 10.0.0.2
verdict pass - - - -
rules
    firewall f default drop { accept arp as ARP }
in eth type 0x0806 / raw x"00010800060400"
verdict drop - - - short-arp
in eth type 0x0806 / raw x"0001080006040001 020000000001 0a000001 000000000000 0a0000"
verdict drop - - - short-arp
in eth type 0x0806 / raw x"0001080006040001 020000000001 0a000001 000000000000 0a000002"
verdict accept ARP - - -
# Its own lengths say how long it must be.
in eth type 0x0806 / raw x"0001080008040001 020000000001 0a000001 000000000000 0a000002"
verdict drop - - - short-arp
