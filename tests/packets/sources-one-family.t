# A pool whose `source` has addresses of one family: the other family's servers see this machine.
speaks  10.0.0.1, 2001:db8:ff::1
rules
    pool web { source 10.9.0.7 ports 2000-2000; server a 10.0.0.11:8080; server six [2001:db8:a::11]:8080 }
    service www on 203.0.113.10, 2001:db8::10 tcp/80 { mode passthrough; -> web }
    service wrapped on 203.0.113.11, 2001:db8::11 tcp/80 { mode dsr ipip; mss clamp auto; -> far }
    pool far { source 10.9.0.7; server six 2001:db8:a::12 }
    firewall f default accept { }

in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 1
verdict forward default www web/a -
out     eth 02:00:00:00:00:02 > 02:00:0a:00:00:0b / ip4 10.9.0.7 > 10.0.0.11 ttl 63 / tcp 2000 > 8080 syn seq 1
in      eth / ip6 2001:db8:5::1 > 2001:db8::10 / tcp 1000 > 80 syn seq 1
verdict forward default www web/six -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:11 / ip6 2001:db8:ff::1 > 2001:db8:a::11 hop 63 / tcp 61571 > 8080 syn seq 1
in      eth / ip4 198.18.0.1 > 203.0.113.11 df / tcp 1000 > 80 syn seq 1
verdict forward default wrapped far/six -
out     eth 02:00:00:00:00:02 > 02:00:00:00:00:12 / ip6 2001:db8:ff::1 > 2001:db8:a::12 flow 2047 / ip4 198.18.0.1 > 203.0.113.11 ttl 63 df / tcp 1000 > 80 syn seq 1
