/* Explanation of recorded packets. The worker is asked about the packet, which changes nothing, and then judges it and
 * goes on. */
#include "runtime/record/told/explained.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/complain.h"
#include "runtime/base/out.h"
#include "runtime/report/explain/explain_packet.h"
#include "runtime/report/explain/fate.h"

static const struct actor_watch nobody;

static void note_left(void *arg, const struct tape_frame *f, uint64_t wall_ns)
{
    struct departures *left = arg;
    struct pkt pkt;
    pkt_view(&pkt, (const uint8_t *)(f + 1), f->cap_len, f->wire_len, tape_link(f), IFACE_NONE);
    departures_add(left, &(struct tx_entry){.pkt = &pkt, .kind = TX_SEND});
}

/* Explain packet `at`, after all packets before it. */
static int explain_at(struct actor *a, unsigned at, const struct explaining *x)
{
    const struct vm_in in = {.mono_ns = a->now_ns, .facts = &a->w->egress.snapshot->facts};
    const struct subject r = {.o = x->o, .program = a->w->cfg.program, .labels = *x->labels, .pool = a->w->pool};
    struct fate fate = {.frame = x->frames + at + 1};
    struct explain_look look;
    struct out out;
    struct pkt came = *a->views[at];
    uint8_t *bytes = malloc(came.cap_len + 1u); /* the worker rewrites the packet in place */
    if (!bytes) return complain("out of memory");
    memcpy(bytes, came.data, came.cap_len);
    came.data = bytes;
    came.iface = a->w->ports[came.cookie].iface;
    explain_look(&look, a->w->vm, &in, r.program, r.pool, &came);
    explain_look_on_wall(&look, a->walls[at]);
    const struct actor_watch watch = {.left = note_left, .arg = &fate.left};
    a->watch = &watch;
    worker_judge(a->w, a->views + at, 1, a->now_ns);
    actor_rest(a);
    a->watch = &nobody;
    fate.verdict = a->w->verdicts[0];
    fate.held = fate.verdict.action == ACTION_HELD;
    out_open(&out, "-");
    explain_fate(&r, &look, a->walls[at], &fate, out.f);
    if (x->o->json) fputs("}\n", out.f);
    explain_look_fini(&look);
    departures_fini(&fate.left);
    free(bytes);
    const int failed = out_close(&out);
    if (!failed) return 0;
    return failed == -EPIPE ? 2 : complain("standard output: %s", strerror(-failed));
}

static void judge_up_to(struct actor *a, unsigned from, unsigned to)
{
    if (to > from) worker_judge(a->w, a->views + from, to - from, a->now_ns);
    actor_rest(a);
}

int explained(struct actor *a, unsigned n, const struct explaining *e)
{
    const struct actor_watch *watch = a->watch;
    unsigned done = 0;
    int status = 0;
    bool any = e->any;
    a->watch = &nobody;
    for (uint64_t at; !status && (at = options_explained_after(e->o, e->frames + done)) && at <= e->frames + n;) {
        const unsigned i = (unsigned)(at - e->frames) - 1;
        judge_up_to(a, done, i);
        if (any && !e->o->json) putchar('\n');
        any = true;
        status = explain_at(a, i, e);
        done = i + 1;
    }
    judge_up_to(a, done, n);
    a->watch = watch;
    return status;
}
