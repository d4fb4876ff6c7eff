#!/usr/bin/env bash
# Live, TLS in the proxy: it ends here, certificates by name, both versions, resumption; what the files hold is asked for at
# the start and at a reload, which loses nothing; towards servers it is verified.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

made() { # NAME HOST [OPTION...]
    openssl req -x509 ${kind:--newkey ec -pkeyopt ec_paramgen_curve:P-256} -nodes -days 2 -subj "/CN=$2" -addext "subjectAltName=DNS:$2" \
        -keyout "$1.key" -out "$1.pem" "${@:3}" 2>/dev/null || exit 1
}
made shop shop.example
made wild '*.wild.example'
kind='-newkey rsa:2048' made exact a.wild.example
made new shop.example
made inner inner.example
cp shop.key first.key
cp shop.pem first.pem
openssl pkcs8 -topk8 -in shop.key -out locked.key -passout pass:secret 2>/dev/null

site one two
background one python3 "$top/tests/e2e/live/https.py" 10.2.0.2 inner.pem inner.key
until_true 100 'a server of TLS listens' at one sh -c 'ss -ltn | grep -q :443'

service() { # CERTIFICATE KEY: rules whose first certificate this is
    cat <<RULES
pool web { server one 10.2.0.2:80 }
pool two { server two 10.2.0.3:80 }
pool inner { server one 10.2.0.2:443 }
service raw on 10.1.0.2 tcp/443 {
  mode proxy first bytes within 1s tls cert "$work/$1" key "$work/$2"
  tls cert "$work/wild.pem" key "$work/wild.key"
  tls cert "$work/exact.pem" key "$work/exact.key"
  when sni "b.wild.example" -> two
  when alpn "x-two" -> two
  else -> web
}
service site on 10.1.0.2, fd00:1::2 tcp/8443 { mode proxy http tls cert "$work/$1" key "$work/$2"; -> web }
service good on 10.1.0.2 tcp/81 { mode proxy http; tls to server sni "inner.example" verify ca "$work/inner.pem"; -> inner }
service other on 10.1.0.2 tcp/82 { mode proxy http; tls to server sni "other.example" verify ca "$work/inner.pem"; -> inner }
service blind on 10.1.0.2 tcp/83 { mode proxy http; tls to server verify off; -> inner }
service loose on 10.1.0.2 tcp/84 { mode proxy; tls to server sni "inner.example" verify ca "$work/inner.pem"; -> inner }
service cut on 10.1.0.2 tcp/85 { mode proxy; tls to server sni "other.example" verify ca "$work/inner.pem"; -> inner }
RULES
}
service shop.pem shop.key | rules shop

# ---- what preflight and the start find ----

openssl req -new -key shop.key -subj /CN=old.example 2>/dev/null | openssl x509 -req -signkey shop.key -days -1 -out old.pem 2>/dev/null
openssl x509 -in shop.pem -outform DER -out shop.der
chmod o+r new.key
pair() { echo "service $1 on 10.1.0.2 tcp/$2 { mode proxy tls cert \"$work/$3\" key \"$work/$4\"; ${5-} -> web }"; }
{
    echo 'pool web { server one 10.2.0.2:80 }'
    pair mixed 1 shop.pem wild.key
    pair gone 2 shop.pem none.key
    pair locked 3 shop.pem locked.key
    pair none 4 shop.pem shop.pem
    pair old 5 old.pem shop.key
    pair der 6 shop.der shop.key
    pair open 7 new.pem new.key
    pair named 8 wild.pem wild.key 'when sni "a.wild.example", "*.wild.example", "wild.example", "c.shop.example" -> web; else'
    echo "service back on 10.1.0.2 tcp/9 { mode proxy http; tls to server sni \"a\" verify ca \"$work/none.pem\"; -> web }"
} | rules bad
at prey "$bin/preyrun" --preflight -i wan -i lan bad.pbc 2>out
same 'preflight: certificates that can'\''t be used: exit status' $? 2
finds() { has "preflight: $1" "$2"; }
finds 'the key of another certificate' 'service mixed: .*the private key doesn'\''t belong to the certificate: compare .openssl'
finds 'one that is not there' 'service gone: .*none\.key: No such file or directory; to fix it, put a file there'
finds 'a key under a passphrase' 'service locked: .*the private key has a passphrase; .*: openssl pkey'
finds 'none at all' "service none: .*the key file has no private key"
finds 'another format' "service der: .*shop\.der and .*the certificate file has no PEM certificate; to convert a DER file, run: openssl x509 -inform DER"
finds 'one whose time is over' 'notice: .*old\.pem: the certificate has expired, on 20'
finds 'one whose time is nearly over' 'notice: .*new\.pem: the certificate expires soon, on 20[-0-9]*; to fix it, put a new certificate'
finds 'a key that everybody may read' 'notice: .*new\.key: every user of this machine may read .*: chmod o= '
finds 'authorities that are not there' 'service back: .*none\.pem: No such file or directory; to fix it, '
same 'preflight: names that no certificate is for' "$(sed -n 's/.*matches the name \([^,]*\),.*/\1/p' out | tr '\n' ' ')" 'wild.example c.shop.example '
service shop.pem wild.key | rules bad
timeout 20 ip netns exec "$id-prey" "$bin/preyrun" --workers 1 -i wan -i lan bad.pbc >bad.out 2>out </dev/null
same 'the start finds the same: exit status' $? 2
has 'the start finds the same' 'service site: .*the private key doesn'\''t belong to the certificate'

# ---- TLS ends here ----

prey prey -i wan -i lan shop.pbc
get() { at client curl -s -m 10 --cacert shop.pem --resolve "*:443:10.1.0.2" --resolve "*:8443:10.1.0.2" "$@"; }
same 'TLS 1.3 ends here' "$(get --tlsv1.3 https://shop.example/)" one
same 'TLS 1.2, too' "$(get --tlsv1.2 --tls-max 1.2 https://shop.example/)" one
same 'requests in TLS, whose protocol is agreed on' "$(get -w '%{http_version}' https://shop.example:8443/ | tr '\n' ' ')" 'one 1.1'
same 'clients of IPv6' "$(at client curl -s -m 10 --cacert shop.pem --resolve 'shop.example:8443:[fd00:1::2]' https://shop.example:8443/)" one
same 'the server hears that it was TLS' "$(get https://shop.example:8443/told)" \
    '10.1.0.1 for=10.1.0.1;proto=https 1.1 prey shop.example:8443'
same 'an exact name goes before a wildcard' "$(get --cacert exact.pem https://a.wild.example/)" one
same 'the name that was asked for chooses the pool, too' "$(get --cacert wild.pem https://b.wild.example/)" two
same 'another name is shown the first' "$(get --connect-to other.example::shop.example: -k -w '%{ssl_verify_result}' https://other.example/ | head -1)" one
head -c 5000000 /dev/urandom >web-one/big
get https://shop.example/files/big | cmp - web-one/big
ok $? 'a large file comes whole'

talks() { at client timeout 60 openssl s_client -connect 10.1.0.2:443 -servername shop.example -CAfile shop.pem "$@" 2>&1; }
printf 'GET / HTTP/1.0\r\n\r\n' | talks -ign_eof -sess_out ticket >out
printf 'GET / HTTP/1.0\r\n\r\n' | talks -ign_eof -sess_in ticket >again
same 'a session is resumed' "$(grep -hoE '^(New|Reused)' out again | tr '\n' ' ')" 'New Reused '
printf 'GET / HTTP/1.0\r\n\r\n' | talks -ign_eof -alpn x-one,x-two >out
same 'a protocol that a branch asks for is agreed on, and chooses' "$(grep -E '^(ALPN|two)' out | tr '\n' ' ')" 'ALPN protocol: x-two two '
cat >unwrap.py <<'END'
import socket, ssl, sys
# The client says first that no more comes: the end that follows must be announced, too, after all that was sent.
context = ssl.create_default_context(cafile="shop.pem")
for port in 443, 8443:
    s = context.wrap_socket(socket.create_connection(("10.1.0.2", port), 5), server_hostname="shop.example")
    s.sendall(b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n")
    got = b""
    while b"one\n" not in got: got += s.recv(4096)
    s.unwrap()
    print("announced")
# So must one that prey or a server begins with.
for port in 443, 8443:
    s = context.wrap_socket(socket.create_connection(("10.1.0.2", port), 5), server_hostname="shop.example", suppress_ragged_eofs=False)
    s.sendall(b"GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n")
    while s.recv(4096): pass
    print("announced")
END
same 'an end is announced, whoever ends first' "$(at client python3 unwrap.py 2>&1 | tr '\n' ' ')" 'announced announced announced announced '
talks -tls1_1 -cipher 'DEFAULT@SECLEVEL=0' </dev/null >out
grep -qE 'alert (protocol version|handshake)|unsupported protocol' out
ok $? 'nothing older than TLS 1.2'
printf 'GET / HTTP/1.0\r\n\r\n' >plain
at client bash -c 'exec 3<>/dev/tcp/10.1.0.2/443; cat plain >&3; timeout 60 cat <&3' >out 2>/dev/null
[ $? -ne 124 ] && [ ! -s out ]
ok $? 'what is no hello is not answered'
cat >silent.py <<'END'
import socket, ssl
# One says nothing at all, one nothing behind its handshake.
context = ssl.create_default_context(cafile="shop.pem")
plain = socket.create_connection(("10.1.0.2", 8443), 5)
s = context.wrap_socket(socket.create_connection(("10.1.0.2", 8443), 5), server_hostname="shop.example")
for one in plain, s:
    one.settimeout(60)
    try:
        print(one.recv(4096))
    except ConnectionResetError:
        print("reset")
END
same 'who says nothing, before TLS or in it, is closed in time' "$(at client python3 silent.py 2>&1 | tr '\n' ' ')" "reset b'' "
printf '\x16\x03\x01\x02\x00\x01\x00' >half
at client bash -c 'exec 3<>/dev/tcp/10.1.0.2/443; cat half >&3; timeout 60 cat <&3' >out 2>&1
[ $? -ne 124 ]
ok $? 'half a hello, and silence: its time ends'

both="$prey $(cat "/proc/$prey/task/$prey/children")"
same 'keys, of P-256 and RSA, lie in no memory that a core could hold: of the parent, of the service' \
    "$(python3 "$top/tests/e2e/live/secret.py" shop.key,exact.key $both | tr '\n' ' ')" \
    '0 nor locked 0 nor locked 0 and locked 0 and locked '
plain() { [ "${B%san}" = "$B" ]; } # sanitizers look at their process, and take more
! plain || same 'nobody without the right to trace looks at them, and they make no cores' \
    "$(for p in $both; do setpriv --bounding-set -all --inh-caps -all cat "/proc/$p/maps" 2>/dev/null | wc -l; done | tr '\n' ' ')" '0 0 '

read -r session tls < <(sed -nE 's/^([0-9:.]+  )?ready: .* takes ([0-9.]+) KiB while idle, .* in TLS takes ([0-9]+) KiB more, .*/\2 \3/p' prey.err)
took=$(at client python3 "$top/tests/e2e/live/resting.py" 10.1.0.2 443 150 $(cat "/proc/$prey/task/$prey/children"))
echo "# an idle connection takes $took bytes"
awk -v took="${took:-0}" -v says="${session:-0}" -v tls="${tls:-0}" 'BEGIN { exit !(took > 4096 && took <= (says + tls) * 1024 && took <= 24 * 1024) }' || ! plain
ok $? 'an idle connection in TLS takes no more than is printed at the start, and less than 24 KiB'

# ---- towards servers ----

code() { at client curl -s -m 10 -o /dev/null -w '%{http_code}' "http://10.1.0.2:$1/"; }
same 'a server in TLS, its certificate verified' "$(code 81)" 200
same 'one of another name is not spoken to' "$(code 82)" 502
same 'or it is, where nobody verifies' "$(code 83)" 200
same 'without requests, too' "$(code 84) $(code 85)" '200 000'
same 'a session of before goes on, of the same service' "$(code 81) $(code 83) $(code 81)" '200 200 200'
counted() { ctl counters proxy.tls; awk -v of="proxy.tls.$1" '$1 == of { print $2 }' out; }
same '… which is counted, as failures are' "$(counted server_resumed) $(counted server_failed_name)" '3 2'
same 'so are failures of clients: of version, of no TLS, cut off or too late' \
    "$(for what in version bad late; do counted failed_$what; done | tr '\n' ' ')" '1 1 2 '
[ "$(counted resumed)" -ge 1 ] && [ "$(counted names_unknown)" -eq 1 ]
ok $? 'sessions of clients that go on, and names that no certificate has'

# ---- reload ----

cat >load.py <<'END'
import hashlib, socket, ssl, sys, threading, time
# Connections without a pause, one of them all the time; ends once the second certificate was seen. Says what failed.
until, seen, failed, done = time.time() + 20, [], 0, 0
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
def connect(): return context.wrap_socket(socket.create_connection(("10.1.0.2", 8443), 5), server_hostname="shop.example")
def ask(s):
    s.sendall(b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n")
    got = b""
    while b"one\n" not in got:
        d = s.recv(4096)
        if not d: raise EOFError(got)
        got += d
old = connect()
while time.time() < until and (len(seen) < 2 or done < 20):
    try:
        s = connect()
        ask(s)
        print_of = hashlib.sha256(s.getpeercert(True)).digest()
        if print_of not in seen: seen.append(print_of)
        s.close()
        ask(old)
        if done == 0: print("begun", flush=True)
        done += 1
    except Exception as e:
        failed += 1
        print(repr(e), file=sys.stderr)
print("failed", failed, "certificates", len(seen), flush=True)
END
at client python3 load.py >load.out 2>load.err &
load=$!
pids="$pids $load"
until_true 100 'the load has begun' grep -q begun load.out
cp wild.key shop.key
kill -HUP "$prey"
until_true 100 'a key that does not belong is not taken' told 'the private key doesn'\''t belong to the certificate' && ok 0 'a reload with a key that does not belong is refused'
same 'the old ones go on' "$(get https://shop.example/)" one
cp new.key shop.key
cp new.pem shop.pem
kill -HUP "$prey"
wait "$load"
same 'a reload takes new files under load, and nothing is lost' "$(tail -1 load.out)" 'failed 0 certificates 2'
[ ! -s load.err ] || sed 's/^/# /' load.err
printf 'GET / HTTP/1.0\r\n\r\n' | talks -ign_eof -sess_in ticket >again
same 'tickets of before are taken' "$(grep -hoE '^(New|Reused)' again)" Reused
# OpenSSL would hold a ClientHello of 128 KiB: more than the start says that an end takes.
cat >long.py <<'PY'
import socket
s = socket.create_connection(("10.1.0.2", 443), 20)
try:
    s.sendall(b"\x16\x03\x01\x40\x00\x01\x01\xff\xf0" + bytes(16380))
    for i in range(6):
        s.sendall(b"\x16\x03\x01\x40\x00" + bytes(16384))
    print("closed" if not s.recv(9) else "answered")
except ConnectionError:
    print("closed")
PY
same 'a ClientHello that is too long is not read on' "$(at client timeout 60 python3 long.py)" closed
same 'and counted' "$(counted failed_too_long)" 1

prey_ends
same 'it ends with 0' "$status" 0
exit $failed
