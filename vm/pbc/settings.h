/* A section of the program file: limits, timeouts, the hash key. */
#pragma once

#include <stdint.h>

#include "vm/pbc/file.h"

/* `limits`, `timeouts` and `hash key`, defaults filled in: X(field, doc). `written` has a bit for each setting that the
 * file gives (bit 0: the first), for settings whose default depends on where they are used. */
#define PBC_SETTING_FIELDS(X) PBC_LIMIT_FIELDS(X) PBC_TIMEOUT_FIELDS(X)
#define PBC_LIMIT_FIELDS(X)                                                                                            \
    X(flows, "entries of a worker's flow table")                                                                       \
    X(half_open, "flows whose handshake is not complete")                                                              \
    X(fragments, "datagrams whose fragments are remembered")                                                           \
    X(maglev, "slots of a Maglev table")                                                                               \
    X(classifier_bytes, "memory that the classifiers may take")                                                        \
    X(rejects_per_s, "answers of `reject` that a worker sends")                                                        \
    X(macs, "stations that a worker of a bridge remembers")                                                            \
    X(routes, "routes held in memory; if the kernel has more, each way is looked up in the kernel")                    \
    X(proxy_sessions, "connections that a worker's proxy holds at once")                                               \
    X(first_bytes, "bytes of a connection that are read before its pool is chosen")                                    \
    X(observed, "connections that a worker watches at once")                                                           \
    X(observed_bytes, "memory for bytes of observed connections that wait")
#define PBC_TIMEOUT_FIELDS(X)                                                                                          \
    X(tcp_established_ns, "timeout of `tcp established`")                                                              \
    X(tcp_half_open_ns, "timeout of `tcp half_open`")                                                                  \
    X(tcp_closing_ns, "timeout of `tcp closing`")                                                                      \
    X(udp_ns, "timeout of `udp`")                                                                                      \
    X(icmp_ns, "timeout of `icmp`")                                                                                    \
    X(sctp_ns, "timeout of `sctp`")                                                                                    \
    X(other_ns, "timeout of `other`")                                                                                  \
    X(pickup_ns, "timeout of `pickup`")                                                                                \
    X(proxy_connect_ns, "timeout of `proxy connect`")                                                                  \
    X(proxy_idle_ns, "timeout of `proxy idle`")                                                                        \
    X(proxy_first_ns, "timeout of `proxy first`")                                                                      \
    X(proxy_half_close_ns, "timeout of `proxy half_close`")
enum {
#define X(field, doc) PBC_SETTING_##field,
    PBC_SETTING_FIELDS(X)
#undef X
        PBC_SETTINGS_KEYS /* also the bit of the hash key in `written` */
};
enum { PBC_FLOWS_MOST = 100000000 }; /* largest `flows` that `limits` accepts */
enum { PBC_MACS_DEFAULT = 4096, PBC_ROUTES_DEFAULT = 100000, PBC_ROUTES_MOST = 10000000 };
struct pbc_settings {
#define X(field, doc) uint64_t field;
    PBC_SETTING_FIELDS(X)
#undef X
    uint64_t written;
    uint8_t hash_key[PBC_DIGEST_LEN]; /* digest of the text; Maglev, `source` and shares hash with it */
};
