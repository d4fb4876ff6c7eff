#!/usr/bin/env bash
# live-mirror.sh, by the executor in the kernel.
EXEC=kernel
. tests/e2e/live-mirror.sh
