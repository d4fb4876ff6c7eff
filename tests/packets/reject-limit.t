# At most `rejects` answers a second; over it a packet is rejected in silence.
rules
    limits { rejects 2/s }
    firewall f default reject { accept tcp port 80 as WEB }
in  eth / ip4 198.51.100.1 > 10.0.0.9 / tcp 1 > 2 syn
verdict reject default - - -
out eth back / ip4 10.0.0.9 > 198.51.100.1 df / tcp 2 > 1 rst ack ack 1 win 0
in  eth / ip4 198.51.100.1 > 10.0.0.9 / tcp 1 > 2 syn
verdict reject default - - -
out eth back / ip4 10.0.0.9 > 198.51.100.1 df / tcp 2 > 1 rst ack ack 1 win 0
in  eth / ip4 198.51.100.1 > 10.0.0.9 / tcp 1 > 2 syn
verdict reject default - - -
# Half a second brings one back.
after 0.5
in  eth / ip4 198.51.100.1 > 10.0.0.9 / tcp 1 > 2 syn
verdict reject default - - -
out eth back / ip4 10.0.0.9 > 198.51.100.1 df / tcp 2 > 1 rst ack ack 1 win 0
in  eth / ip4 198.51.100.1 > 10.0.0.9 / tcp 1 > 2 syn
verdict reject default - - -
# What gets no answer anyhow takes no token.
after 0.5
in  eth / ip4 198.51.100.1 > 224.0.0.1 / tcp 1 > 2 syn
verdict reject default - - -
in  eth / ip4 198.51.100.1 > 10.0.0.9 / tcp 1 > 2 syn
verdict reject default - - -
out eth back / ip4 10.0.0.9 > 198.51.100.1 df / tcp 2 > 1 rst ack ack 1 win 0
