#!/bin/bash
# traffic.sh PACKETS: notation of hand-made traffic, for benchmarks without the corpus: many hosts and ports, both families, sizes and
# protocols in the order of a shuffled deck rather than in runs, so that no branch is always right.
awk -v packets="$1" 'BEGIN {
    seed = 12345
    for (i = 0; i < packets; i++) {
        seed = (seed * 1103515245 + 12345) % 2147483648
        kind = int(seed / 65536) % 10
        host = int(seed / 8192) % 250 + 1
        port = 1024 + int(seed / 4096) % 60000
        service = kind % 3 == 0 ? 443 : kind % 3 == 1 ? 80 : 22
        pay = kind % 4 == 0 ? " / payload \"" substr("GET /index.html HTTP/1.1 Host: www.example.org Accept: text/html", 1, kind * 6 + 4) "\"" : ""
        if (kind < 4) print "eth / ip4 198.51.100." host " > 192.168.1." kind + 1 " / tcp " port " > " service " ack" pay
        else if (kind < 6) print "eth / ip4 192.168.1." kind " > 198.51.100." host " / tcp " service " > " port " psh ack" pay
        else if (kind < 8) print "eth / ip4 192.168.1." host " > 9.9.9.9 / udp " port " > 53" pay
        else if (kind < 9) print "eth / ip6 2001:db8::" host " > 2001:db8:1::1 / tcp " port " > 443 syn"
        else print "eth / ip4 192.168.1." host " > 192.168.1.1 / icmp type 8"
    }
}'
