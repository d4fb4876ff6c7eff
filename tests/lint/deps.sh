#!/bin/sh
# tests/deps.sh knows each program that a test or a bench looks for before it skips or goes on without it: on a fresh
# machine of root nothing is skipped but what the kernel lacks.
set -u
status=0
ask='command -v [a-z0-9-]+|which\("[a-z0-9-]+"|"/usr/s?bin/[a-z0-9-]+"|if script|alone nft'
# Essential on Debian: in util-linux.
essential=' unshare '
# In bookworm-backports alone, not in Debian 12 itself: tests/bench/observe.sh measures beside it where it is installed.
backports=' suricata '
words=$(git grep -hoE "$ask" -- 'tests/*.sh' 'tests/*.py' 'tests/*.c' ':!tests/deps.sh' ':!tests/lint/deps.sh' |
    sed 's/"$//; s/.*[ "\/]//' | sort -u)
count=0
for word in $words; do
    count=$((count + 1))
    case $essential$backports in *" $word "*) continue ;; esac
    # mergecap comes with tshark.
    [ "$word" = mergecap ] && word=tshark
    grep -qE "have_command $word( |\$)" tests/deps.sh && continue
    echo "#   $word"
    status=1
done
[ "$count" -gt 5 ] || { echo "#   only $count programs were found"; status=1; }
if [ $status -eq 0 ]; then echo "ok - deps.sh knows what tests look for"; else echo "not ok - deps.sh knows what tests look for"; fi

# The Debian package asks for the same to be built.
unasked=$(sed -n '/^list_build/,/^}/s/^ *need \([^ ]*\).*/\1/p' tests/deps.sh | grep -vxE 'gcc|libc6-dev|binutils|make' |
    while read -r package; do grep -qE "[ ,]$package(,|\$)" debian/control || echo "#   $package"; done)
[ -z "$unasked" ] || status=1
printf '%s\n%s - debian/control asks for what the build needs\n' "$unasked" "$([ -z "$unasked" ] && echo ok || echo 'not ok')" | sed '/^$/d'

# Where nothing is installed, not even apt-get, it names the packages.
bin=$B/scratch/deps-bin
rm -rf "$bin" && mkdir -p "$bin"
for word in sed sort tr ls; do ln -s "$(command -v $word)" "$bin/$word"; done
said=$(PATH=$bin /bin/sh tests/deps.sh build tests bench coverage 2>&1)
left=$?
for word in gcc clang git mandoc python3 tcpdump tshark vim xz-utils gcovr; do
    case " $said " in *" $word "* | *" $word."*) ;; *) left="$left, not $word" ;; esac
done
if [ "$left" = 2 ]; then echo "ok - where they lack it names them"; else
    printf '#   %s\nnot ok - where they lack it names them: %s\n' "$said" "$left"
    status=1
fi
exit $status
