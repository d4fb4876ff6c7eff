/* Map of the ends of established connections, for each program in the kernel that asks the host's sockets. */
#pragma once

#include <bpf/bpf_helpers.h>

#include "vm/kernel/gate.h"

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __type(key, struct gate_made);
    __type(value, __u8);
    __uint(max_entries, MADE_MOST);
} made SEC(".maps");

#define MADE (&made)
#include "vm/kernel/socket.bpf.h"
