/* The replay loop: a batch of frames is read, viewed, judged, and its results handed on. Nothing is allocated or
 * formatted for a packet unless its line was asked for. */
#include "runtime/replay/pass.h"

#include <stdlib.h>

enum { EVENTS_MAX = 1 << 16 };

/* Room for every event of a batch: each rule that logs may match each packet. */
static unsigned events_room(const struct program *p)
{
    uint64_t logging = 0;
    for (uint32_t i = 0; i < p->rules_count; i++)
        logging += p->rules[i].verdict == PBC_V_LOG || p->rules[i].flags & PBC_RULE_LOG;
    const uint64_t room = logging * VM_BATCH;
    return room < EVENTS_MAX ? (unsigned)room : EVENTS_MAX;
}

struct pass *pass_new(const struct replay *r)
{
    struct pass *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    p->r = r;
    p->clock = replay_clock_of(r);
    p->tx.cap = VM_BATCH * VM_TX_PER_PACKET;
    p->tx.entries = p->entries;
    p->tx.event_cap = events_room(r->program);
    p->tx.events = calloc(p->tx.event_cap + 1u, sizeof *p->tx.events);
    p->vm = vm_new(r->program, &(struct vm_cfg){.pool = r->pool, .seed = r->o->seed});
    for (unsigned i = 0; i < VM_BATCH; i++) p->views[i] = &p->pkts[i];
    if (p->tx.events && p->vm) return p;
    pass_free(p);
    return NULL;
}

void pass_free(struct pass *p)
{
    if (!p) return;
    vm_free(p->vm);
    free(p->tx.events);
    free(p);
}

void frame_view(const struct replay *r, const struct capture_frame *f, struct pkt *pkt)
{
    pkt_view(pkt, f->data, f->cap_len, f->wire_len, f->link, r->iface);
}

static void answers_send(struct pass *p, unsigned first)
{
    for (unsigned i = 0; i < p->tx.count; i++) {
        struct tx_entry *e = &p->tx.entries[i];
        if (p->writer && !p->write_error) {
            p->write_error = answers_write(p->writer, e, p->frames[first + e->input].time_ns);
            p->t.answers_copied++;
        }
        pool_put(e->pkt);
    }
    p->tx.count = 0;
}

static void events_log(struct pass *p, unsigned first)
{
    if (p->log && p->tx.event_count) progress_end(&p->progress);
    for (unsigned i = 0; p->log && i < p->tx.event_count; i++) {
        const unsigned at = first + p->tx.events[i].input;
        log_line(p->r, &p->tx.events[i], &p->frames[at], p->read + at + 1);
    }
    p->t.log_events += p->tx.event_count + p->tx.events_lost;
    p->t.log_lost += p->tx.events_lost;
    p->tx.event_count = 0;
    p->tx.events_lost = 0;
}

static void lines_print(struct pass *p, unsigned first, unsigned end)
{
    if (p->verdicts)
        for (unsigned i = first; i < end; i++) verdicts_line(p->verdicts->f, p->r, p->read + i + 1, &p->judged[i]);
}

/* How many frames from `first` on one call of the vm may take: its clock stands still meanwhile, and its schedules
 * hold. */
static unsigned until_clock_step(const struct pass *p, unsigned first, unsigned end)
{
    const struct replay_clock *c = &p->clock;
    if (c->step_ns == UINT64_MAX && c->until_ns == UINT64_MAX) return end;
    unsigned i = first + 1;
    for (; i < end; i++) {
        const uint64_t t = p->frames[i].time_ns;
        if (t > c->now_ns && (t - c->now_ns >= c->step_ns || t >= c->until_ns)) break;
    }
    return i;
}

/* Frames that neither a rule nor a default decided: what the vm's counters do not tell apart. */
static void undecided_count(struct pass *p, unsigned first, unsigned end)
{
    for (unsigned i = first; i < end; i++) {
        const struct verdict *v = &p->judged[i];
        if (__builtin_expect(v->rule != RULE_NONE, 1)) continue;
        if (v->action == ACTION_DROP && v->reason != REASON_NO_SERVER) continue;
        struct counter *c = v->action == ACTION_PASS ? &p->t.passed : &p->t.nobody;
        c->packets++;
        c->bytes += p->pkts[i].wire_len;
    }
}

static void frames_judge(struct pass *p, unsigned first, unsigned end)
{
    for (unsigned i = first; i < end; i++) {
        const struct capture_frame *f = &p->frames[i];
        frame_view(p->r, f, &p->pkts[i]);
        p->t.bytes += p->pkts[i].wire_len;
        if (!f->time_ns) continue;
        if (f->time_ns - 1 < p->t.first_ns - 1) p->t.first_ns = f->time_ns; /* 0 - 1: none so far */
        if (f->time_ns > p->t.last_ns) p->t.last_ns = f->time_ns;
    }
    p->t.frames += end - first;
    for (unsigned next; first < end; first = next) {
        const struct vm_in in = replay_clock_at(&p->clock, p->frames[first].time_ns);
        next = until_clock_step(p, first, end);
        vm_run(p->vm, &in, p->views + first, next - first, p->judged + first, &p->tx);
        if (p->tx.count) answers_send(p, first);
        if (p->tx.event_count || p->tx.events_lost) events_log(p, first);
        lines_print(p, first, next);
        undecided_count(p, first, next);
    }
}

static bool output_failed(struct pass *p) { return p->write_error || (p->verdicts && out_failed(p->verdicts)); }

void pass_run(struct pass *p)
{
    const struct options *o = p->r->o;
    const uint64_t to = o->to ? o->to : UINT64_MAX, begin = clock_ns();
    unsigned n;
    while (p->read < to && (n = capture_batch(p->r->capture, p->frames, VM_BATCH)) > 0) {
        const uint64_t before = o->from - 1 > p->read ? o->from - 1 - p->read : 0;
        const unsigned first = before < n ? (unsigned)before : n, end = to - p->read < n ? (unsigned)(to - p->read) : n;
        p->t.outside += first;
        if (first < end) frames_judge(p, first, end);
        p->read += n;
        progress_step(&p->progress, p->r->capture, p->read);
        if (output_failed(p)) break;
    }
    p->t.elapsed_ns = clock_ns() - begin;
    progress_end(&p->progress);
}
