#!/usr/bin/env bash
# What speaks through `mode proxy inline`, on a bridge and between two interfaces: OpenSSH, whose server speaks first, with files
# each way; mail, in the clear and by STARTTLS; Redis' own protocol; curl over TLS 1.3 to nginx, as it is, by name, and ended here. On a
# bridge also through connections that are cut into (`-> proxy inline` in mode observe).
set -u
EXEC=user # its bridges are user space's
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

# The client is 10.1.0.1 on the bridge, where the server is 10.1.0.2; routed, the server is 10.2.0.2.
space client prey one
link client eth0 prey a
link one eth0 prey b
link client eth1 prey wan
link one eth1 prey lan
address client eth0 10.1.0.1/24 fd00:1::1/64
address one eth0 10.1.0.2/24 fd00:1::2/64
address client eth1 10.3.0.1/24 fd00:3::1/64
address prey wan 10.3.0.2/24 fd00:3::2/64
address prey lan 10.2.0.1/24 fd00:2::1/64
address one eth1 10.2.0.2/24 fd00:2::2/64
ip -n "$id-client" route add 10.2.0.0/24 via 10.3.0.2
ip -n "$id-client" -6 route add fd00:2::/64 via fd00:3::2
ip -n "$id-one" route add 10.3.0.0/24 via 10.2.0.1
ip -n "$id-one" -6 route add fd00:3::/64 via fd00:2::1

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 20 -subj /CN=a.example -addext subjectAltName=DNS:a.example \
    -keyout key.pem -out cert.pem 2>said || cat said
head -c 3000000 /dev/urandom >file
listening() { at one ss -Hltn "( sport = :$1 )" | grep -q .; }
serves() { # PORT COMMAND...
    background one "${@:2}" >"said.$1" 2>&1
    until_true 100 "$2 listens on $1" listening "$1"
}

# What runs as root wants its own folder below /run, which `ip netns exec` gives a mount of its own.
ssh-keygen -q -t ed25519 -N '' -f host.key && ssh-keygen -q -t ed25519 -N '' -f user.key
cp user.key.pub keys && chmod 600 keys host.key user.key
cat >sshd.conf <<END
ListenAddress 0.0.0.0:22
ListenAddress [::]:22
HostKey $work/host.key
AuthorizedKeysFile $work/keys
PidFile none
StrictModes no
UsePAM no
PermitRootLogin yes
Subsystem sftp internal-sftp
END
sshd=$(PATH=$PATH:/usr/sbin command -v sshd) && serves 22 sh -c "mount -t tmpfs tmpfs /run && mkdir /run/sshd && exec $sshd -D -e -f $work/sshd.conf"
redis=$(command -v redis-server) && serves 6379 "$redis" --bind 0.0.0.0 :: --protected-mode no --save '' --daemonize no --dir "$work"
mails= && /usr/bin/python3 -c 'import aiosmtpd' 2>said && mails=yes && serves 25 /usr/bin/python3 "$top/tests/e2e/live/mail.py" cert.pem key.pem letters
cat >tls.conf <<END
daemon off; master_process off; pid $work/tls.pid; error_log $work/tls.error;
events { worker_connections 100; }
http {
  access_log off; client_body_temp_path $work; proxy_temp_path $work; fastcgi_temp_path $work; uwsgi_temp_path $work; scgi_temp_path $work;
  client_max_body_size 10m;
  server {
    listen 443 ssl http2; listen [::]:443 ssl http2; listen 80; listen [::]:80;
    ssl_certificate $work/cert.pem; ssl_certificate_key $work/key.pem; ssl_protocols TLSv1.3;
    location / { return 200 "\$remote_addr \$ssl_protocol \$server_protocol\n"; }
    location = /file { alias $work/file; }
  }
}
END
serves 443 nginx -c "$work/tls.conf" -e "$work/tls.error"

missing() { ok 0 "$1 # SKIP no $2 here (package $3)"; }
host() { case $1 in *:*) echo "[$1]" ;; *) echo "$1" ;; esac; }
secure=(-F none -i user.key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o BatchMode=yes -o ConnectTimeout=30)

over_ssh() { # IT SERVER [alone]: no files
    [ -n "$sshd" ] || { missing "$1: OpenSSH" sshd openssh-server; return; }
    same "$1: ssh" "$(at client timeout 60 ssh "${secure[@]}" "root@$2" 'echo $SSH_CONNECTION; cat; exit 3' <<<typed 2>&1 | cut -d' ' -f1,3; echo "${PIPESTATUS[0]}")" \
        "$from $2
typed
3"
    [ -z "${3-}" ] || return
    rm -f sent got
    at client timeout 60 scp -q "${secure[@]}" file "root@$(host "$2"):$work/sent" && cmp file sent
    ok $? "$1: scp there"
    at client timeout 60 scp -q "${secure[@]}" "root@$(host "$2"):$work/file" got && cmp file got
    ok $? "$1: scp back"
}
over_redis() {
    [ -n "$redis" ] || { missing "$1: Redis" redis-server redis-server; return; }
    same "$1: Redis" "$(printf '%s\r\n' 'SET a hello' 'APPEND a " there"' 'GET a' 'INCR n' 'NO' | at client timeout 60 redis-cli -h "$2" 2>&1 | head -n 5 | tr '\n' ' ' | cut -c1-43; at client redis-cli -h "$2" DEL n)" \
        "OK 11 hello there 1 ERR unknown command 'NO
1"
    same "$1: 20,000 of its commands in one go" "$(awk 'BEGIN { for (i = 0; i < 20000; i++) printf "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\n%05d\r\n", i }' | at client timeout 60 redis-cli -h "$2" --pipe 2>&1 | tail -1)" \
        'errors: 0, replies: 20000'
}
over_mail() {
    [ -n "$mails" ] || { missing "$1: mail" aiosmtpd python3-aiosmtpd; return; }
    rm -f letters
    printf 'Subject: in the wire\n\nhello\n' >letter
    at client curl -s -m 60 "smtp://$(host "$2")" --mail-from a@a.example --mail-rcpt b@b.example -T letter
    at client curl -s -m 60 --ssl-reqd --cacert cert.pem --connect-to "a.example:25:$(host "$2"):25" smtp://a.example --mail-from a@a.example --mail-rcpt b@b.example -T letter
    same "$1: mail, and mail by STARTTLS" "$(grep -E '^(in|Subject)' letters | tr -d '\r' | tr '\n' ,)" 'in the clear,Subject: in the wire,in TLS,Subject: in the wire,'
}
over_tls() { # IT SERVER PORT VERSION PROTOCOL
    local to="a.example:443:$(host "$2"):$3"
    same "$1: TLS" "$(at client curl -s -m 60 --tlsv1.3 --cacert cert.pem --connect-to "$to" https://a.example/)" "$from $4"
    at client curl -s -m 60 --tlsv1.3 --cacert cert.pem --connect-to "$to" https://a.example/file | cmp - file
    ok $? "$1: 3 MB by it"
}

rules first <<'END'
service wire on any tcp/any { mode proxy inline; server first }
firewall f forward default accept { }
END
# Who speaks first waits for nobody here: `within` is over, and the rest goes on.
rules bytes <<END
service ends on any tcp/80 { mode proxy inline first bytes within 20s tls cert "$work/cert.pem" key "$work/key.pem" }
service names on any tcp/443 { mode proxy inline first bytes within 20s; when sni "a.example" -> original; else -> reject }
service wire on any tcp/any { mode proxy inline first bytes within 200ms; when sni "b.example" -> reject }
firewall f forward default accept { }
END
# Connections that are only observed, and cut into: by a name, by first bytes, by their port
rules cut <<'END'
names bad = "b.example"
service watch on any tcp/any {
  mode observe
  when sni bad -> reject
  when sni "a.example" -> proxy inline
  when bytes payload at 0 is x"53 53 48" -> proxy inline
  when port 25, 6379 -> proxy inline
}
firewall f forward default accept { }
END
from() { case $1 in 10.1*) from=10.1.0.1 ;; 10.*) from=10.3.0.1 ;; fd00:1*) from=fd00:1::1 ;; *) from=fd00:3::1 ;; esac; }
over_cuts() {
    local it='cut into'
    ctl load cut.pbc
    same 'cuts, by a reload' "$status" 0
    from 10.1.0.2
    over_ssh "$it" 10.1.0.2
    over_redis "$it" 10.1.0.2
    over_mail "$it" 10.1.0.2
    over_tls "$it" 10.1.0.2 443 'TLSv1.3 HTTP/2.0'
    ctl counters observed
    same "$it: each connection with bytes, or it is counted why not" \
        "$(awk '$1 ~ /cut_into$/ { into = $2 } $1 ~ /cut_(unknown|late|sockets|busy|room)$/ { not += $2 } END { print (into >= 8), not + 0 }' out)" '1 0'
}
for on in '--bridge a:b' '-i wan -i lan'; do
    servers='10.1.0.2 fd00:1::2'
    [ "$on" = '--bridge a:b' ] || servers='10.2.0.2 fd00:2::2'
    # shellcheck disable=SC2086
    prey prey $on --format json first.pbc
    for server in $servers; do
        from "$server"
        it="server first, $server"
        over_ssh "$it" "$server" $([ -n "${LONG-}" ] || [ "$server" = fd00:1::2 ] || [ "$server" = 10.2.0.2 ] || echo alone)
        over_redis "$it" "$server"
        over_mail "$it" "$server"
        over_tls "$it" "$server" 443 'TLSv1.3 HTTP/2.0'
    done
    ctl load bytes.pbc
    same 'bytes first, by a reload' "$status" 0
    # Each way one family suffices in a short run.
    [ -n "${LONG-}" ] || servers=$([ "$on" = '--bridge a:b' ] && echo fd00:1::2 || echo 10.2.0.2)
    for server in $servers; do
        from "$server"
        it="bytes first, $server"
        over_ssh "$it" "$server" alone
        over_redis "$it" "$server"
        over_mail "$it" "$server"
        over_tls "$it, by name" "$server" 443 'TLSv1.3 HTTP/2.0'
        over_tls "$it, ended here" "$server" 80 ' HTTP/1.1'
    done
    [ -n "${SPLICE-}" ] || [ "$on" != '--bridge a:b' ] || over_cuts
    truncate -s 0 prey.out
    prey_ends
    same 'it ends well' "$status" 0
    same 'no connection ended otherwise than by its ends' "$(python3 -c 'import json; print({k: n for k, n in json.load(open("prey.out"))["proxy"]["ended_by"].items() if n and k not in ("done", "client-reset")})')" '{}'
    [ -z "${SPLICE-}" ] || same 'connections have left for the packet path' "$(python3 -c 'import json; print(json.load(open("prey.out"))["proxy"]["spliced"] > 0)')" True
done
exit $failed
