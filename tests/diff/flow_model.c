/* Model test: a worker that follows connections against a plain model. The model is a list with linear search. It
 * knows each packet from the numbers that the packet was made of. It shares only flow.h's TCP functions, which have
 * separate tests.
 *
 *   flow_model [SEED [RUNS [PACKETS]]]
 *
 * Each run draws a world of few addresses and ports, a table that is large or tiny, and packets: TCP, UDP, SCTP,
 * other protocols, queries, errors that quote earlier packets, VLAN stacks, both families; some are dropped by a
 * rule. Time goes on by nanoseconds or hours, and back. After every packet both agree on its state, on `flows over`,
 * on each open flow, on how and when each flow ended, and on the evicted flow. LONG=1: twenty times as many. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/compiled.h"
#include "tests/lib/draw_talk.h"
#include "tests/lib/one_kernel.h"
#include "vm/flow/flow.h"
#include "vm/flow/table/flow_table.h"
#include "vm/flow/tcp/sctp.h"
#include "vm/packet/parse/header.h"
#include "vm/vm.h"

enum { FLOWS_MOST = 512, EVENTS = 1024, MOST_A_SOURCE = 3 };
#define S UINT64_C(1000000000)

/* A flow in the model: `open` has its opener. */
struct model_flow {
    struct talk open; /* addresses, ports, protocol, tags of the packet that opened it */
    uint8_t pair;     /* ICMP query's pair of types */
    enum flow_state state;
    uint64_t began_ns, seen_ns;
    unsigned sent[2]; /* packets per direction */
    struct tcp_track tcp;
};

struct model {
    struct model_flow flows[FLOWS_MOST];
    unsigned count;
    uint64_t now_ns;
    uint64_t timeout_ns[FLOW_STATES];
    uint64_t half_open_most;
};

struct run {
    struct rng rng;
    struct model model;
    struct program *program;
    struct executor *worker;
    struct vm_in in;
    struct facts facts;
    struct event events[EVENTS];
    struct vm_tx tx;
    struct talks talks;
    bool limited; /* sources may hold few flows */
    char why[512];
};

struct totals {
    uint64_t packets, states[5], ends[FLOW_ENDS], over;
};

/* ---- the model ---- */

static bool same_tags(const struct talk *a, const struct talk *b)
{
    if (a->tag_count != b->tag_count) return false;
    for (unsigned i = 0; i < a->tag_count; i++)
        if (a->tags[i].tpid != b->tags[i].tpid || a->tags[i].vid != b->tags[i].vid) return false;
    return true;
}

static bool is_error(const struct talk *t)
{
    if (!talk_is_icmp(t)) return false;
    return t->v6 ? t->type < 128 : t->type == 3 || t->type == 4 || t->type == 5 || t->type == 11 || t->type == 12;
}

static bool to_group(const struct talk *t) { return t->dst >> 28 == 0xe; }

static uint64_t deadline(const struct model *m, const struct model_flow *f)
{
    return f->seen_ns + m->timeout_ns[f->state];
}

static bool has_ports(const struct talk *t)
{
    return t->proto == IPPROTO_NR_TCP || t->proto == IPPROTO_NR_UDP || t->proto == IPPROTO_NR_SCTP;
}

/* True if the packet belongs to this flow, with its direction. tags: the tags of the packet itself if it is quoted. */
static bool belongs(const struct model_flow *f, const struct talk *t, const struct talk *tags, enum flow_dir *dir)
{
    const struct talk *o = &f->open;
    if (o->v6 != t->v6 || o->proto != t->proto || !same_tags(o, tags)) return false;
    const bool ports = has_ports(t);
    const bool forth =
        o->src == t->src && o->dst == t->dst && (!ports || (o->src_port == t->src_port && o->dst_port == t->dst_port));
    const bool back =
        o->src == t->dst && o->dst == t->src && (!ports || (o->src_port == t->dst_port && o->dst_port == t->src_port));
    if (talk_is_icmp(t)) {
        bool answers = false;
        const unsigned pair = talk_pair(t, &answers);
        *dir = answers ? FLOW_REPLY : FLOW_ORIGINAL;
        return pair && pair == f->pair && t->id == o->id && (answers ? back : forth);
    }
    *dir = forth ? FLOW_ORIGINAL : FLOW_REPLY;
    return forth || back;
}

static struct model_flow *find(struct model *m, const struct talk *t, const struct talk *tags, enum flow_dir *dir)
{
    for (unsigned i = 0; i < m->count; i++)
        if (deadline(m, &m->flows[i]) > m->now_ns && belongs(&m->flows[i], t, tags, dir)) return &m->flows[i];
    return NULL;
}

static struct tcp_segment segment_of(const struct talk *t)
{
    const uint8_t flags = t->flags;
    return (struct tcp_segment){
        .seq = t->seq,
        .ack = flags & TCP_ACK ? t->ack : 0,
        .len = t->payload + (flags & TCP_SYN ? 1u : 0u) + (flags & TCP_FIN ? 1u : 0u),
        .window = t->window,
        .flags = flags,
        .scale = SCALE_ABSENT,
    };
}

/* The model's statement about a packet, and its effect if accepted. */
struct said {
    enum flow_mark mark;
    struct model_flow *flow; /* NULL: none */
    enum flow_dir dir;
    bool makes; /* makes a flow if accepted, in place of `flow` if there is one */
    struct tcp_step step;
};

static struct sctp_packet sctp_of(const struct talk *t)
{
    const bool opens = t->chunk == SCTP_INIT || t->chunk == SCTP_INIT_ACK;
    const uint32_t tag = (t->chunk == SCTP_INIT ? 0 : talk_tag(t->dst_port)) + (t->strange ? 1000 : 0);
    return (struct sctp_packet){
        .tag = tag,
        .init_tag = opens && t->payload >= 8 ? talk_tag(t->src_port) : 0,
        .has = (uint16_t)(t->payload < 4 ? 0 : SCTP_HAS(t->chunk)),
    };
}

static enum flow_state plain_state(const struct talk *t, bool both, bool lasts)
{
    if (talk_is_icmp(t)) return lasts ? FLOW_STATE_ICMP_LASTING : both ? FLOW_STATE_ICMP : FLOW_STATE_ICMP_ONE_WAY;
    if (t->proto != IPPROTO_NR_UDP)
        return lasts ? FLOW_STATE_OTHER_LASTING : both ? FLOW_STATE_OTHER : FLOW_STATE_OTHER_ONE_WAY;
    return lasts ? FLOW_STATE_UDP_LASTING : both ? FLOW_STATE_UDP : FLOW_STATE_UDP_ONE_WAY;
}

/* Decide a packet without sequence numbers or association by the number of packets from both sides. */
static enum flow_mark say_plain(const struct talk *t, struct said *s)
{
    const struct model_flow *f = s->flow;
    unsigned sent[2] = {f ? f->sent[0] : 0, f ? f->sent[1] : 0};
    sent[s->dir]++;
    const bool both = sent[0] && sent[1], lasts = sent[0] >= 3 && sent[1] >= 3;
    s->step.state = (uint8_t)plain_state(t, both, lasts);
    s->step.refresh = true;
    return both ? MARK_ESTABLISHED : MARK_NEW;
}

static enum flow_mark say_sctp(const struct talk *t, struct said *s)
{
    const struct sctp_packet p = sctp_of(t);
    if (!s->flow) return sctp_begin(&p, false, &s->step);
    const struct flow now = {.state = (uint8_t)s->flow->state, .tcp = s->flow->tcp};
    return sctp_follow(&now, s->dir, &p, &s->step);
}

static struct said say_error(struct model *m, const struct talk *t)
{
    struct said s = {.mark = MARK_INVALID};
    const struct talk *q = t->quoted;
    if (!q || q->src != t->dst || to_group(q)) return s;
    const struct model_flow *f = find(m, q, t, &s.dir);
    if (f && (q->proto != IPPROTO_NR_TCP || tcp_quoted(&f->tcp, s.dir, q->seq))) s.mark = MARK_RELATED;
    return s;
}

static struct said say(struct model *m, const struct talk *t)
{
    struct said s = {.mark = MARK_NEW};
    bool answers = false;
    if (is_error(t)) return say_error(m, t);
    if (talk_is_icmp(t) && !talk_pair(t, &answers)) return s;
    s.flow = to_group(t) ? NULL : find(m, t, t, &s.dir);
    if (answers) {
        s.mark = s.flow ? say_plain(t, &s) : MARK_INVALID;
        return s;
    }
    if (t->proto == IPPROTO_NR_TCP) {
        const struct tcp_segment g = segment_of(t);
        s.mark = s.flow ? tcp_follow(s.flow->state, &s.flow->tcp, s.dir, &g, &s.step) : tcp_begin(&g, false, &s.step);
    } else {
        s.mark = t->proto == IPPROTO_NR_SCTP ? say_sctp(t, &s) : say_plain(t, &s);
    }
    s.makes = s.step.reopen || (s.mark == MARK_NEW && !s.flow);
    if (to_group(t)) s.makes = false;
    return s;
}

/* Count the flows that this address has opened, including the one that the packet begins. */
static unsigned held_by(const struct model *m, const struct talk *t, const struct said *s)
{
    const bool opens = s->makes && !s->step.by_other;
    unsigned held = opens;
    for (unsigned i = 0; i < m->count; i++)
        held += m->flows[i].open.v6 == t->v6 && m->flows[i].open.src == t->src && !(opens && &m->flows[i] == s->flow);
    return held;
}

static struct talk turned(const struct talk *t)
{
    struct talk other = *t;
    other.src = t->dst;
    other.dst = t->src;
    other.src_port = t->dst_port;
    other.dst_port = t->src_port;
    return other;
}

static void drop_flow(struct model *m, struct model_flow *f) { *f = m->flows[--m->count]; }

/* Apply an accepted packet. Evicted flows, and the flow that this one replaces, are already gone. */
static void accept(struct model *m, const struct talk *t, const struct said *s)
{
    bool answers;
    if (s->makes) {
        m->flows[m->count++] = (struct model_flow){
            .open = s->step.by_other ? turned(t) : *t,
            .pair = talk_is_icmp(t) ? (uint8_t)talk_pair(t, &answers) : 0,
            .state = (enum flow_state)s->step.state,
            .sent = {1, 0},
            .began_ns = m->now_ns,
            .seen_ns = m->now_ns,
            .tcp = s->step.track,
        };
        return;
    }
    if (!s->flow || !(s->mark & (MARK_NEW | MARK_ESTABLISHED))) return;
    struct model_flow *f = s->flow;
    f->sent[s->dir]++;
    f->tcp = s->step.track;
    f->state = (enum flow_state)s->step.state;
    if (s->step.refresh) f->seen_ns = m->now_ns;
}

/* ---- comparing ---- */

static bool wrong(struct run *r, const char *what, const struct talk *t)
{
    char text[256];
    snprintf(r->why, sizeof r->why, "%s; at %s", what, t ? talk_text(t, text, sizeof text) : "a tick");
    return false;
}

/* Return the model's flow for a record. */
static struct model_flow *recorded(struct run *r, const struct flow_record *f)
{
    for (unsigned i = 0; i < r->model.count; i++) {
        struct model_flow *m = &r->model.flows[i];
        const struct talk *o = &m->open;
        uint32_t src[4], dst[4];
        if (m->began_ns != f->began_ns || m->seen_ns != f->seen_ns || m->state != (enum flow_state)f->state) continue;
        talk_addr(o, o->src, src);
        talk_addr(o, o->dst, dst);
        const uint16_t src_port = talk_is_icmp(o) ? o->id : has_ports(o) ? o->src_port : 0;
        const uint16_t outer = o->tag_count ? o->tags[0].vid : VLAN_UNTAGGED;
        const uint16_t inner = o->tag_count > 1 ? o->tags[1].vid : VLAN_UNTAGGED;
        if (memcmp(src, f->src, sizeof src) || memcmp(dst, f->dst, sizeof dst) || f->proto != o->proto) continue;
        if (f->family != (o->v6 ? 6 : 4) || f->src_port != src_port || f->vlan[0] != outer || f->vlan[1] != inner)
            continue;
        if (f->dst_port == (has_ports(o) ? o->dst_port : 0)) return m;
    }
    return NULL;
}

static unsigned half_open(const struct model *m)
{
    unsigned n = 0;
    for (unsigned i = 0; i < m->count; i++) n += flow_state_class(m->flows[i].state) == FLOW_HALF_OPEN;
    return n;
}

/* True if the flow was allowed to end this way. */
static bool may_end(const struct run *r, const struct model_flow *f, const struct flow_record *e, const struct said *s)
{
    const struct model *m = &r->model;
    const enum flow_class class = flow_state_class(f->state);
    const bool over = deadline(m, f) <= m->now_ns;
    switch ((enum flow_end)e->end) {
    case FLOW_END_CLOSED: return over && e->ended_ns == deadline(m, f) && class == FLOW_CLOSING;
    case FLOW_END_RESET: return over && (f->state == FLOW_STATE_RESET || f->state == FLOW_STATE_SCTP_RESET);
    case FLOW_END_UNANSWERED: return over && (class == FLOW_HALF_OPEN || class == FLOW_ONE_WAY);
    case FLOW_END_IDLE: return over && e->ended_ns == deadline(m, f) && flow_class_is_open(class);
    case FLOW_END_REOPENED: return s && s->makes && s->flow == f && !over;
    case FLOW_END_HALF_OPEN_LIMIT: return s && class == FLOW_HALF_OPEN && half_open(m) >= m->half_open_most;
    case FLOW_END_EVICTED_HALF_OPEN:
    case FLOW_END_EVICTED_CLOSING:
    case FLOW_END_EVICTED_ONE_WAY:
    case FLOW_END_EVICTED_ANSWERED:
    case FLOW_END_EVICTED_LASTING:
    case FLOW_END_EVICTED_ESTABLISHED:
        return s && s->makes && !over && e->end == FLOW_END_EVICTED_HALF_OPEN + (unsigned)class;
    case FLOW_END_REROUTED:
    case FLOW_END_TRANSLATED:
    case FLOW_END_RETRIED:
    case FLOW_END_CUT_INTO:
    case FLOW_END_CUT:
    case FLOW_END_PORT_NEEDED:
    case FLOW_END_SERVER_DOWN: /* because no flow is forwarded here */
    case FLOW_ENDS: break;
    }
    return false;
}

static bool take_events(struct run *r, struct said *s, const struct talk *t, struct totals *totals)
{
    for (unsigned i = 0; i < r->tx.event_count; i++) {
        const struct event *e = &r->events[i];
        if (e->kind != EVENT_FLOW) continue;
        struct model_flow *f = recorded(r, &e->flow);
        if (!f) return wrong(r, "a flow ended that is not there", t);
        if (!may_end(r, f, &e->flow, s)) return wrong(r, flow_end_name((enum flow_end)e->flow.end), t);
        if (s && s->flow == &r->model.flows[r->model.count - 1])
            s->flow = f == s->flow ? NULL : f;
        else if (s && s->flow == f)
            s->flow = NULL;
        drop_flow(&r->model, f);
        totals->ends[e->flow.end]++;
    }
    r->tx.event_count = 0;
    return true;
}

static bool compare_flows(struct run *r, const struct talk *t)
{
    struct flow_record f;
    unsigned n = 0;
    for (uint32_t at = 0; vm_flow_next(executor_vm(r->worker), &at, &f); n++)
        if (!recorded(r, &f)) return wrong(r, "a flow is listed that is not there", t);
    if (n != r->model.count) return wrong(r, "not all flows are listed", t);
    const struct flow_counters *c = executor_counters(r->worker)->flows;
    uint64_t live = 0, ended = 0;
    for (unsigned i = 0; i < FLOW_CLASSES; i++) live += c->live[i];
    for (unsigned i = 0; i < FLOW_ENDS; i++) ended += c->ended[i];
    return (live == n && c->added == live + ended) || wrong(r, "counters do not add up", t);
}

/* ---- running ---- */

static unsigned state_of_rule(const struct run *r, uint32_t rule)
{
    char name[64];
    if (rule >= RULE_DEFAULT) return 9;
    rule_name(r->program, rule, name, sizeof name);
    static const char *const names[] = {"NEW", "ESTABLISHED", "RELATED", "INVALID", "MANY"};
    for (unsigned i = 0; i < 5; i++)
        if (strcmp(name, names[i]) == 0) return i;
    return 9;
}

static unsigned state_of_mark(enum flow_mark mark) { return (unsigned)__builtin_ctz(mark) - 8; }

static bool step(struct run *r, struct totals *totals)
{
    uint8_t bytes[TALK_FRAME_MAX];
    struct talk t;
    struct pkt pkt, *pkts[] = {&pkt};
    struct verdict v;
    draw_talk(&r->talks, &t);
    struct said s = say(&r->model, &t);
    /* expired flows of the tuple go before the flows of its source are counted */
    enum flow_dir dir;
    unsigned stale = 0;
    for (unsigned i = 0; !to_group(&t) && i < r->model.count; i++) {
        const struct model_flow *f = &r->model.flows[i];
        stale += deadline(&r->model, f) <= r->model.now_ns && belongs(f, &t, &t, &dir) && f->open.src == t.src;
    }
    const bool many = r->limited && s.mark == MARK_NEW && held_by(&r->model, &t, &s) - stale > MOST_A_SOURCE;
    const uint32_t len = talk_build(&t, bytes);
    pkt_view(&pkt, bytes, len, len, LINK_ETHER, IFACE_NONE);
    executor_run(r->worker, &r->in, pkts, 1, &v, &r->tx);
    totals->packets++;
    if (v.reason) return wrong(r, reason_name(v.reason), &t);
    if (!take_events(r, &s, &t, totals)) return false;
    if (t.ttl != TALK_TTL_DROPPED) {
        const unsigned want = many ? 4 : state_of_mark(s.mark), got = state_of_rule(r, v.rule);
        totals->states[want]++;
        if (got != want) {
            snprintf(r->why, sizeof r->why, "state %u, but %u was said; ", want, got);
            talk_text(&t, r->why + strlen(r->why), (unsigned)(sizeof r->why - strlen(r->why)));
            return false;
        }
        if (!many) accept(&r->model, &t, &s);
        talk_remember(&r->talks, &t);
    }
    return compare_flows(r, &t);
}

static void pass_time(struct run *r)
{
    static const uint64_t steps[] = {1, 1000, 50000000, S, 10 * S, 61 * S, 119 * S, 121 * S, 7200 * S};
    if (!rng_one_in(&r->rng, 3)) return;
    if (rng_one_in(&r->rng, 10))
        r->in.mono_ns -= S * rng_below(&r->rng, 100);
    else
        r->in.mono_ns += steps[rng_below(&r->rng, rng_one_in(&r->rng, 20) ? 9 : 5)];
    if (r->in.mono_ns > r->model.now_ns) r->model.now_ns = r->in.mono_ns;
}

static struct program *compile_rules(const struct run *r, uint64_t flows, uint64_t half)
{
    char text[1024];
    snprintf(text, sizeof text,
             "limits { flows %" PRIu64 "; half_open %" PRIu64 " }\nfirewall f default accept {\n  drop ttl 9\n%s"
             "  accept state new as NEW\n  accept state established as ESTABLISHED\n  accept state related as RELATED\n"
             "  accept state invalid as INVALID\n}\n",
             flows, half, r->limited ? "  drop state new flows over 3 per source as MANY\n" : "");
    return compiled_text(text);
}

static bool run_one(uint64_t seed, unsigned packets, struct totals *totals)
{
    static struct run r;
    memset(&r, 0, sizeof r);
    r.rng.state = seed;
    r.talks.rng = &r.rng;
    const bool tiny = rng_one_in(&r.rng, 2);
    r.talks.hosts = 2 + rng_below(&r.rng, tiny ? 12 : 3);
    r.talks.chatty = rng_below(&r.rng, 8);
    r.talks.plain = tiny && rng_one_in(&r.rng, 8);
    if (r.talks.plain) r.talks.hosts = r.talks.chatty = 7;
    r.talks.ports = 1 + rng_below(&r.rng, 3);
    r.limited = !r.talks.plain && rng_one_in(&r.rng, 2);
    r.model.half_open_most = tiny ? 4 : 1000;
    r.program = compile_rules(&r, tiny ? 16 : 1000, r.model.half_open_most);
    if (!r.program) return false;
    flow_timeouts(r.program->settings, r.model.timeout_ns);
    r.worker = one_kernel_worker(r.program,
                                 &(struct vm_cfg){.seed = seed, .flow_events = true, .naive = rng_one_in(&r.rng, 4)});
    r.tx = (struct vm_tx){.events = r.events, .event_cap = EVENTS};
    r.facts.generation = 1;
    r.in = (struct vm_in){.mono_ns = 100000 * S, .facts = &r.facts};
    r.model.now_ns = r.in.mono_ns;
    executor_tick(r.worker, &r.in, &r.tx); /* sets the initial time */
    bool good = true;
    for (unsigned i = 0; good && i < packets; i++) {
        pass_time(&r);
        good = step(&r, totals);
        if (good && rng_one_in(&r.rng, 10)) {
            executor_tick(r.worker, &r.in, &r.tx);
            good = take_events(&r, NULL, NULL, totals) && compare_flows(&r, NULL);
        }
    }
    if (!good) printf("# seed %" PRIu64 ": %s\n", seed, r.why);
    one_kernel_free(r.worker);
    program_put(r.program);
    return good;
}

#ifdef __SANITIZE_ADDRESS__ /* because every run allocates its tables again, which is slow with sanitizers */
enum { RUNS = 250 };
#else
enum { RUNS = 2000 };
#endif

int main(int argc, char **argv)
{
    const uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    const unsigned long_run = getenv("LONG") && *getenv("LONG") ? 20 : 1;
    const unsigned runs = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0) : RUNS * long_run;
    const unsigned packets = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 0) : 500;
    static struct totals totals;

    for (unsigned i = 0; i < runs; i++)
        if (!run_one(first + i, packets, &totals)) {
            printf("not ok - flows are what the model says\n# again with: flow_model %" PRIu64 " 1 %u\n", first + i,
                   packets);
            return 1;
        }
    printf("ok - flows are what the model says: %u runs, %" PRIu64 " packets; new %" PRIu64 ", established %" PRIu64
           ", related %" PRIu64 ", invalid %" PRIu64 ", over their number %" PRIu64 "\n",
           runs, totals.packets, totals.states[0], totals.states[1], totals.states[2], totals.states[3],
           totals.states[4]);
    bool all = true; /* a run in which something never happened proves nothing about it */
    for (unsigned i = 0; i < FLOW_ENDS; i++) {
        const bool rare = i >= FLOW_END_EVICTED_CLOSING; /* flow_table covers them */
        if (totals.ends[i] || i == FLOW_END_RETRIED || i == FLOW_END_CUT_INTO || i == FLOW_END_SERVER_DOWN ||
            i == FLOW_END_CUT || i == FLOW_END_REROUTED || i == FLOW_END_TRANSLATED || i == FLOW_END_PORT_NEEDED ||
            rare)
            continue;
        printf("# no flow ended %s\n", flow_end_name((enum flow_end)i));
        all = false;
    }
    for (unsigned i = 0; i < 5; i++) all &= totals.states[i] * 100 > totals.packets;
    printf("%s - every state takes its share, and flows end in every way\n", all ? "ok" : "not ok");
    return all ? 0 : 1;
}
