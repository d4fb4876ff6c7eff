#!/usr/bin/env bash
# live-crash.sh, where the kernel judges: flows go on in its maps, and known ones are judged meanwhile.
EXEC=kernel
. tests/e2e/live-crash.sh
