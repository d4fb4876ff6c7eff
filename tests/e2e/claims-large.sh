#!/bin/sh
# Claims about every packet over many rules, large sets and nested chains end, whatever they say: proved, refuted, or not
# decided, with one line each; and what holds of hundreds of claims is proved.
set -u
B=${B:-build}
case $B in /*) build=$B ;; *) build=$(pwd)/$B ;; esac
work=$build/scratch/claims-large
rm -rf "$work"
mkdir -p "$work"
cd "$work" || exit 2
failed=0

# check NAME STATUS WHAT: every claim is answered in time, with that status.
check() {
    timeout 120 "$build/preyc" --check --format=json "$1.prey" >"$1.json" 2>"$1.err"
    status=$?
    if [ $status -eq "$2" ]; then
        echo "ok - claims-large: $3"
    else
        head -c 600 "$1.json" | sed 's/^/# /'
        echo "not ok - claims-large: $3 (status $status)"
        failed=1
    fi
}

# Rules whose ports lie apart from those of the claims; every address is in some of them.
awk 'BEGIN {
    print "firewall f default drop {\n accept icmp6 type nd"
    for (i = 0; i < 2000; i++)
        printf " %s %s from %d.%d.0.0/16 to %d.0.0.0/8 port %d\n", i % 3 ? "drop" : "accept", i % 2 ? "tcp" : "udp",
               1 + i % 200, i % 256, 1 + i * 7 % 200, 10000 + i * 13 % 50000
    print "}\ntest \"t\" {"
    for (i = 0; i < 200; i++)
        printf " never accept: tcp %d.0.0.0/8 -> %d.0.0.0/8 port %d\n", 1 + i, 1 + i * 3 % 200, 1 + i
    print "}" }' >many.prey
check many 0 'hundreds of claims over thousands of rules are proved'

# Overlapping boxes, each of which leaves several: the region falls into more pieces than are held.
awk 'BEGIN {
    print "firewall f default accept {"
    for (i = 0; i < 3000; i++)
        printf " drop tcp from %d.%d.0.0/16 source port %d-%d to %d.0.0.0/8 port %d-%d ttl %d-%d\n", 1 + i % 200, i * 7 % 256,
               i % 1000, 30000 + i * 11 % 30000, 1 + i * 7 % 200, i * 3 % 5000, 20000 + i * 17 % 40000, i % 100, 100 + i % 150
    print " reject tcp ttl 9 as LAST\n}\ntest \"t\" { always drop: tcp 1.0.0.0-200.255.255.255 -> 1.0.0.0-201.0.0.0; never reject: tcp 1.0.0.0/8 -> 8.0.0.0/8 port 9000 }" }' >boxes.prey
check boxes 1 'regions in pieces end, and are told'

awk 'BEGIN { for (i = 0; i < 200000; i++) printf "%d.%d.%d.%d\n", 10 + int(i / 65536), int(i / 64) % 256, int(i * 4 / 256) % 256, i * 4 % 256 }' >set.txt
awk 'BEGIN {
    print "set big = file \"set.txt\"\nfirewall f default drop {\n accept icmp6 type nd"
    for (i = 0; i < 200; i++) printf " accept tcp from %sbig to self port %d\n", i % 2 ? "not " : "", 20000 + i
    print "}\ntest \"t\" {"
    for (i = 0; i < 100; i++) printf " never accept: tcp %sbig -> self port %d\n", i % 2 ? "" : "not ", 20000 + i
    print "}" }' >sets.prey
check sets 0 'a large set in many rules and claims'

# Chains that call one another twice, with returns that depend on bytes.
awk 'BEGIN {
    for (d = 15; d >= 0; d--) {
        printf "chain c%d {\n return tcp port %d\n return udp bytes payload at 0 is x\"01 %02d\"\n", d, 100 + d, d
        if (d < 15) printf " do c%d tcp port 1-%d\n do c%d udp\n", d + 1, 30000 - d, d + 1
        if (d == 15) print " drop tcp port 1"
        print "}"
    }
    print "firewall f default drop {\n accept icmp6 type nd\n do c0\n}\ntest \"t\" { never accept: tcp, udp any -> self; always drop: udp any -> self port 5 }" }' >chains.prey
check chains 0 'nested chains with returns that depend on bytes'
exit $failed
