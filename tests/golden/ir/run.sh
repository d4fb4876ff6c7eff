#!/usr/bin/env bash
# The normal form as text: what `preyc --dump=ir` prints of the files beside this script.
exec bash "$(dirname "$0")/../dump.sh" ir
