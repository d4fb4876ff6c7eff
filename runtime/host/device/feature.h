/* Features of an interface by the kernel's names ("rx-vlan-hw-parse"), as in `ethtool -k` and `-K`; ethtool's ioctl */
#pragma once

#include <net/if.h>
#include <stdbool.h>

enum feature {
    FEATURE_ON = 1,
    FEATURE_FIXED = 2, /* cannot be changed */
};

/* Return bits of enum feature, 0 also for a name that the kernel does not know; or a negative errno: -ENODEV */
int feature_of(const char *interface, const char *name);

/* Turn a feature on or off. Return 0; -EOPNOTSUPP if the device does not change it; another negative errno. Needs
 * CAP_NET_ADMIN. */
int feature_turn(const char *interface, const char *name, bool on);

/* Do an ioctl on an interface, whose name is put into r. Return 0 or more, or a negative errno. */
int device_ioctl(const char *interface, unsigned long what, struct ifreq *r);
/* Send a request to an interface's driver (one of ethtool's structs, the command first); the reply replaces it.
 * Return 0 or more, or a negative errno: -ENODEV, -EOPNOTSUPP. */
int ethtool_ask(const char *interface, void *question);
