# At most 1,000 answers a second, of which a burst is as many; over it a packet is rejected in silence.
rules
    firewall f default reject { accept tcp port 80 as WEB }
in  eth / ip4 198.51.100.1 > 10.0.0.9 / tcp 1 > 2 syn
again 999
verdict reject default - - -
out eth back / ip4 10.0.0.9 > 198.51.100.1 df / tcp 2 > 1 rst ack ack 1 win 0
in  eth / ip4 198.51.100.1 > 10.0.0.9 / tcp 1 > 2 syn
verdict reject default - - -
# A thousandth of a second brings one back.
after 0.001
in  eth / ip4 198.51.100.1 > 10.0.0.9 / tcp 1 > 2 syn
verdict reject default - - -
out eth back / ip4 10.0.0.9 > 198.51.100.1 df / tcp 2 > 1 rst ack ack 1 win 0
in  eth / ip4 198.51.100.1 > 10.0.0.9 / tcp 1 > 2 syn
verdict reject default - - -
# What gets no answer anyhow takes no token.
after 0.001
in  eth / ip4 198.51.100.1 > 224.0.0.1 / tcp 1 > 2 syn
again 10
verdict reject default - - -
in  eth / ip4 198.51.100.1 > 10.0.0.9 / udp 1 > 2
verdict reject default - - -
out eth back / ip4 10.0.0.9 > 198.51.100.1 df tos 0xc0 / icmp type destination-unreachable code 3 / ip4 198.51.100.1 > 10.0.0.9 / udp 1 > 2
