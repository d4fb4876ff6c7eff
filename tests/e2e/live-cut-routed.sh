#!/usr/bin/env bash
# `-> proxy inline` and `-> reject` in mode observe of what crosses from one interface to another, whether the host forwards or not: drawn
# conversations are cut into and whole, who names a bad name is reset before the server has a byte, and the host sends nothing a second time. Its own
# connections are let by. `--exec auto` takes this process, and says why.
set -u
unset EXEC # options say it
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
. "$top/tests/e2e/live/drawn.sh"
live_begin
RECORD=0 # sockets' answers are no part of a recording's packets
export EARLY=1
between one
ip -n "$id-client" route add default via 10.1.0.2
ip -n "$id-client" -6 route add default via fd00:1::2
web one
web prey

rules cut <<'END'
names bad = "bad.example"
firewall edge forward default accept { }
service wire on any tcp/any {
  mode observe
  when sni bad -> reject
  when host bad -> reject
  when bytes payload at 0 is x"44 52 41 57" -> proxy inline
  else -> pass
}
END
n=${N:-$([ -n "${LONG-}" ] && echo 100 || echo 10)}
for forwards in 0 1; do
    at prey sysctl -q -w net.ipv4.ip_forward=$forwards net.ipv6.conf.all.forwarding=$forwards
    server=$([ $forwards = 0 ] && echo 10.2.0.2 || echo fd00:2::2)
    client=$([ $forwards = 0 ] && echo 10.1.0.1 || echo fd00:1::1)
    it="ip_forward=$forwards, $server"
    drawn_serves one "$server" 7001
    prey prey $([ $forwards = 0 ] && echo --exec auto || echo --io xdp) -i wan -i lan --format json cut.pbc
    [ $forwards = 1 ] || hears "$it: this process, and why" '^--exec auto: user, because .*holds packets back'
    drawn_talks "$it" "$n" 5 one "$server" 7001 "$client"
    cuts_counted "$it" "$n"
    same "$it: some were" "$((cuts > 0))" 1
    to=$(case $server in *:*) echo "[$server]" ;; *) echo "$server" ;; esac)
    own=$(case $server in *:*) echo '[fd00:1::2]' ;; *) echo 10.1.0.2 ;; esac)
    sniff server.pcap one eth0 tcp port 80
    same "$it: a bad name is reset, a good one is not, nor does this machine's own server hear of it" \
        "$(for of in "bad.example $to" "good.example $to" "bad.example $own"; do
            # shellcheck disable=SC2086
            at client curl -s -m 20 -o got -H "Host: ${of% *}" "http://${of#* }/" && echo answered || echo "$?"
        done | xargs)" '56 answered answered'
    sniffed
    same "$it: its server has no byte of it" "$(tcpdump -n -A -r server.pcap 2>said | grep -oE 'Host: (bad|good)' | sort -u)" 'Host: good'
    prey_ends
    same "$it: it ends well" "$status" 0
done
exit $failed
