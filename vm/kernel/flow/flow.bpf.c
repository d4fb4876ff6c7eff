/* Flows in the kernel: vm/flow/'s own code over maps that all processors and user space share. */
#include "vm/kernel/bpf.h"

#define TABLE_ACCESS "vm/kernel/flow/table_access.bpf.h"
#include "vm/forward/ordinary.h"
#include "vm/packet/parse/fragment.h"
#include "vm/packet/parse/read.h"

/* Options of TCP. Where turns are counted, reading an option is a function that the kernel's verifier looks at once. */
#ifdef COUNTED
uint64_t kernel_tcp_option(struct kpkt *k, struct tcp_syn_options *found, uint32_t at, uint32_t left);
#define TCP_OPTION(pkt, options, at, left, found)                                                                      \
    (uint32_t) kernel_tcp_option((struct kpkt *)(uintptr_t)(pkt), found, (pkt)->l4 + TCP_LEN + (at), left)
#endif

#include "vm/flow/track/joined.c"
#include "vm/flow/track/keep.c"
#include "vm/flow/track/look.c"
#include "vm/flow/track/related.c"
#include "vm/flow/table/table.c"
#include "vm/flow/table/room.c"
#include "vm/flow/tcp/tcp.c"
#include "vm/flow/tcp/read.c"
#include "vm/flow/track/tuple.c"
#include "vm/packet/parse/bytes.c"
#include "vm/packet/parse/flow_body.c"
#include "vm/packet/parse/quoted.c"
#include "vm/packet/parse/tcp_header.c"
#include "vm/packet/parse/upper.c"

#include "vm/kernel/flow/flow_ops.bpf.h"

#ifdef COUNTED
GLOBAL uint64_t kernel_tcp_option(struct kpkt *k NONNULL, struct tcp_syn_options *found NONNULL, uint32_t at,
                                  uint32_t left)
{
    return read_option(found, k->head + WITHIN(at), left);
}
#endif
