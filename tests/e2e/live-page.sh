#!/usr/bin/env bash
# Live, the statistics page as an operator sees it: a site with servers up and down, drops of several kinds, live sets that
# refuse and names that fail, proxies. What it says agrees with the document of the same moment; in a browser nothing of it is
# cut, in light and dark, at 1280 and at 420 pixels. PICTURES=FOLDER in the environment keeps pictures of each state there.
set -u
. tests/e2e/live/lib.sh
. tests/lib/scratch.sh
live_begin

site one two three four five
rules site <<'END2'
check alive = tcp every 200ms timeout 300ms rise 1 fall 1
set caught = live size 4 never 10.2.0.0/16
set named = live names "nobody.example.net"
pool web {
  check alive
  server one 10.2.0.2:80 weight 3
  server two 10.2.0.3:80
  server three 10.2.0.4:80
}
pool api {
  balance least_conn; check alive
  server four 10.2.0.5:8080
  server five 10.2.0.6:8080
}
service shop on 10.1.0.100 tcp/80 { mode passthrough; announce; -> web }
service text on 10.1.0.101 tcp/80 { mode proxy; announce; -> api }
service pages on 10.1.0.102 tcp/80 { mode proxy http; announce; -> api }
firewall edge default drop {
  drop ip from caught           as CAUGHT
  drop ip from named            as NAMED
  accept state established, related as OPEN
  accept icmp6
  accept icmp type echo-request as PING
  reject tcp port 113 with rst  as IDENT
  drop tcp port 23              as TELNET
  accept tcp to port 80         as WEB
}
END2
base=http://127.0.0.1:8404
get() { at prey curl -s -m 20 "$@"; }

# One moment, as page and as document: both are made of one, which serves for a tenth of a second and more.
moment() { # NAME
    local i
    for i in 1 2 3 4 5 6 7 8 9 10; do
        get -o "$1.json" "$base/stats.json" -o "$1.html" "$base/" -o again.json "$base/stats.json"
        cmp -s "$1.json" again.json && return
    done
    ok 1 "$1: page and document of one moment"
}
# says NAME: the page agrees with the document.
says() {
    moment "$1"
    python3 "$top/tests/e2e/live/page_says.py" "$1.html" "$1.json" >facts 2>&1
    same "$1: what the page says is so" "$(grep -vP '\tTrue$' facts)" ''
    [ "$(grep -cP '\tTrue$' facts)" -ge 18 ] || { sed 's/^/# /' facts; ok 1 "$1: it says all"; }
}
browser() { timeout 100 chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars --user-data-dir="$work/chromium" "$@" 2>/dev/null; }
# framed NAME WIDTH HEIGHT: a page that shows that one in a frame of that width, for no window of a browser is as narrow as a phone.
framed() {
    echo '<!doctype html><style>body { margin: 0 } iframe { border: 0 }</style><p id="said"></p>'
    echo "<script>onmessage = (m) => { document.getElementById('said').textContent = m.data; };</script>"
    echo "<iframe src='$1.html' width='$2' height='$3'></iframe>"
}
# looks NAME: a browser shows it whole, at each width and in each scheme.
looks() {
    local width scheme dark height
    { cat "$1.html"; echo '<script>'; cat "$top/tests/e2e/live/page_looks.js"; echo '</script>'; } >"$1-looks.html"
    for width in 1280 420; do
        [ $width = 420 ] && height=6000 || height=3000
        framed "$1-looks" $width $height >frame.html
        framed "$1" $width $height >picture.html
        for scheme in light dark; do
            [ $scheme = dark ] && dark=0 || dark=1
            same "$1: it is whole at $width, $scheme" \
                "$(browser --blink-settings=preferredColorScheme=$dark --window-size=1300,1200 --virtual-time-budget=3000 --dump-dom "file://$work/frame.html" | grep -o 'LOOKS [^<]*')" \
                "LOOKS $width $scheme good"
            [ -z "${PICTURES-}" ] || browser --blink-settings=preferredColorScheme=$dark --window-size=$((width > 500 ? width : 500)),$height \
                --screenshot="$PICTURES/${EXEC:-auto}-$1-$width-$scheme.png" "file://$work/picture.html" >/dev/null
        done
    done
}
state() { # NAME
    says "$1"
    if command -v chromium >/dev/null; then looks "$1"; else echo "ok - $1: it is whole # SKIP there is no chromium"; fi
}
json() { get "$base/stats.json" | python3 -c "import json, sys; d = json.load(sys.stdin); sys.exit(not ($1))"; }

# User space only counts what it would drop of packets to this machine itself.
monitor=
[ "${EXEC-}" != user ] || monitor=--monitor
prey prey -i wan -i lan $monitor --stats 127.0.0.1:8404 site.pbc
is_ready prey || exit 1
until_true 200 'all servers are up' json 'all(p["servers_up"] == len(p["servers"]) for p in d["pools"])'
until_true 200 'there are rates' json 'd["rates_over_ms"] and d["history"]'
state calm

# Traffic of each kind.
traffic() {
    local i
    for i in $(seq 12); do ask client 10.1.0.100/ >/dev/null; done
    for i in $(seq 6); do ask client 10.1.0.101/ >/dev/null; ask client 10.1.0.102/ >/dev/null; done
    at client ping -q -c 20 -i 0.01 -W 2 10.1.0.2 >/dev/null
    for i in 23 113 4711; do at client nc.openbsd -z -w 1 10.1.0.2 "$i" 2>/dev/null; done
    ask client 10.1.0.2/ 2 >/dev/null
}
traffic
until_true 200 'the proxy has counted' json 'd["proxy"]["now"] == 0 and d["proxy"]["sessions"] >= 12'
state healthy

ctl sets caught add 192.0.2.1 192.0.2.2 192.0.2.3
ctl sets caught add 10.2.0.9
ctl sets caught add 192.0.2.4 192.0.2.5
until_true 300 'a name fails' json 'any(s.get("fault") for s in d["sets"])'
until_true 50 'a member was refused' json 'any(s["refused"] + s["full"] for s in d["sets"])'
kill -KILL "$web_two"
until_true 200 'one of five is down' json 'sum(s["health"] == "down" for p in d["pools"] for s in p["servers"]) == 1'
traffic
state one-down

kill -KILL "$web_one"
ip -n "$id-five" link set dev eth0 down
until_true 200 'three are down' json 'sum(s["health"] == "down" for p in d["pools"] for s in p["servers"]) == 3'
ctl set api/four drain
echo 'no program' >site.pbc
kill -HUP "$prey"
until_true 200 'the reload is refused' json 'd["reloads"]["refused"] == 1'
for i in $(seq 3); do ask client 10.1.0.100/ >/dev/null; done
state two-of-three-down

# A page that is open takes title, sign and alerts of the next look. The first answer is of a calm site, the next ones are not.
if command -v chromium >/dev/null; then
    cp "$top/runtime/stats/page.js" .
    cat >serves.py <<'END2'
import http.server, pathlib
looks = 0
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        global looks
        file = {"/page.js": "page.js", "/": "two-of-three-down.html" if looks else "calm.html"}.get(self.path)
        looks += self.path == "/"
        self.send_response(200 if file else 404)
        self.send_header("Content-Type", "text/javascript" if self.path == "/page.js" else "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(pathlib.Path(file).read_bytes() if file else b"")
    def log_message(self, *what): pass
http.server.HTTPServer(("127.0.0.1", 8405), Page).serve_forever()
END2
    background client python3 serves.py
    until_true 100 'the two pages are served' at client nc.openbsd -z 127.0.0.1 8405
    at client timeout 100 chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$work/chromium" \
        --virtual-time-budget=5000 --dump-dom http://127.0.0.1:8405/ >dom 2>/dev/null
    same 'an open page tells of servers that went down, in its tab too' \
        "$(grep -o '<title>[^–<]* –' dom) $(grep -o 'href="/[a-z]*.svg"' dom) $(grep -c '<li class="bad"><b>web' dom)" \
        '<title>3 of 5 servers down – href="/bad.svg" 1'
fi

# The policy names the style by its hash: a browser takes the page's own.
get -D headers -o /dev/null "$base/"
sed -n '/<style>/,/<\/style>/p' two-of-three-down.html | tr '\n' '\1' | sed 's/.*<style>//; s/<\/style>.*//' | tr '\1' '\n' | head -c -0 >style
same 'the policy allows the style, and no other' "$(tr -d '\r' <headers | grep -o "style-src [^;]*")" "style-src 'sha256-$(python3 -c '
import base64, hashlib, re, sys
page = open("two-of-three-down.html", "rb").read()
print(base64.b64encode(hashlib.sha256(re.search(rb"<style>(.*?)</style>", page, re.S)[1]).digest()).decode())')'"
prey_ends
same 'it ends with 0' "$status" 0
exit $failed
