#!/bin/bash
# What leaves in every mode, beside packets that are built here from the standards alone, and decoded by tshark with all
# checksums verified: tests/e2e/modes_decoded.py. B is the build folder.
exec python3 "$(dirname "$0")/modes_decoded.py"
