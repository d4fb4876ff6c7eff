# `log 2/s` logs two a second; the rest only counts.
rules
    firewall f default accept {
      drop tcp log 2/s as QUIET
      log udp log 1/m as NOTE
      log icmp as ALL
    }
in  eth / ip4 10.0.0.1 > 10.0.0.9 / tcp 1 > 22 syn
verdict drop QUIET - - -
log QUIET
in  eth / ip4 10.0.0.2 > 10.0.0.9 / tcp 1 > 22 syn
verdict drop QUIET - - -
log QUIET
in  eth / ip4 10.0.0.1 > 10.0.0.9 / tcp 1 > 22 syn
verdict drop QUIET - - -
count QUIET 3
after 0.5
in  eth / ip4 10.0.0.1 > 10.0.0.9 / tcp 1 > 22 syn
verdict drop QUIET - - -
log QUIET
# Each rule has a rate of its own.
in  eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53
verdict accept default - - -
log NOTE
in  eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53
verdict accept default - - -
count NOTE 2
in  eth / ip4 10.0.0.1 > 10.0.0.9 / icmp type echo-request
again 9
verdict accept default - - -
log ALL
