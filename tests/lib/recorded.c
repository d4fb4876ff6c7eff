/* See recorded.h. */
#include "tests/lib/recorded.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/base/clock.h"
#include "runtime/exchange/iface_id.h"
#include "vm/forward/service.h"
#include "vm/judge/effects.h"
#include "vm/judge/lives.h"
#include "vm/kernel/gate.h"
#include "vm/kernel/kpkt.h"
#include "vm/kernel/given.h"
#include "vm/packet/key.h"

enum { ROOM = IO_HEADROOM + 54, SLOT = ROOM + 65536 + 64, SEED = 7 };

struct recorded {
    struct recorder *recorder;
    struct worker *w;
    struct snapshot *world;
    uint64_t now_ns;
    uint8_t *bytes;
    struct pkt pkts[VM_BATCH], *views[VM_BATCH];
    struct opened opened;
    bool singly;
    struct vm_kernel kernel; /* simulates the kernel */
    struct kernel_world there;
    struct program *program;
    struct lives *lives;
    struct flow_cuts *cuts;
};

static void send_nowhere(struct io_port *io, struct pkt *pkt)
{
    (void)io;
    (void)pkt;
}
static void nothing(struct io_port *io) { (void)io; }
static const struct io_ops nowhere = {.close = nothing, .release = nothing, .send = send_nowhere, .flush = nothing};

static void know(struct snapshot *s, const struct pbc_server *to, uint64_t mac)
{
    struct hop hop = {.key = {.family = to->family, .in = PORT_ANY, .kind = HOP_NEIGHBOUR}, .state = HOP_KNOWN};
    hop.mac = mac;
    memcpy(hop.key.addr, to->addr, sizeof hop.key.addr);
    if (!snapshot_hop(s, &hop.key)) snapshot_add(s, &hop);
}

/* Make routes that put everything on one link. */
static struct routes *one_link(void)
{
    const struct route_way ways[] = {{.kind = ROUTE_ASK, .why = WAY_OTHER}, {.legs = 1, .kind = ROUTE_VIA}};
    const struct route_leg leg = {.mtu = 1500, .up_to = UINT32_MAX};
    const struct route all[] = {{.family = 4, .way = 1}, {.family = 6, .way = 1}};
    const struct route_policy rules[] = {{.rule = {.family = 4}, .suppressed = -1},
                                         {.rule = {.family = 6}, .suppressed = -1}};
    struct routes *r = routes_new(&(struct routes_said){.routes = all,
                                                        .ways = ways,
                                                        .legs = &leg,
                                                        .rules = rules,
                                                        .count = 2,
                                                        .ways_count = 2,
                                                        .legs_count = 1,
                                                        .rules_count = 2},
                                  1);
    if (r) r->number = 1;
    return r;
}

struct snapshot *recorded_snapshot(const struct program *p)
{
    static const uint32_t self[] = {0x0a000009};
    struct facts f = {.generation = 1,
                      .self4 = self,
                      .self4_count = 1,
                      .addr4 = self[0],
                      .mac = 0x020000000009,
                      .mtu = 1500,
                      .ifaces_count = p->ifaces_count + 1};
    struct snapshot *s = snapshot_new(p, &f, 2 * p->servers_count);
    if (!s) return NULL;
    s->number = 1;
    s->devices = 1;
    s->routes = one_link();
    s->port_mac[0] = f.mac;
    struct facts_iface *ifaces = (void *)(uintptr_t)s->facts.ifaces;
    for (unsigned i = 0; i < f.ifaces_count; i++) ifaces[i].peer = IFACE_NONE;
    uint16_t *out = (void *)(uintptr_t)s->facts.server_out;
    for (uint32_t i = 0; i < p->servers_count; i++) {
        out[i] = port_iface_id(p, "eth0", 0);
        know(s, &p->servers[i], 0x020000000100 + i);
    }
    return s;
}

static uint64_t judge_there(void *arg, const struct key *key, const struct pkt *pkt, const struct effects *e,
                            uint64_t *mirrors)
{
    const struct recorded *r = arg;
    struct pkt *const pkts[] = {(struct pkt *)(uintptr_t)pkt};
    decided d;
    run_code(r->w->cfg.program, 0, key, pkts, 1, NULL, e, &d);
    return d;
}

static bool worker_make(struct recorded *r, struct program *p)
{
    struct worker_cfg cfg = {
        .program = p, .workers = 1, .seed = SEED, .tun = -1, .inline_tun = -1, .opened = &r->opened, .patient = true};
    static const uint16_t named[PBC_LIVES_MAX];
    r->program = p;
    r->lives = lives_new(p, SEED);
    r->cuts = flow_cuts_new(&(struct flow_cuts_cfg){.most = 8, .seed = SEED});
    if (!r->lives || !r->cuts) return false;
    lives_cut_by(r->lives, r->cuts, named);
    program_members(p, r->lives);
    cfg.flow_cuts = r->cuts;
    r->kernel = (struct vm_kernel){.arg = r, .judge = judge_there};
    if (r->singly) cfg.kernel = &r->kernel;
    if (r->singly) cfg.world = &r->there;
    struct worker *w = aligned_alloc(64, (sizeof *w + 63) / 64 * 64);
    if (!w || !opened_init(&r->opened, p) || worker_init(w, &cfg)) {
        free(w);
        return false;
    }
    r->w = w;
    w->ports[0] = (struct port){.ops = &nowhere, .peer = PORT_ANY, .iface = port_iface_id(p, "eth0", 0)};
    w->egress.port_count = 1;
    return true;
}

static struct recorded *begin(struct recorded *r, const char *dir, struct program *p, uint64_t most, char *err,
                              size_t err_len)
{
    static const char *const names[] = {"eth0"};
    r->now_ns = clock_ns(CLOCK_MONOTONIC); /* because files note their start by that clock */
    r->bytes = malloc((size_t)VM_BATCH * SLOT);
    r->world = recorded_snapshot(p);
    for (unsigned i = 0; i < VM_BATCH; i++) r->views[i] = &r->pkts[i];
    if (!r->bytes || !r->world || !worker_make(r, p)) abort();
    const struct recorder_cfg cfg = {.snap = UINT32_MAX,
                                     .names = names,
                                     .port = r->w->ports,
                                     .ports = 1,
                                     .devices = 1,
                                     .workers = 1 + r->singly,
                                     .in_kernel = r->singly,
                                     .seed = SEED};
    struct reel reel;
    if (reel_open(&reel, dir, most, err, err_len)) return NULL;
    r->recorder = recorder_new(&cfg, &reel);
    if (!r->recorder) abort();
    recorder_world(r->recorder, r->world, recorder_program(r->recorder, p, NULL));
    worker_record(r->w, recorder_tape(r->recorder, 0), 1);
    if (recorder_start(r->recorder)) abort();
    r->w->latest = r->world;
    worker_look(r->w, r->now_ns);
    return r;
}

struct recorded *recorded_new(const char *dir, struct program *p, uint64_t most, char *err, size_t err_len)
{
    return begin(calloc(1, sizeof(struct recorded)), dir, p, most, err, err_len);
}

struct recorded *recorded_singly(const char *dir, struct program *p, uint64_t most, char *err, size_t err_len)
{
    struct recorded *r = calloc(1, sizeof *r);
    r->singly = true;
    return begin(r, dir, p, most, err, err_len);
}

/* Note a change of a live set as the stages would learn it; here they only look up the source. */
static bool note_member(void *arg, uint32_t live, const uint32_t addr[4], bool v6, bool held)
{
    struct kernel_members *m = arg;
    (void)addr;
    (void)v6;
    m->asked[0] |= UINT64_C(1) << live;
    m->held[0] |= (uint64_t)held << live;
    return held;
}

/* Write the kernel's note on the packet, as if it had been passed up. */
static void put_note(const struct recorded *r, struct pkt *pkt)
{
    struct pkt seen = *pkt;
    struct key key;
    struct kernel_note note = {.magic = KERNEL_NOTE_MAGIC, .wire_len = pkt->wire_len};
    const struct vm_in in = {.mono_ns = r->now_ns, .facts = &r->world->facts};
    seen.iface = r->w->ports[0].iface;
    if (!pkt_parse(&seen, in.facts, &key)) {
        key_settle(r->w->cfg.program, &key);
        vm_state(r->w->vm, &in, &key, &seen);
        const struct lives_ear ear = {note_member, &note.members};
        lives_listen(&ear);
        const struct decision d = program_decide(r->w->cfg.program, &key, &seen);
        lives_listen(NULL);
        note.decision = decided_as(d.rule, (enum action)d.action, d.firewall);
        note.flags = key.kind & KIND_FRAGMENT ? 0 : KERNEL_JUDGED;
        note.states = (uint8_t)((key.marks & MARK_STATES) >> 8);
    }
    memcpy(pkt->data - sizeof note, &note, sizeof note);
}

void recorded_frames(struct recorded *r, const struct capture_frame frames[], unsigned n, uint64_t ns)
{
    r->now_ns += ns;
    for (unsigned i = 0; i < n; i++) {
        const struct capture_frame *f = &frames[i];
        const uint32_t len = f->cap_len < 65536 ? f->cap_len : 65536;
        uint8_t *to = r->bytes + (size_t)i * SLOT + ROOM;
        memcpy(to, f->data, len);
        r->pkts[i] = (struct pkt){.data = to,
                                  .head_len = len,
                                  .cap_len = len,
                                  .wire_len = f->wire_len < len ? len : f->wire_len,
                                  .headroom = IO_HEADROOM,
                                  .link = LINK_ETHER,
                                  .flags = PKT_WRITABLE};
        if (r->singly) put_note(r, &r->pkts[i]);
    }
    if (n) worker_judge(r->w, r->views, n, r->now_ns);
    if (r->now_ns >= r->w->tick_ns) worker_tick(r->w, r->now_ns);
    if (tape_wants(r->w->tape)) worker_tell_state(r->w, r->now_ns, false); /* as if the worker were never idle */
}

static void tell_nobody(void *arg, uint32_t set, uint64_t flows)
{
    (void)arg;
    (void)set;
    (void)flows;
}

void recorded_member(struct recorded *r, uint32_t live, const struct live_net *net, bool adds)
{
    struct live_set *const s = lives_set(r->lives, live);
    lives_at(r->lives, r->now_ns);
    if (!adds) {
        live_remove(s, lives_now(r->lives), net);
        return;
    }
    live_add(s, lives_now(r->lives), net, LIVE_FOREVER, LIVE_SET);
    lives_cut(r->lives, live, net);
    if (!flow_cuts_begin(r->cuts, r->now_ns)) abort();
    while (vm_cut_due(r->w->vm)) worker_tick(r->w, r->now_ns);
    flow_cuts_end(r->cuts, tell_nobody, NULL);
}

void recorded_ask(const struct recorded *r)
{
    tape_ask(r->w->tape, 1, 0);
    r->w->state_by_ns = r->now_ns; /* as if it had waited long enough for an idle turn */
}

void recorded_written(const struct recorded *r)
{
    const struct tape *t = r->w->tape;
    while (__atomic_load_n(&t->taken, __ATOMIC_ACQUIRE) != tape_there(t))
        nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
}

void recorded_moment(struct recorded *r, struct session_moment m)
{
    m.now_ns = r->now_ns;
    m.program = 1;
    moments_put(recorder_moments(r->recorder, 0), &m);
}

void recorded_free(struct recorded *r)
{
    recorder_stop(r->recorder);
    recorder_free(r->recorder);
    worker_fini(r->w);
    free(r->w);
    program_members(r->program, NULL);
    lives_free(r->lives);
    flow_cuts_free(r->cuts);
    snapshot_free(r->world);
    opened_fini(&r->opened);
    free(r->bytes);
    free(r);
}
