#!/usr/bin/env bash
# Live, health checks within TLS, by a service that has given up its rights: certificates are read by way of the parent, at
# the start and at a reload; a name that is not the certificate's takes the server down.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

space prey server
link prey wan server eth0
address prey wan 10.1.0.1/24
address server eth0 10.1.0.2/24
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=shop -addext subjectAltName=DNS:shop \
    -keyout key.pem -out cert.pem 2>/dev/null || exit 1
background server python3 "$top/tests/e2e/live/https.py" 10.1.0.2 cert.pem key.pem
until_true 100 'the server listens' at server sh -c 'ss -ltn | grep -q :443'

page() { # NAME HOST
    rules "$1" <<RULES
check alive = https GET "/" sni "$2" verify ca "$work/cert.pem" expect 200 every 100ms timeout 2s rise 1 fall 1
check again = https GET "/" sni "$2" verify ca "$work/cert.pem" expect 200 every 200ms timeout 2s rise 1 fall 1
pool farm { check alive; server one 10.1.0.2:443 }
pool twin { check again; server one 10.1.0.2:443 }
service shop on 10.1.0.100 tcp/443 { mode passthrough; -> farm }
service store on 10.1.0.101 tcp/443 { mode passthrough; -> twin }
RULES
}
page good shop
page bad shed
cp bad.pbc shop.pbc
prey prey -i wan --log text --format json shop.pbc
until_true 100 'a name of others is refused' told 'health: farm/one is down: certificate: ' && ok 0 'a name of others is refused'
until_true 100 'so it is by another check' told 'health: twin/one is down: certificate: ' && ok 0 'so it is by another check'
cp good.pbc shop.pbc
kill -HUP "$prey"
until_true 150 'its own is accepted' told 'health: farm/one is up' && ok 0 'its own is accepted, after a reload'
until_true 150 'and by another check with the same file' told 'health: twin/one is up' && ok 0 'so it is by another check with the same file'
prey_ends
same 'it ends with 0' "$status" 0
exit $failed
