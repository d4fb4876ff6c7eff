/* One frame through the stages by BPF_PROG_TEST_RUN. */
#include <bpf/bpf.h>
#include <errno.h>
#include <sched.h>
#include <string.h>

#include "runtime/kernel/kernel_priv.h"

enum { FRAME_LEAST = 14 }; /* that the kernel runs */

struct kpkt *kernel_ask(struct kernel *kernel, enum kernel_hook hook, struct kernel_asked *a)
{
    uint8_t padded[FRAME_LEAST] = {0};
    const int cpu = sched_getcpu();
    if (cpu < 0) return NULL;
    struct kpkt *k = &kernel_kpkts(kernel)[2 * cpu];
    k->pkt = (struct pkt){
        .head_len = a->len, .cap_len = a->len, .wire_len = a->wire_len, .link = a->link, .iface = a->iface};
    k->now_ns = a->now_ns;
    k->flags = (uint16_t)(KERNEL_ASKED | (hook == KERNEL_TC ? KERNEL_EGRESS : 0));
    if (a->len < FRAME_LEAST) memcpy(padded, a->frame, a->len);
    LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = a->len < FRAME_LEAST ? padded : a->frame,
                .data_size_in = a->len < FRAME_LEAST ? FRAME_LEAST : a->len, .data_out = a->out,
                .data_size_out = a->out_len, .repeat = 1);
    const enum kernel_entry entry = hook == KERNEL_XDP ? KERNEL_ENTRY_look_xdp : KERNEL_ENTRY_look_tc;
    const int failed = bpf_prog_test_run_opts(kernel_program(kernel, entry), &o);
    k->flags &= (uint16_t)~KERNEL_ASKED;
    if (failed) return NULL;
    a->out_len = o.data_size_out;
    return k;
}
