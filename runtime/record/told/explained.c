/* Explanation of recorded packets. The worker's state is copied as bytes before the packet; the copy explains, and the
 * worker itself judges the packet and goes on. */
#include "runtime/record/told/explained.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/complain.h"
#include "runtime/report/explain/explain_packet.h"

enum { LEFT_MOST = 16, STATE_LEAST = 1 << 22 };
#define STATE_MOST (UINT64_C(1) << 32)

static const struct actor_watch nobody;

struct going {
    struct pkt pkts[LEFT_MOST];
    struct tx_entry entries[LEFT_MOST];
    uint8_t *bytes[LEFT_MOST];
    unsigned count;
};

static void note_left(void *arg, const struct tape_frame *f, uint64_t wall_ns)
{
    struct going *l = arg;
    uint8_t *bytes = l->count < LEFT_MOST ? malloc(f->cap_len + 1u) : NULL;
    if (!bytes) return;
    memcpy(bytes, f + 1, f->cap_len);
    pkt_view(&l->pkts[l->count], bytes, f->cap_len, f->wire_len, tape_link(f), IFACE_NONE);
    l->entries[l->count] = (struct tx_entry){.pkt = &l->pkts[l->count], .kind = TX_SEND};
    l->bytes[l->count++] = bytes;
}

/* Return a copy of the worker's vm. NULL: out of memory, or the vm is in the middle of something. */
static struct vm *copy_vm(struct worker *w, const struct vm_in *in)
{
    const struct vm_cfg cfg = worker_vm_cfg(w);
    struct vm *copy = NULL;
    for (uint64_t room = STATE_LEAST; !copy && room <= STATE_MOST && vm_rests(w->vm); room *= 4) {
        uint8_t *bytes = malloc(room);
        struct archive to = {.at = bytes, .left = room},
                       from = {.at = bytes, .left = room, .reads = true, .cookies = PORTS_MOST};
        if (!bytes) return NULL;
        const bool whole = vm_archive(w->vm, in, &to);
        if (whole) copy = vm_new(w->cfg.program, &cfg);
        if (whole && !copy) room = STATE_MOST; /* more room would not help */
        if (copy && !vm_archive(copy, in, &from)) {
            vm_free(copy);
            room = STATE_MOST;
            copy = NULL;
        }
        free(bytes);
    }
    return copy;
}

static int explain_with(struct actor *a, unsigned at, const struct explaining *x, struct vm *before,
                        const struct vm_in *in)
{
    struct going leaving = {.count = 0};
    struct pkt came = *a->views[at];
    uint8_t *bytes = malloc(came.cap_len + 1u);
    if (!bytes) return 2;
    memcpy(bytes, came.data, came.cap_len);
    came.data = bytes;
    came.iface = a->w->ports[came.cookie].iface;
    const struct actor_watch watch = {.left = note_left, .arg = &leaving};
    a->watch = &watch;
    worker_judge(a->w, a->views + at, 1, a->now_ns);
    actor_rest(a);
    a->watch = &nobody;
    const struct explain_packet e = {.o = x->o,
                                     .frame = x->frames + at + 1,
                                     .program = a->w->cfg.program,
                                     .labels = x->labels,
                                     .pool = a->w->pool,
                                     .before = before,
                                     .in = in,
                                     .pkt = &came,
                                     .time_ns = a->walls[at],
                                     .verdict = &a->w->verdicts[0],
                                     .left = leaving.entries,
                                     .left_count = leaving.count};
    const int status = explain_packet(&e);
    for (unsigned i = 0; i < leaving.count; i++) free(leaving.bytes[i]);
    free(bytes);
    return status;
}

/* Explain packet `at`, after all packets before it. */
static int explain_at(struct actor *a, unsigned at, const struct explaining *e)
{
    const struct vm_in in = {.mono_ns = a->now_ns, .facts = &a->w->egress.snapshot->facts};
    struct vm *before = copy_vm(a->w, &in);
    const int status = before ? explain_with(a, at, e, before, &in) : 2;
    if (!before) complain("the worker's state before that packet cannot be copied");
    vm_free(before);
    return status;
}

static void judge(struct actor *a, unsigned from, unsigned to)
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
        judge(a, done, i);
        if (any && !e->o->json) putchar('\n');
        any = true;
        status = explain_at(a, i, e);
        done = i + 1;
    }
    judge(a, done, n);
    a->watch = watch;
    return status;
}
