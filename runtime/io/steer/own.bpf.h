/* Map of the host's own addresses, for both programs in the kernel; own.c fills it. */
#pragma once

#include <bpf/bpf_helpers.h>

#include "runtime/io/steer/steer.bpf.h"

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct numbered_ip);
    __type(value, __u8);
    __uint(max_entries, STEER_OWN);
} own SEC(".maps");
