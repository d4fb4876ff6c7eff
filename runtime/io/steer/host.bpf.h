/* Maps of the host, for each eBPF program that uses them: its own addresses, which own.c fills, and the ends of its
 * established connections. */
#pragma once

#include <bpf/bpf_helpers.h>

#include "runtime/io/steer/steer.bpf.h"
#include "vm/kernel/gate.h"

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct numbered_ip);
    __type(value, __u8);
    __uint(max_entries, STEER_OWN);
} own SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __type(key, struct gate_made);
    __type(value, __u8);
    __uint(max_entries, MADE_MOST);
} made SEC(".maps");

#include "vm/kernel/socket.bpf.h"
