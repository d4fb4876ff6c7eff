/* What a driver is asked by the ioctl of ethtool, and features of an interface by the kernel's own names
 * ("rx-vlan-hw-parse"), as `ethtool -k` and `-K` have them. */
#pragma once

#include <stdbool.h>

enum feature {
    FEATURE_ON = 1,
    FEATURE_FIXED = 2, /* nobody can change it */
};

/* enum feature, of bits; 0 also where the kernel knows no such name. A negative errno: -ENODEV. */
int feature_of(const char *interface, const char *name);

/* 0; -EOPNOTSUPP: the device does not change it; another negative errno. Needs CAP_NET_ADMIN. */
int feature_turn(const char *interface, const char *name, bool on);

/* Put a question (a struct of ethtool's, its command first) to the interface's driver; the answer lies where the
 * question did. 0 and more, or a negative errno: -ENODEV, -EOPNOTSUPP. */
int ethtool_ask(const char *interface, void *question);
