/* Each packet is put to the kernel's stages. Their decision becomes its verdict, and edited packets leave; packets that
 * go up go on in the worker here, which is in kernel mode (vm/README.md). */
#include "runtime/kernel/executor_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/kernel/maps/live_sets.h"
#include "runtime/kernel/prove.h"
#include "vm/forward/ordinary.h"
#include "vm/judge/effects.h"
#include "vm/judge/lives.h"
#include "vm/kernel/events.h"
#include "vm/kernel/keyed/meters.h"
#include "vm/packet/parse/read.h"
#include "vm/program/remap.h"
#include "vm/worker/mirrored.h"

static void hear_event(void *arg, const struct kernel_event *event, size_t len)
{
    const struct executor *e = arg;
    const struct kernel_event_packet *packet = (const struct kernel_event_packet *)event;
    struct vm_tx *tx = e->tx;
    if (event->kind == KERNEL_EVENT_FLOW && e->vm)
        vm_flow_gone(e->vm, &((const struct kernel_event_flow *)event)->gone, tx);
    const struct kernel_event_add *add = (const struct kernel_event_add *)event;
    if (event->kind == KERNEL_EVENT_ADD && e->vm) adds_told(vm_program(e->vm), add->add, add->v6, add->len, add->addr);
    const bool would = event->kind == KERNEL_EVENT_LOG_WOULD;
    if ((event->kind != KERNEL_EVENT_LOG && !would) || len < sizeof *packet) return;
    if (tx->event_count < tx->event_cap)
        tx->events[tx->event_count++] =
            (struct event){.kind = EVENT_LOG, .rule = packet->rule, .would = would, .input = e->input};
    else
        tx->events_lost++;
}

/* Handle the events of the packet that was just asked about. */
static void hear_all(struct executor *e, uint32_t input, struct vm_tx *tx)
{
    e->tx = tx;
    e->input = input;
    const int failed = kernel_events_take(e->events);
    const uint64_t lost = kernel_events_lost(e->kernel);
    if (failed < 0) e->fault = failed;
    if (tx) tx->events_lost += lost - e->lost;
    e->lost = lost;
}

static uint64_t judge_there(void *arg, const struct key *key, const struct pkt *pkt, const struct effects *effects,
                            uint64_t *mirrors)
{
    struct executor *e = arg;
    uint64_t decision;
    const int failed = ask_judge(&e->asker, key, pkt, effects, e->now_ns, &decision);
    if (failed == -EPROTO) e->told.unjudged++; /* rules ask for bytes that the judge is not given */
    if (failed && failed != -EPROTO) e->fault = failed;
    hear_all(e, effects->input, effects->tx);
    *mirrors = failed ? 0 : e->asker.k->mirrors;
    return failed ? decided_by_nobody(ACTION_DROP) : decision;
}

/* Show the kernel's meters to explain, and to vm_tick, which sweeps them. */
static void show_meters(void *arg, struct meters *m, bool would)
{
    const struct executor *e = arg;
    kernel_meters_show(kernel_meters(e->kernel), m, would);
}

static bool sweep_meters(void *arg, uint64_t now_ns)
{
    const struct executor *e = arg;
    return kernel_sweep(e->kernel, now_ns);
}

bool executor_judge(struct executor *e, const struct program *p, char *err, size_t err_len)
{
    struct proof proof;
    struct judge *j = kernel_prepare(e->kernel, p, err, err_len);
    if (!j) return false;
    e->asker.judge = j;
    const int failed = kernel_prove(&e->asker, p, &proof, err, err_len);
    e->asker.judge = NULL;
    e->told.proof_frames = proof.frames;
    e->told.proof_ns = proof.ns;
    told_add(e->kernel, p);
    if (!failed && !kernel_swap(e->kernel, j, err, err_len)) {
        told_keep(e->kernel, p);
        return true;
    }
    kernel_discard(j);
    return false;
}

static bool begin_judge(struct executor *e, const struct program *p, char *err, size_t err_len)
{
    asker_init(&e->asker, e->kernel, 0);
    if (!executor_judge(e, p, err, err_len)) return false;
    snprintf(err, err_len, "out of memory");
    if (p->members && live_sets_move(kernel_tables(e->kernel), p, p->members, e->seed, NULL)) return false;
    if (p->members && !live_sets_ask(p->members, kernel_map(e->kernel, KERNEL_MAP_question_head),
                                     kernel_map(e->kernel, KERNEL_MAP_questions)))
        return false;
    e->counted = counted_new(e->kernel);
    e->events = kernel_events_new(kernel_map(e->kernel, KERNEL_MAP_events)->fd, hear_event, e);
    return e->counted && e->events;
}

/* Make the worker here, which uses the kernel's state. */
static bool begin_worker(struct executor *e, struct program *p, const struct vm_cfg *cfg)
{
    struct vm_cfg mine = *cfg;
    e->pool = cfg->pool;
    e->copies = cfg->copies;
    e->ops = (struct vm_kernel){.arg = e, .judge = judge_there, .meters = show_meters, .sweep = sweep_meters};
    if (e->kernel && cfg->live) {
        e->ops.marks = kernel_map(e->kernel, KERNEL_MAP_marks)->memory;
        e->splices = kernel_splices(e->kernel);
        if (e->splices.groups) e->ops.splices = &e->splices;
    }
    if (e->kernel) mine.kernel = &e->ops;
    if (e->kernel && p->meta->flags & PBC_KEEPS_FLOWS) {
        if (!flows_init(&e->flows, e->kernel)) return false;
        e->ops.flows = &e->flows;
    }
    e->vm = vm_new(p, &mine);
    return e->vm != NULL;
}

struct executor *executor_over(struct kernel *kernel, struct program *p, const struct vm_cfg *cfg, char *err,
                               size_t err_len)
{
    struct executor *e = calloc(1, sizeof *e);
    if (!e) return NULL;
    e->kernel = kernel;
    e->seed = cfg->seed;
    if ((!kernel || begin_judge(e, p, err, err_len)) && begin_worker(e, p, cfg)) return e;
    executor_free(e);
    return NULL;
}

struct executor *executor_new(struct program *p, const struct vm_cfg *cfg, unsigned hook, char *err, size_t err_len)
{
    const struct kernel_cfg there = {.hooks = hook, .live = cfg->live, .seed = cfg->seed};
    struct kernel *kernel = hook ? kernel_new(p, &there, err, err_len) : NULL;
    struct executor *e = hook && !kernel ? NULL : executor_over(kernel, p, cfg, err, err_len);
    if (e) e->owned = kernel;
    if (!e) kernel_free(kernel);
    return e;
}

void executor_free(struct executor *e)
{
    if (!e) return;
    vm_free(e->vm);
    counted_free(e->counted);
    kernel_events_free(e->events);
    flows_fini(&e->flows);
    kernel_facts_fini(&e->facts);
    kernel_free(e->owned);
    free(e);
}

static void write_entry(const struct kpkt *k, struct pkt *out, uint32_t input, uint64_t cookie, struct tx_entry *to)
{
    const struct recipe *r = &k->recipe;
    bool resolved = false; /* a bare packet has no place for the address yet */
    for (unsigned i = 0; i < sizeof r->next_mac; i++) resolved |= r->next_mac[i] != 0 && k->pkt.link == LINK_ETHER;
    *to = (struct tx_entry){.pkt = out,
                            .kind = TX_SEND,
                            .cause = TX_CAUSE_PACKET,
                            .out_if = r->out_if,
                            .input = input,
                            .cookie = cookie,
                            .family = resolved                      ? 0
                                      : k->seen.recipe & RECIPE_IP6 ? 6
                                                                    : 4};
    memcpy(to->next_hop, r->dst, sizeof to->next_hop);
    if (!ordinary_asks_source(r, k->seen.twin)) return;
    memcpy(to->from, k->key.src, sizeof to->from);
    to->from_port = k->key.src_port;
}

/* Return the frame as the stages left it, with the bytes that they were not given; a tunnel's packet has no such bytes.
 * NULL: no slot. */
static struct pkt *edited(const struct executor *e, const struct kpkt *k, const struct pkt *pkt)
{
    const struct asker *a = &e->asker;
    const uint32_t front = recipe_overhead(k->seen.recipe), rest = front ? 0 : pkt->cap_len - a->given;
    struct pkt *out = e->pool ? pool_copy(e->pool, pkt) : NULL;
    if (!out) return NULL;
    if (front > out->headroom || a->len + rest > out->cap_len + front) {
        pool_put(out);
        return NULL;
    }
    out->data -= front;
    out->headroom = (uint16_t)(out->headroom - front);
    out->wire_len = front ? a->len : pkt->wire_len;
    out->head_len = out->cap_len = a->len + rest;
    memcpy(out->data, a->frame, a->len);
    return out;
}

/* Copy for mirrors as the stages would, and note the mirrors that copy leaving packets. Return them. */
static uint64_t mirrored(const struct executor *e, const struct kpkt *k, struct pkt *pkt)
{
    const struct program *p = vm_program(e->vm);
    uint64_t here = 0;
    const struct effects effects = {.copies = e->copies, .mirrored = &here};
    if (!p->mirrors_count) return 0;
    effect_mirrors(&effects, p, k->mirrors, pkt);
    return pkt->mirrors = here & mirrored_sent(p);
}

/* Show the packet to the observers, as its client sees it. */
static void show(const struct executor *e, const struct vm_in *in, struct pkt *pkt, const struct verdict *v,
                 const struct vm_tx *tx, unsigned before)
{
    const bool lets = v->action == ACTION_ACCEPT || v->action == ACTION_FORWARD || v->action == ACTION_PASS;
    if (!lets || !vm_program(e->vm)->observes_count) return;
    vm_show(e->vm, in, v->flags & VERDICT_REPLY && tx->count > before ? tx->entries[before].pkt : pkt);
}

/* Let the worker go on with a packet that came up. It is judged by itself, so entries and events get its index here. */
static void run_up(struct executor *e, const struct vm_in *in, const struct kpkt *k, struct pkt *pkt, uint32_t input,
                   struct verdict *v, struct vm_tx *tx)
{
    struct pkt *const pkts[] = {pkt};
    const struct vm_up up = {
        .decision = k->decision, .would = k->would, .mirrors = k->mirrors, .judged = k->flags & KERNEL_JUDGED};
    const unsigned entries = tx->count, events = tx->event_count;
    vm_run_up(e->vm, in, pkts, 1, &up, v, tx);
    for (unsigned i = entries; i < tx->count; i++)
        if (tx->entries[i].input != INPUT_NONE) tx->entries[i].input = input;
    for (unsigned i = events; i < tx->event_count; i++)
        if (tx->events[i].input != INPUT_NONE) tx->events[i].input = input;
}

static const struct verdict dropped = {
    .action = ACTION_DROP, .rule = RULE_NONE, .firewall = PBC_NONE, .service = PBC_NONE, .server = PBC_NONE};

static void run_one(struct executor *e, const struct vm_in *in, struct pkt *pkt, uint32_t input, struct verdict *v,
                    struct vm_tx *tx)
{
    struct kpkt *k;
    struct vm_recipes r;
    const bool sends_on = vm_recipes(e->vm, &r);
    e->asker.k->datagram = r.datagram;
    const int failed = ask_frame(&e->asker, kernel_arrives(e->kernel), pkt, e->now_ns, &k);
    if (sends_on) vm_datagram(e->vm, k->datagram);
    if (failed) {
        e->fault = failed;
        *v = dropped;
        return;
    }
    hear_all(e, input, tx);
    if (k->out == KERNEL_UP) {
        run_up(e, in, k, pkt, input, v, tx);
        return;
    }
    *v = k->verdict;
    if (!v->would) v->would_rule = v->would_firewall = 0; /* the stages leave old values in these fields */
    const unsigned before = tx->count;
    const uint64_t mirrors = mirrored(e, k, pkt);
    if (k->out == KERNEL_SEND) {
        struct pkt *out = tx->count < tx->cap ? edited(e, k, pkt) : NULL;
        if (out)
            write_entry(k, out, input, pkt->cookie, &tx->entries[tx->count++]);
        else
            e->told.left_out++;
    }
    for (unsigned i = before; i < tx->count; i++) tx->entries[i].pkt->mirrors = mirrors;
    show(e, in, pkt, v, tx, before);
}

/* Take time and facts: first the worker, then the stages. Held packets stay until packets are judged, as in vm_run. */
static void see_world(struct executor *e, const struct vm_in *in, struct vm_tx *tx)
{
    static const struct vm_up none;
    vm_run_up(e->vm, in, NULL, 0, &none, NULL, tx);
    if (in->mono_ns > e->now_ns) e->now_ns = in->mono_ns;
    const int failed = kernel_facts_push(&e->facts, e->kernel, in->facts);
    if (failed || e->facts.routes_failed) e->fault = failed ? failed : e->facts.routes_failed;
    /* Recipes are valid by the facts that the worker has seen now. */
    struct kernel_world *w = kernel_world(e->kernel);
    struct vm_recipes r;
    if (vm_recipes(e->vm, &r)) {
        memcpy(w->longest, r.longest, sizeof w->longest);
        w->recipes = r.generation;
    }
    struct kernel_meters *m = kernel_meters(e->kernel);
    if (m) kernel_meters_at(m, e->now_ns);
}

void executor_run(struct executor *e, const struct vm_in *in, struct pkt *const pkts[], unsigned n,
                  struct verdict verdicts[], struct vm_tx *tx)
{
    if (!e->kernel) {
        vm_run(e->vm, in, pkts, n, verdicts, tx);
        return;
    }
    see_world(e, in, tx);
    for (unsigned i = 0; i < n; i++) {
        run_one(e, in, pkts[i], i, &verdicts[i], tx);
        vm_cut(e->vm); /* after the packet's own flow has begun, because that flow may be cut, too */
    }
    vm_run(e->vm, in, NULL, 0, NULL, tx); /* held packets leave */
}

uint64_t executor_tick(struct executor *e, const struct vm_in *in, struct vm_tx *tx)
{
    if (e->kernel) see_world(e, in, tx);
    return vm_tick(e->vm, in, tx);
}

bool executor_expire(struct executor *e, const struct vm_in *in, struct vm_tx *tx, unsigned *part)
{
    if (e->kernel) see_world(e, in, tx);
    return vm_expire(e->vm, in, tx, part);
}

const struct vm_counters *executor_counters(struct executor *e)
{
    if (e->kernel) counted_add(e->counted, e->vm);
    return vm_counters(e->vm);
}

struct vm *executor_vm(struct executor *e) { return e->vm; }
int executor_fault(const struct executor *e) { return e->fault; }
const struct executor_told *executor_told(const struct executor *e) { return &e->told; }
