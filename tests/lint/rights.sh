#!/bin/sh
# The capabilities that the unit leaves are those that the parent keeps (capability.def) but for a few, each with its reason.
set -u
status=0
# What the service needs to give up its rights, and the parent to drop the bounding set: gone once the service runs.
start='SETGID SETPCAP SETUID'
# Below the unit files are root's own, and its Limit... are those that the two others would raise.
outside='DAC_OVERRIDE DAC_READ_SEARCH IPC_LOCK SYS_RESOURCE'

left=$(sed -n 's/^CapabilityBoundingSet=//p' systemd/preyrun@.service | tr ' ' '\n' | sed 's/^CAP_//' | sort)
due=$({ sed -n 's/^CAPABILITY(\([A-Z_]*\),.*/\1/p' runtime/parent/capability.def; printf '%s\n' $start; } |
    grep -vxF "$(printf '%s\n' $outside)" | sort)
if [ -n "$left" ] && [ "$left" = "$due" ]; then echo "ok - the unit leaves the capabilities that the parent keeps"; else
    echo "#   the unit leaves: $(echo $left)"
    echo "#   capability.def:  $(echo $due)"
    echo "not ok - the unit leaves the capabilities that the parent keeps"
    status=1
fi
exit $status
