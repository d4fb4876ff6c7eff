# What tests of live sets share, sourced after live_begin: traffic from a client to 10.2.0.2 (between one), and what preyrun says of its sets.

# prey_with OPTION...: preyrun between the two.
prey_with() { prey prey -i wan -i lan "$@"; }

# keeps_state: what outlives preyrun goes to a folder of the test.
keeps_state() {
    export STATE_DIRECTORY=$work/state
    mkdir "$STATE_DIRECTORY"
}

# reaches [SOURCE]: a packet crosses. gone [SOURCE]: none does. fate [SOURCE]: which of the two.
reaches() { at client ping -c 1 -W 0.3 -I "${1:-10.1.0.1}" 10.2.0.2 >/dev/null 2>&1; }
gone() { ! reaches "$@"; }
fate() { reaches "$@" && echo passes || echo drops; }

# of_set SET KEY...: what the list of sets says of it.
of_set() { at prey "$bin/preyctl" sets --json | python3 -c 'import json, sys
seen = json.load(sys.stdin)["sets"]
print(*[next(s[k] for s in seen if s["set"] == sys.argv[1]) for k in sys.argv[2:]])' "$@"; }
