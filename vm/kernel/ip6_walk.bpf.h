/* For programs of the kernel: the way past the extension headers of IPv6. The including file first defines how bytes
 * are read: LOAD(from, at, to, len), true where they are there. */
#pragma once

#include <bpf/bpf_helpers.h>
#include <stdbool.h>

#include "vm/packet/parse/header.h"

struct ip6_walk {
    void *from;
    __u32 at; /* offset of the header that `next` names */
    __u32 id; /* identifier of the datagram, for a fragment */
    __u8 next;
    bool fragment; /* the walk ends there; the walk ends there */
    bool bad;      /* a header is cut off */
};

/* Walk one header, as a turn of bpf_loop: the verifier walks it once, and not each way through sixteen headers.
 * Verifiers before Linux 6.7 believe that there is one turn. They know nothing of `next` when it begins, so they
 * look at both ways out of the first test; and all that they know after it is true after any turn. Return 1: the
 * walk is over. */
static long ip6_walk_header(__u32 i, void *arg)
{
    struct ip6_walk *w = arg;
    __u8 b[8];
    const __u8 kind = w->next;
    if (!ip6_is_extension(kind)) return 1;
    w->bad = !LOAD(w->from, w->at, b, sizeof b);
    if (w->bad) return 1;
    w->next = b[0];
    w->at += ip6_extension_len(kind, b[1]);
    if (kind != IPPROTO_NR_FRAGMENT) return 0;
    w->fragment = (b[2] << 8 | b[3]) & 0xfff9;
    w->id = (__u32)b[4] << 24 | (__u32)b[5] << 16 | (__u32)b[6] << 8 | b[7];
    return w->fragment;
}

/* Walk from the header behind IPv6's own on. False: one is cut off. No test of `next` stands before the loop, or old
 * verifiers would take its outcome for that of each turn. */
static __always_inline bool ip6_walk(struct ip6_walk *w)
{
    bpf_loop(IP6_EXT_MOST, ip6_walk_header, w, 0);
    return !w->bad;
}
