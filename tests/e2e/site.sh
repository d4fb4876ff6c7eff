#!/usr/bin/env bash
# The site of the documents: every link, anchor and picture leads somewhere (Sphinx takes a warning for an error); opened from files, no
# page is wider than a screen of 1280 or 420 pixels, and the search finds a word.
set -u
. tests/lib/scratch.sh
make -C "$top" --no-print-directory B="$bin" SITE="$work/site" site >log 2>&1
ok $? 'the site is made, and each link and anchor leads somewhere'
grep -v '^SITE' log | sed 's/^/# /'
find site -name '*.html' | grep -q 'docs/guide/tutorials/get-started.html'
ok $? 'it has the guide'
if ! command -v chromium >/dev/null; then
    echo 'ok - a browser shows it # SKIP there is no chromium'
    exit $failed
fi

# Each page tells the page around it how wide it is and how much its search has found.
pages=$(cd site && find . -name '*.html' -not -path './_static/*' | sort)
for page in $pages; do
    cat >>"site/$page" <<'HTML'
<script>
function told() {
  parent.postMessage([location.pathname + location.search, innerWidth, document.documentElement.scrollWidth, document.querySelectorAll("#search-results li").length], "*");
}
if (location.pathname.endsWith("/search.html")) setTimeout(told, 4000); else addEventListener("load", told);
</script>
HTML
done
{
    printf '<body><script>\nconst pages = ['
    printf '"%s", ' $pages | sed 's/"\.\/search.html"/".\/search.html?q=masquerade"/'
    cat <<'HTML'
], widths = [1280, 420], seen = [];
const frame = document.body.appendChild(document.createElement("iframe"));
let next = 0;
function show() {
  if (next == pages.length * widths.length) { document.body.innerHTML = "<pre>" + seen.join("\n") + "\nEND</pre>"; return; }
  frame.style.width = widths[Math.floor(next / pages.length)] + "px";
  frame.src = pages[next++ % pages.length];
}
addEventListener("message", message => { seen.push(message.data.join(" ")); show(); });
show();
</script>
HTML
} >site/harness.html
timeout 240 chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$work/chromium" \
    --allow-file-access-from-files --virtual-time-budget=2000000 --dump-dom "file://$work/site/harness.html" 2>browser.err | sed 's/<pre>/\n/; s/<\/pre>/\n/' >seen
[ "$(grep -c '\.html' seen)" -eq $((2 * $(printf '%s\n' "$pages" | wc -l))) ] && grep -q '^END' seen
ok $? "a browser opens each of $(printf '%s\n' "$pages" | wc -l) pages from files"
awk '/\.html/ && $3 > $2 { print "#  ", $1, "is", $3, "pixels wide at", $2; wide = 1 } END { exit wide }' seen
ok $? 'none is wider than a screen of 1280 or 420 pixels'
awk '/search\.html/ && $4 < 1 { none = 1 } /search\.html/ { n++ } END { exit none || n != 2 }' seen
ok $? 'the search finds a word'
exit $failed
