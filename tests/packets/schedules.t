# Schedules: the clock is UTC, the hours are those of the schedule's zone.
rules
    schedule work = mon-fri 08:00-18:00
    schedule night = 22:00-06:00
    firewall f default accept { drop tcp port 22 during not work as LATE; count during night as NIGHT; count during work, night as EITHER }
time 2026-11-20 07:59:59
in  eth / ip4 10.0.0.1 > 10.0.0.9 / tcp 1 > 22 syn
verdict drop LATE - - -
after 1
in  eth / ip4 10.0.0.1 > 10.0.0.9 / tcp 1 > 22 syn
verdict accept default - - -
matches EITHER
time 2026-11-20 18:00:00
in  eth / ip4 10.0.0.1 > 10.0.0.9 / tcp 1 > 80 syn
verdict accept default - - -
matches -
time 2026-11-20 22:00:00
in  eth / ip4 10.0.0.1 > 10.0.0.9 / tcp 1 > 80 syn
verdict accept default - - -
matches NIGHT EITHER
# Saturday: over midnight from Friday, and no work.
time 2026-11-21 05:59:59
in  eth / ip4 10.0.0.1 > 10.0.0.9 / tcp 1 > 80 syn
verdict accept default - - -
matches NIGHT EITHER
time 2026-11-21 09:00:00
in  eth / ip4 10.0.0.1 > 10.0.0.9 / tcp 1 > 22 syn
verdict drop LATE - - -
# Days share the hours that follow; hours share the days before them.
rules
    schedule s = mon, wed 09:00-10:00, 11:00-12:00, sun
    firewall f default drop { accept during s as IN }
time 2026-11-22 23:59:59
in  eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53
verdict accept IN - - -
time 2026-11-23 00:00:00
in  eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53
verdict drop default - - -
time 2026-11-23 09:30:00
in  eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53
verdict accept IN - - -
time 2026-11-23 11:30:00
in  eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53
verdict accept IN - - -
time 2026-11-24 09:30:00
in  eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53
verdict drop default - - -
time 2026-11-25 09:30:00
in  eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53
verdict accept IN - - -
# A span of a day is the day it begins on.
rules
    schedule s = fri 22:00-06:00
    firewall f default drop { accept during s as IN }
time 2026-11-27 05:00:00
in  eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53
verdict drop default - - -
time 2026-11-28 05:00:00
in  eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53
verdict accept IN - - -
# Beside conditions of every kind.
rules
    schedule s = mon
    firewall f default drop { accept udp during s bytes payload at 0 is x"01" as IN; count during not s bytes payload at 0 is x"01" as OUT }
in  eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53 / payload x"01"
verdict drop default - - -
matches OUT
time 2026-11-30 00:00:00
in  eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53 / payload x"01"
verdict accept IN - - -
in  eth / ip4 10.0.0.1 > 10.0.0.9 / udp 1 > 53 / payload x"02"
verdict drop default - - -
