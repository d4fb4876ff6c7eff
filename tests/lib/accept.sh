# What the acceptance tests share, beside tests/lib/scratch.sh: preyc and preyrun are on the PATH, and promises are kept or not.
. tests/lib/scratch.sh
PATH=$bin:$PATH:/usr/sbin
tools=$bin/tests/tools

call() { # COMMAND...: into out, err, status
    timeout 120 "$@" >out 2>err </dev/null
    status=$?
}
clean() { ! grep -Eq 'AddressSanitizer|LeakSanitizer|runtime error:|Segmentation|Assertion' out err; }
says() { # SENTENCE STATUS PATTERN FILE: the last run ended so and FILE holds the pattern
    if [ "$status" -eq "$2" ] && grep -Eq -- "$3" "$4" && clean; then ok 0 "$1"; else
        echo "# status $status, expected $2; $4 should hold: $3"
        head -20 "$4" | cut -c1-300 | sed 's/^/# /'
        ok 1 "$1"
    fi
}
