#!/usr/bin/env bash
# Live ICMP errors of translated flows: a server's port unreachable reaches its client as one about the service, a client's
# reaches the server as one about what that sent; both families, passthrough with and without the client's source, masquerade.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

between one

rules all <<'END'
set inside = 10.2.0.0/24
interface wan = "wan"
pool farm {
  source 10.2.0.50, fd00:2::50
  server one 10.2.0.2
  server one6 fd00:2::2
}
pool near { server one 10.2.0.2; server one6 fd00:2::2 }
service dns on 10.1.0.100, fd00:1::100 udp/53, udp/54 { mode passthrough; announce; -> farm }
service kept on 10.1.0.101, fd00:1::101 udp/53, udp/54 { mode passthrough keep source; announce; -> near }
nat home { masquerade from inside out on wan; forward 10.1.0.2 udp/53 -> 10.2.0.2:53 }
END
prey prey -i wan -i lan --format json all.pbc

# late: whoever is asked by UDP at port 53 answers, again and again, until an error tells it that nobody listens.
late() { # NAME
    : >"$1.late"
    background "$1" python3 "$top/tests/e2e/live/late.py" 53 >"$1.late"
    until_true 100 "$1 listens" grep -q ready "$1.late"
}
# silent SENTENCE CLIENT ADDRESS SERVER: the client asks, and is gone before the answer.
silent() {
    local told
    told=$(grep -c refused "$4.late")
    at "$2" python3 -c 'import socket, sys
a = sys.argv[1]
socket.socket(socket.AF_INET6 if ":" in a else socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", (a, 53))' "$3"
    again() { [ "$(grep -c refused "$server.late")" -gt "$told" ]; }
    server=$4
    until_true 100 "$1" again && ok 0 "$1"
}

late one
late client
for a in 10.1.0.100 10.1.0.101 fd00:1::100 fd00:1::101; do
    same "a server's error reaches the client: $a" "$(refused_by client "$a" 54)" refused
    silent "the client's reaches the server: $a" client "$a" one
done
same 'masquerade: an error from outside reaches the one inside' "$(refused_by one 10.1.0.1 54)" refused
silent "masquerade: one from inside reaches the outside" one 10.1.0.1 client
silent "forward: the client's error reaches the server" client 10.1.0.2 one
prey_sums errors
same 'they were followed' "$(python3 -c "print($(number forward errors) >= 8)")" True
exit $failed
