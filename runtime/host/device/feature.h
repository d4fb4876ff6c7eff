/* Features of an interface by the kernel's own names ("rx-vlan-hw-parse"), as `ethtool -k` and `-K` have them. */
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
