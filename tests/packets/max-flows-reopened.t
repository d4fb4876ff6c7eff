# max flows: a connection that begins in the place of one that is closing does not count twice.
rules
    pool web { server a 10.0.0.11 }
    pool far { server b 10.0.0.12 }
    service one on 203.0.113.10 tcp/80 { mode passthrough keep source; max flows 1; -> web }
    service two on 203.0.113.11 tcp/80 { mode passthrough keep source; max flows 1 per source; -> far }
    firewall f default accept { }

in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 1
verdict forward default one web/a -
out     any
in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1001 > 80 syn seq 1
verdict drop default one web/a max-flows
in      eth / ip4 10.0.0.11 > 198.18.0.1 / tcp 80 > 1000 rst ack ack 2
verdict forward - one web/a -
out     any
in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1000 > 80 syn seq 5
verdict forward default one web/a -
out     any
in      eth / ip4 198.18.0.1 > 203.0.113.10 / tcp 1001 > 80 syn seq 1
verdict drop default one web/a max-flows
in      eth / ip4 198.18.0.1 > 203.0.113.11 / tcp 1000 > 80 syn seq 1
verdict forward default two far/b -
out     any
in      eth / ip4 198.18.0.1 > 203.0.113.11 / tcp 1001 > 80 syn seq 1
verdict drop default two far/b max-flows
in      eth / ip4 10.0.0.12 > 198.18.0.1 / tcp 80 > 1000 rst ack ack 2
verdict forward - two far/b -
out     any
in      eth / ip4 198.18.0.1 > 203.0.113.11 / tcp 1000 > 80 syn seq 5
verdict forward default two far/b -
out     any
in      eth / ip4 198.18.0.1 > 203.0.113.11 / tcp 1001 > 80 syn seq 1
verdict drop default two far/b max-flows
