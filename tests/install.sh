#!/bin/sh
# Install packages for tests and demo, as root, and leave no service of theirs running or enabled.
#   tests/install.sh PACKAGE...
# A package such as nginx or openssh-server enables its service and starts it, on all addresses. While apt-get runs, policy-rc.d lets
# nothing start or stop but what ran before; then the links that enable what was not there go. What is said beforehand: how many
# packages, how much is fetched, how much room they take. Exit status 2 where something could not be installed.
set -u
policy=/usr/sbin/policy-rc.d
before=$policy.before-prey
work=$(mktemp -d) || exit 2

# What enables units and scripts of init.
links() { find /etc/systemd/system /etc/systemd/user /etc/rc[2-5S].d -type l ! -name 'K*' 2>/dev/null | sort; }
put_back() {
    if [ -e "$before" ] || [ -L "$before" ]; then mv -f "$before" "$policy"; else rm -f "$policy"; fi
}
cleanup() {
    grep -qs 'of tests/install.sh' "$policy" && put_back
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 2' INT TERM HUP

# deny: only services that run now are started and stopped, as whoever decided before says.
deny() {
    grep -qs 'of tests/install.sh' "$policy" && put_back # one that was killed left it
    running=
    [ ! -d /run/systemd/system ] || running=$(systemctl list-units --plain --no-legend --state=active | cut -d' ' -f1 | tr '\n' ' ')
    if [ -e "$policy" ] || [ -L "$policy" ]; then mv "$policy" "$before" || return; fi
    cat >"$policy" <<END && chmod 755 "$policy"
#!/bin/sh
# For as long as packages are installed, of tests/install.sh of prey.
case " $running" in *" \$1 "* | *" \$1.service "*) ;; *) exit 101 ;; esac
[ ! -x "$before" ] || exec "$before" "\$@"
END
}

# systems FILE-PATTERN: it is of the system itself, and no service to anybody outside.
systems() { dpkg -S "$1" 2>/dev/null | grep -qE '^(systemd|udev|dbus|procps|kmod)'; }
# disable LINK: a script of init, whose units update-rc.d disables too, or a unit.
disable() {
    name=${1##*/}
    case $1 in
    /etc/rc*)
        name=${name#S??}
        ! systems "/etc/init.d/$name" && update-rc.d "$name" disable >/dev/null 2>&1
        ;;
    *)
        [ ! -L "$1" ] || name=$(basename "$(readlink "$1")") # an alias
        ! systems "*/systemd/*/$name" && rm -f "$1"
        ;;
    esac && echo "${name%.service}" >>"$work/disabled"
}

export DEBIAN_FRONTEND=noninteractive
echo "Installing what is missing: $*"
fails() { cat "$work/log" >&2; echo "These packages could not be installed: $*" >&2; exit 2; }
apt-get update -q >"$work/log" 2>&1 || fails "$@"
apt-get install --assume-no --no-install-recommends "$@" 2>/dev/null |
    sed -n 's/^\([0-9]* upgraded, [0-9]* newly installed\).*/    \1;/p; s/^Need to get \(.*\) of archives\./    \1 to fetch;/p; s/^After this operation, \(.*\) of additional.*/    \1 of room./p'
links >"$work/links"
deny || exit 2
{ apt-get install -y --no-install-recommends "$@"; echo $? >"$work/status"; } 2>&1 | tee "$work/log" |
    awk '/^Setting up / && ++n % 25 == 0 { print "    " n " packages are set up"; fflush() }'
links | comm -13 "$work/links" - | while read -r link; do disable "$link"; done
[ ! -d /run/systemd/system ] || systemctl daemon-reload
[ ! -s "$work/disabled" ] || echo "Not started, and not enabled: $(sort -u "$work/disabled" | tr '\n' ' ')"
[ "$(cat "$work/status")" = 0 ] || fails "$@"
