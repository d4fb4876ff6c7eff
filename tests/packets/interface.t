# on: the condition, and firewalls of their own for an interface.
rules
    interface wan = "eth0"
    firewall f default accept {
      count on wan as WAN
      count on "eth1" as E1
      count on not wan as NOT_WAN
      count on wan, "eth1" as EITHER
    }
on wan
in ip4 1.1.1.1 > 2.2.2.2
matches WAN EITHER
on eth0
in ip4 1.1.1.1 > 2.2.2.2
matches WAN EITHER
on eth1
in ip4 1.1.1.1 > 2.2.2.2
matches E1 NOT_WAN EITHER
# One that the rules don't name is none of those that they do.
on eth7
in ip4 1.1.1.1 > 2.2.2.2
matches NOT_WAN
# Without an interface the condition is false, and so is its `not`.
on -
in ip4 1.1.1.1 > 2.2.2.2
matches -

# Specific replaces general.
rules
    interface wan = "eth0"
    firewall outside on wan default drop { accept tcp as ONLY_TCP }
    firewall general default accept { drop udp port 53 as NO_DNS }
on wan
in ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 99
verdict drop default - - -
in ip4 1.1.1.1 > 2.2.2.2 / tcp 1 > 99
verdict accept ONLY_TCP - - -
on eth7
in ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 53
verdict drop NO_DNS - - -
on -
in ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 99
verdict accept default - - -
in ip4 1.1.1.1 > 2.2.2.2 / udp 1 > 53
verdict drop NO_DNS - - -

# By direction and interface
self 10.0.0.9
rules
    firewall wan_in on "eth0" in default drop { accept tcp as T }
    firewall all_in in default accept { drop tcp as NO_TCP }
on eth0
in ip4 10.0.0.1 > 10.0.0.9 / tcp 1 > 2
verdict accept T - - -
in ip4 10.0.0.1 > 10.0.0.2 / udp 1 > 2
verdict accept - - - -
on -
in ip4 10.0.0.1 > 10.0.0.9 / tcp 1 > 2
verdict drop NO_TCP - - -
