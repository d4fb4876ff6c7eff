/* The replay loop: read a batch of frames, view it, judge it, hand on the results. Nothing is allocated or formatted
 * for a packet unless its line is wanted. */
#include <stdlib.h>

#include "runtime/base/clock.h"
#include "runtime/base/stop.h"
#include "runtime/replay/replay_priv.h"
#include "runtime/report/given/given_ports.h"
#include "runtime/report/log.h"
#include "vm/judge/lives.h"
#include "vm/packet/parse/read.h"
#include "vm/packet/pkt.h"

enum { EVENTS_MAX = 1 << 16, FLOW_EVENTS_MAX = 1 << 22 };

/* Return the number of log events that a batch can have: each rule that logs may match each packet. */
static uint64_t log_room(const struct program *p)
{
    uint64_t logging = 0;
    for (uint32_t i = 0; i < p->rules_count; i++)
        logging += p->rules[i].verdict == PBC_V_LOG || p->rules[i].flags & PBC_RULE_LOG;
    for (uint32_t i = 0; i < p->would_rules_count; i++)
        logging += p->would_rules[i].verdict == PBC_V_LOG || p->would_rules[i].flags & PBC_RULE_LOG;
    const uint64_t room = logging * VM_BATCH;
    return room < EVENTS_MAX ? room : EVENTS_MAX;
}

/* Return room for the flows that one sweep can end, a tenth of the table, or all that a cut can. Untouched memory costs
 * nothing. */
static uint64_t flow_room(const struct program *p)
{
    if (!(p->meta->flags & PBC_KEEPS_FLOWS)) return 0;
    const uint64_t at_once = p->members && p->members->cuts ? p->flows : p->flows / 5;
    const uint64_t room = at_once + EVENTS_MAX;
    return room < FLOW_EVENTS_MAX ? room : FLOW_EVENTS_MAX;
}

static void line_print(void *arg, uint64_t frame, const struct verdict *v)
{
    struct pass *p = arg;
    char words[200] = "-";
    if (!only_takes(&p->r->only, v, false)) return;
    /* from the current batch, or kept; NULL: memory was out */
    const struct capture_frame *f =
        p->seen ? frame > p->read ? &p->frames[frame - p->read - 1] : seen_frame(p->seen, frame) : NULL;
    const bool described = p->r->o->describe;
    const struct vm_in in = {.mono_ns = p->clock.now_ns, .facts = &p->clock.facts};
    if (f && described && p->verdicts) seen_words(p->seen, &in, f, words, sizeof words);
    if (p->verdicts) verdicts_line(p->verdicts->f, &p->r->labels, p->r->o->json, frame, v, described ? words : NULL);
    if (f) seen_write(p->seen, f);
}

/* Keep the frames of waiting lines when the batch ends. */
static void frames_keep(struct pass *p, unsigned first, unsigned end)
{
    for (; first < end; first++) {
        const uint64_t number = p->read + first + 1;
        while (p->lines.count && number >= p->lines.first && !seen_keep(p->seen, number, &p->frames[first]))
            lines_hurry(&p->lines);
    }
}

struct pass *pass_new(const struct subject *r, bool flows, const struct observe_out *observed,
                      struct replay_copied *copied)
{
    struct pass *p = calloc(1, sizeof *p);
    if (!p) {
        complain_memory(r->program);
        return NULL;
    }
    p->r = r;
    p->copied = copied;
    if (copied) copied->pass = p;
    p->lists_flows = flows;
    p->clock = replay_clock_of(r);
    p->tx.cap = VM_BATCH * VM_TX_PER_PACKET;
    p->tx.entries = p->entries;
    p->lines = (struct lines){.print = line_print, .arg = p, .most = LINES_WAIT_MOST};
    p->tx.event_cap = (unsigned)(log_room(r->program) + (flows ? flow_room(r->program) : 0));
    p->tx.events = calloc(p->tx.event_cap + 1u, sizeof *p->tx.events);
    const struct vm_cfg cfg = {.pool = r->pool,
                               .seed = r->o->seed,
                               .flow_events = flows,
                               .observed = observed,
                               .copies = copied ? &copied->out : NULL};
    p->exec = replay_executor(r, &cfg, r->o->exec == OPTIONS_EXEC_KERNEL);
    p->vm = p->exec ? executor_vm(p->exec) : NULL;
    p->t.told = p->exec ? executor_told(p->exec) : NULL;
    for (unsigned i = 0; i < VM_BATCH; i++) p->views[i] = &p->pkts[i];
    bool failed = !p->tx.events;
    p->streams = streams_new(r->program, r->o->seed, false, &failed);
    p->t.streams = p->streams;
    if (failed) complain_memory(r->program);
    if (p->exec && !failed) return p;
    pass_free(p);
    return NULL;
}

void pass_free(struct pass *p)
{
    if (!p) return;
    executor_free(p->exec);
    streams_free(p->streams);
    lines_end(&p->lines);
    flow_list_fini(&p->flows);
    free(p->tx.events);
    free(p);
}

void frame_view(const struct subject *r, const struct capture_frame *f, struct pkt *pkt)
{
    pkt_view(pkt, f->data, f->cap_len, f->wire_len, f->link, r->ports->id[f->port]);
}

/* Return the time of the frame that caused an entry or event of the last call; for a timer, the clock's time. */
static uint64_t caused_at(const struct pass *p, uint32_t input)
{
    return input < p->called ? p->frames[p->call + input].time_ns : p->clock.now_ns;
}

static void packets_leave(struct pass *p)
{
    for (unsigned i = 0; i < p->tx.count; i++) {
        struct tx_entry *e = &p->tx.entries[i];
        if (e->cause == TX_CAUSE_HELD) {
            totals_decided(&p->t, p->r->program, &e->verdict, e->pkt->wire_len + e->outer_bytes);
            if (p->lined) lines_settle(&p->lines, e->cookie, &e->verdict);
        }
        if (p->copied) replay_copied_left(p->copied, e, caused_at(p, e->input));
        if (e->kind == TX_SEND && p->writer && !p->write_error) {
            p->write_error = sent_write(p->writer, e, caused_at(p, e->input));
            p->t.written++;
        }
        pool_put(e->pkt);
    }
    p->tx.count = 0;
}

/* Print an event as one line on standard error. The packet is parsed again. */
static void log_line(const struct subject *r, const struct event *e, struct pkt *pkt, uint64_t time_ns, uint64_t frame)
{
    struct key key;
    char what[200];
    pkt_parse(pkt, &r->facts, &key);
    pkt_describe(pkt, &key, what, sizeof what);
    log_say(stderr, &(struct log_said){.form = r->o->log,
                                       .labels = &r->labels,
                                       .rule = e->rule,
                                       .would = e->would,
                                       .bytes = pkt->wire_len,
                                       .packet = text_clean(what),
                                       .time_ns = time_ns,
                                       .frame = frame});
}

/* Handle a log event. A held frame has left the batch; its packet is in the tx entry. */
static void event_log(struct pass *p, const struct event *e)
{
    p->t.log_events++;
    if (!p->log) return;
    progress_end(&p->progress);
    if (e->input < p->called) {
        struct pkt pkt;
        frame_view(p->r, &p->frames[p->call + e->input], &pkt);
        log_line(p->r, e, &pkt, caused_at(p, e->input), p->read + p->call + e->input + 1);
    } else if (e->entry < p->tx.count) {
        struct pkt *pkt = p->tx.entries[e->entry].pkt;
        log_line(p->r, e, pkt, p->clock.now_ns, pkt->cookie);
    }
}

static void events_leave(struct pass *p)
{
    for (unsigned i = 0; i < p->tx.event_count; i++) {
        struct event *e = &p->tx.events[i];
        if (e->kind == EVENT_LOG) event_log(p, e);
        if (e->kind != EVENT_FLOW) continue;
        if (p->streams) streams_name(p->streams, &e->flow);
        flow_list_add(&p->flows, &e->flow);
    }
    p->t.log_events += p->tx.events_lost;
    p->t.log_lost += p->tx.events_lost;
    p->tx.event_count = 0;
    p->tx.events_lost = 0;
}

/* Pass on the packets that a call of the vm has put into tx. */
static void pass_leave(void *arg)
{
    struct pass *p = arg;
    if (p->tx.event_count || p->tx.events_lost) events_leave(p);
    if (p->tx.count) packets_leave(p);
}

/* Count and print verdicts. Most frames need nothing: a rule or default has decided and counted them. */
static void verdicts_leave(struct pass *p)
{
    const bool all = p->lined || p->r->program->meta->flags & PBC_OPENS;
    for (unsigned i = p->call, end = p->call + p->called; i < end; i++) {
        const struct verdict *const v = &p->judged[i];
        if (__builtin_expect(v->rule != RULE_NONE && !all, 1)) continue;
        if (v->action == ACTION_HELD) replay_clock_held(&p->clock);
        if (p->lined) lines_add(&p->lines, p->read + i + 1, v);
        totals_decided(&p->t, p->r->program, v, p->pkts[i].wire_len);
    }
}

/* Times up to which the present clock holds: for all frames before `same_ns`; for frames that cannot be fragments
 * before `fragments_ns`. */
struct standing {
    uint64_t same_ns, fragments_ns;
};

static inline bool clock_stands(const struct standing *s, const struct capture_frame *f)
{
    if (f->time_ns < s->same_ns) return true;
    return f->time_ns < s->fragments_ns && !glance_fragment(f->data, f->cap_len, f->link);
}

/* Times and sizes of frames, kept in registers while a batch is viewed. */
struct sums {
    uint64_t bytes, first_ns, last_ns, earlier;
};

static inline void frame_sums_add(struct sums *s, uint64_t time_ns, uint32_t wire_len)
{
    s->bytes += wire_len;
    if (!time_ns) return;
    if (time_ns - 1 < s->first_ns - 1) s->first_ns = time_ns; /* 0 - 1: none so far */
    s->earlier += time_ns < s->last_ns;
    if (time_ns > s->last_ns) s->last_ns = time_ns;
}

/* View the frames from p->call on that one call of the vm can take, at least one: its clock and schedules hold for all
 * of them. */
static void frames_view(struct pass *p, unsigned end)
{
    const struct replay_clock *c = &p->clock;
    const uint64_t step = time_after(c->now_ns, c->step_ns), same = step < c->until_ns ? step : c->until_ns;
    const uint64_t due = c->until_ns < c->tick_ns ? c->until_ns : c->tick_ns;
    const struct standing clock = {.same_ns = same, .fragments_ns = c->only_fragments ? due : 0};
    struct totals *const t = &p->t;
    struct sums s = {t->bytes, t->first_ns, t->last_ns, t->earlier};
    unsigned i = p->call;
    do {
        const struct capture_frame *const f = &p->frames[i];
        struct pkt *const pkt = &p->pkts[i++];
        frame_view(p->r, f, pkt);
        pkt->cookie = p->read + i;
        frame_sums_add(&s, f->time_ns, pkt->wire_len);
    } while (i < end && clock_stands(&clock, &p->frames[i]));
    p->called = i - p->call;
    t->bytes = s.bytes, t->first_ns = s.first_ns, t->last_ns = s.last_ns, t->earlier = s.earlier;
}

static void frames_judge(struct pass *p, unsigned first, unsigned end)
{
    p->t.frames += end - first;
    for (; first < end; first += p->called) {
        if (p->clock.timers) {
            p->called = 0;
            replay_clock_tick(&p->clock, p->frames[first].time_ns, p->exec, &p->tx, pass_leave, p);
        }
        const struct vm_in in = replay_clock_at(&p->clock, p->frames[first].time_ns);
        p->call = first;
        frames_view(p, end);
        executor_run(p->exec, &in, p->views + first, p->called, p->judged + first, &p->tx);
        /* Give packets for a proxy their server, as far as the data of their connection shows. */
        for (unsigned i = first; p->streams && i < first + p->called; i++)
            streams_judged(p->streams, &in, &p->pkts[i], p->read + i + 1, &p->judged[i]);
        if (p->copied) replay_copied_stays(p->copied);
        verdicts_leave(p);
        pass_leave(p);
        if (p->copied) replay_copied_turn(p->copied);
    }
}

/* End the flows that have timed out by the end of the capture, even those that no packet has met. */
static void flows_end(struct pass *p)
{
    const struct vm_in in = {.mono_ns = p->clock.now_ns, .facts = &p->clock.facts};
    const struct flow_counters *c = executor_counters(p->exec)->flows;
    bool more = c;
    p->called = 0;
    for (unsigned part = 0; more;) {
        more = executor_expire(p->exec, &in, &p->tx, &part);
        pass_leave(p);
    }
    if (!p->lists_flows) return;
    const size_t listed = p->flows.count;
    flow_list_rest(&p->flows, p->vm);
    for (size_t i = listed; p->streams && i < p->flows.count; i++) streams_name(p->streams, &p->flows.flows[i]);
    uint64_t ended = 0;
    for (unsigned i = 0; c && i < FLOW_ENDS; i++) ended += c->ended[i];
    /* Events lost because there was no room; those of flows are known from the counters. */
    const uint64_t lost = ended - p->flows.ended;
    p->flows.left_out += lost;
    p->t.log_lost -= lost;
    p->t.log_events -= lost;
}

static bool output_failed(struct pass *p)
{
    return p->write_error || (p->seen && p->seen->write_error) || (p->verdicts && out_failed(p->verdicts));
}

/* Flush the outputs while the next frame is awaited, so that readers get the results so far. */
static void outputs_flush(void *arg)
{
    struct pass *p = arg;
    if (p->verdicts) out_flush(p->verdicts);
    if (p->writer && !p->write_error) p->write_error = capture_flush(p->writer);
    if (p->seen && p->seen->writer && !p->seen->write_error) p->seen->write_error = capture_flush(p->seen->writer);
    progress_wait(&p->progress, p->r->capture, p->read);
}

static bool pass_is_over(struct pass *p) { return stop_asked() || output_failed(p); }

void pass_run(struct pass *p)
{
    const struct options *o = p->r->o;
    const uint64_t to = o->to ? o->to : UINT64_MAX, begin = clock_ns(CLOCK_MONOTONIC);
    const struct capture_waiting waiting = {.fn = outputs_flush, .arg = p, .stop_fd = stop_fd()};
    unsigned n;
    p->lined = p->verdicts || p->seen;
    capture_waiting(p->r->capture, &waiting);
    while (!pass_is_over(p) && p->read < to && (n = capture_batch(p->r->capture, p->frames, VM_BATCH)) > 0) {
        const uint64_t before = o->from - 1 > p->read ? o->from - 1 - p->read : 0;
        const unsigned first = before < n ? (unsigned)before : n, end = to - p->read < n ? (unsigned)(to - p->read) : n;
        p->t.outside += first;
        if (first < end) frames_judge(p, first, end);
        if (p->seen) frames_keep(p, first, end);
        p->read += n;
        progress_step(&p->progress, p->r->capture, p->read);
    }
    p->stopped = stop_asked();
    p->t.elapsed_ns = clock_ns(CLOCK_MONOTONIC) - begin;
    if (p->lined) lines_end(&p->lines);
    vm_observed_end(p->vm, &(struct vm_in){.mono_ns = p->clock.now_ns});
    flows_end(p);
    if (p->copied) replay_copied_turn(p->copied);
    progress_end(&p->progress);
}
