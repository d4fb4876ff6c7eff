/* Other programs that translate addresses beside prey: tables of nftables, and of the older iptables. */
#pragma once

#include <stdbool.h>

struct host_translators {
    char arriving[100]; /* first table that translates what arrives, as "ip docker"; empty: none */
    char leaving[100];  /* the same for what leaves */
    bool bridges;       /* br_netfilter hands what crosses a bridge of the kernel to them */
};

/* Look for them. Tables whose names begin with `prey_` are left out. Without rights none is seen. */
void host_translators(struct host_translators *t);
