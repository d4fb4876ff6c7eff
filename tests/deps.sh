#!/bin/sh
# What the build, the demo and the tests need from Debian, and whether it is here.
#   tests/deps.sh LIST...    LIST: build demo demo-live tests machines bench peers coverage site pictures deb check-deb
# As root it installs what is missing (install.sh, which leaves no service running or enabled); otherwise it prints the one line that does, and exits 2.
# Plain sh, and looks at files alone: it runs where not even a compiler is.
set -u

have_header() {
    for dir in /usr/include /usr/local/include /usr/include/*-linux-*; do
        [ -e "$dir/$1" ] && return 0
    done
    return 1
}
# What only root runs lies in /usr/sbin, which the PATH of others may lack.
have_command() { PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null 2>&1; }
have_postgres() { ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; }
have_runtime() { ls /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-* >/dev/null 2>&1; }

# need PACKAGE PROBE...: remember the package if the probe fails.
missing=
need() {
    package=$1
    shift
    "$@" || missing="$missing $package"
}

list_build() {
    need make have_command make
    need gcc have_command gcc
    need libc6-dev have_header stdio.h
    need binutils have_command ar
    need flex have_command flex
    need bison have_command bison
    need libpcap-dev have_header pcap/pcap.h
    need libcjson-dev have_header cjson/cJSON.h
    need zlib1g-dev have_header zlib.h
    need liblzma-dev have_header lzma.h
    need libzstd-dev have_header zstd.h
    need liblz4-dev have_header lz4frame.h
    need libmnl-dev have_header libmnl/libmnl.h
    need libc-ares-dev have_header ares.h
    need libnftables-dev have_header nftables/libnftables.h
    need libcap-ng-dev have_header cap-ng.h
    need libseccomp-dev have_header seccomp.h
    need clang have_command clang
    need libbpf-dev have_header bpf/libbpf.h
    need libxdp-dev have_header xdp/xsk.h
    need libssl-dev have_header openssl/ssl.h
    need libsystemd-dev have_header systemd/sd-daemon.h
    need libmicrohttpd-dev have_header microhttpd.h
}
list_demo() { :; } # builds its own capture: nothing beyond the build
list_demo_live() {
    need iproute2 have_command ip
    need curl have_command curl
    need nginx-light have_command nginx
    need procps have_command sysctl
}
list_tests() {
    need clang have_command clang
    need libclang-rt-14-dev have_runtime
    need llvm have_command llvm-symbolizer
    need clang-format have_command clang-format
    need lld have_command ld.lld
    need libcmocka-dev have_header cmocka.h
    need git have_command git
    need tzdata test -e /usr/share/zoneinfo/Europe/Paris
    need mandoc have_command mandoc
    need openssl have_command openssl
    need python3 have_command python3
    need tcpdump have_command tcpdump
    need tshark have_command tshark
    need xz-utils have_command xz
    need zstd have_command zstd
    need bzip2 have_command bzip2
    need lz4 have_command lz4
    need xxd have_command xxd
    need nftables have_command nft
    need iptables have_command iptables-nft-restore
    need iproute2 have_command ip
    need curl have_command curl
    need iputils-ping have_command ping
    need netcat-openbsd have_command nc.openbsd
    need procps have_command sysctl
    need nginx-light have_command nginx
    need dnsmasq-base have_command dnsmasq
    need ethtool have_command ethtool
    need iperf3 have_command iperf3
    need haproxy have_command haproxy
    need libnginx-mod-stream test -e /usr/lib/nginx/modules/ngx_stream_module.so
    need wrk have_command wrk
    need dropbear-bin have_command dropbear
    need openssh-client have_command ssh-keyscan
    need openssh-server have_command sshd
    need redis-server have_command redis-server
    need postgresql have_postgres
    need mariadb-server-core have_command mariadbd
    need exim4-daemon-light have_command exim4
    need python3-aiosmtpd test -e /usr/lib/python3/dist-packages/aiosmtpd
    need vim have_command vim
    need zsh have_command zsh
    need fish have_command fish
    need bsdutils have_command script
    need systemd have_command systemd-analyze
    need prometheus have_command promtool
    need chromium have_command chromium
    need fail2ban have_command fail2ban-server
    need crowdsec-custom-bouncer have_command crowdsec-custom-bouncer
    list_site
}
# Emulated machines with other kernels (tests/machines/).
list_machines() {
    need qemu-system-x86 have_command qemu-system-x86_64
    need busybox have_command busybox
    need cpio have_command cpio
    need kmod have_command modprobe
    need ipvsadm have_command ipvsadm
    need xz-utils have_command xz
    need zstd have_command zstd
    need debian-archive-keyring test -e /usr/share/keyrings/debian-archive-keyring.gpg
    need wireguard-tools have_command wg
    need ppp have_command pppd
    need pppoe have_command pppoe-server
}
list_bench() { need python3 have_command python3; need xz-utils have_command xz; }
# Rivals and plots that a bench goes on without: DPDK for its rte_acl, whose headers stand in libdpdk-dev alone, which
# brings all of its libraries; nftables, in a network namespace that iproute2 furnishes; gnuplot;
# CrowdSec's bouncer for nftables; what bench-proxy stands beside, and what asks them.
list_peers() {
    need pkg-config have_command pkg-config
    need libdpdk-dev have_header dpdk/rte_acl.h
    need nftables have_command nft
    need ipset have_command ipset
    need crowdsec-firewall-bouncer have_command crowdsec-firewall-bouncer
    need iproute2 have_command ip
    need gnuplot-nox have_command gnuplot
    need haproxy have_command haproxy
    need libnginx-mod-stream test -e /usr/lib/nginx/modules/ngx_stream_module.so
    need wrk have_command wrk
    need iperf3 have_command iperf3
}
list_site() {
    need python3 have_command python3
    need python3-sphinx have_command sphinx-build
    need python3-myst-parser test -e /usr/lib/python3/dist-packages/myst_parser
    need furo test -e /usr/lib/python3/dist-packages/furo
    need mandoc have_command mandoc
}
# The guide's pictures.
list_pictures() {
    need graphviz have_command dot
    need chromium have_command chromium
    need pngquant have_command pngquant
    list_demo_live
}
list_deb() {
    need debhelper have_command dh
    need dpkg-dev have_command dpkg-buildpackage
    need fakeroot have_command fakeroot
    need lintian have_command lintian
    need sphinx-common have_command dh_sphinxdoc
    list_site
}
list_check_deb() { need debootstrap have_command debootstrap; }
list_coverage() { need gcovr have_command gcovr; }

for list in "$@"; do
    case $list in
    build | demo | tests | machines | bench | peers | coverage | site | pictures | deb) "list_$list" ;;
    check-deb) list_check_deb ;;
    demo-live) list_demo_live ;;
    *) echo "tests/deps.sh: no list is called $list" >&2; exit 2 ;;
    esac
done
missing=$(printf '%s\n' $missing | sort -u | tr '\n' ' ' | sed 's/ *$//')
[ -n "$missing" ] || exit 0

if ! have_command apt-get; then
    echo "This needs what Debian calls: $missing. There is no apt-get here: install them with your system's tool." >&2
    exit 2
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "This needs packages that are not installed. Run, then try again:" >&2
    echo "    sudo sh ${0%/*}/install.sh $missing" >&2
    exit 2
fi
exec sh "${0%/*}/install.sh" $missing
