/* Flows in the kernel: vm/flow/'s own code over maps that all processors and user space share. */
#include "vm/kernel/bpf.h"

#define TABLE_ACCESS "vm/kernel/flow/table_access.bpf.h"
#include "vm/forward/ordinary.h"
#include "vm/packet/parse/fragment.h"
#include "vm/packet/parse/read.h"

/* Options of TCP. If turns are counted, reading an option is a function that the kernel's verifier checks only once. */
#ifdef COUNTED
uint64_t kernel_tcp_option(struct kpkt *k, struct tcp_syn_options *found, uint32_t at, uint32_t left);
#define TCP_OPTION(pkt, options, at, left, found)                                                                      \
    (uint32_t) kernel_tcp_option((struct kpkt *)(uintptr_t)(pkt), found, (pkt)->l4 + TCP_LEN + (at), left)
#endif

#include "vm/flow/inquiry.c"
#include "vm/flow/track/joined.c"
#include "vm/flow/track/keep.c"
#include "vm/flow/track/track_look.c"
#include "vm/flow/track/related.c"
#include "vm/flow/tcp/sctp.c"
#include "vm/flow/table/flow_table.c"
#include "vm/flow/table/room.c"
#include "vm/flow/tcp/tcp.c"
#define tcp_read tcp_read_there
#include "vm/flow/tcp/read.c"
#undef tcp_read
#include "vm/flow/track/tuple.c"
#include "vm/packet/parse/bytes.c"
#define sctp_read sctp_read_there
#include "vm/packet/parse/flow_body.c"
#undef sctp_read
#define quoted_read quoted_read_there
#include "vm/packet/parse/quoted.c"
#undef quoted_read
#include "vm/packet/parse/tcp_header.c"
#include "vm/packet/parse/upper.c"

/* Functions that read the packet's bytes are checked once, for all callers. */
GLOBAL uint64_t kernel_tcp_read(struct kpkt *k NONNULL, struct tcp_segment *s NONNULL)
{
    tcp_read_there(&k->pkt, &k->key, s);
    return 0;
}
void tcp_read(const struct pkt *pkt, const struct key *key, struct tcp_segment *s)
{
    *s = (struct tcp_segment){0}; /* Linux before 6.3 demands that a function's argument is fully written */
    kernel_tcp_read((struct kpkt *)(uintptr_t)pkt, s);
}

/* True if the packet's tuple belongs to the other side of a flow (AT_FOREIGN). */
GLOBAL bool kernel_flow_is_foreign(struct kpkt *k NONNULL) { return k->seen.at & AT_FOREIGN; }

/* Return the result of track_is_turned. */
GLOBAL bool kernel_flow_is_turned(struct kpkt *k NONNULL) { return seen_is_turned(&k->seen); }

GLOBAL uint64_t kernel_sctp_read(struct kpkt *k NONNULL, struct sctp_packet *p NONNULL)
{
    sctp_read_there(&k->pkt, &k->key, p);
    return 0;
}
void sctp_read(const struct pkt *pkt, const struct key *key, struct sctp_packet *p)
{
    *p = (struct sctp_packet){0};
    kernel_sctp_read((struct kpkt *)(uintptr_t)pkt, p);
}

GLOBAL bool kernel_quoted_read(struct kpkt *k NONNULL, struct quoted *q NONNULL)
{
    return quoted_read_there(&k->pkt, &k->key, q);
}
bool quoted_read(const struct pkt *pkt, const struct key *key, struct quoted *q)
{
    *q = (struct quoted){0};
    return kernel_quoted_read((struct kpkt *)(uintptr_t)pkt, q);
}

#include "vm/kernel/flow/flow_ops.bpf.h"

#ifdef COUNTED
GLOBAL uint64_t kernel_tcp_option(struct kpkt *k NONNULL, struct tcp_syn_options *found NONNULL, uint32_t at,
                                  uint32_t left)
{
    return read_option(found, k->head + WITHIN(at), left);
}
#endif
