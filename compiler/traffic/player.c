/* A sum over the packets sent for a frame represents them: two programs are compared by it */
#include "compiler/traffic/player.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "compiler/say.h"
#include "vm/forward/service.h"
#include "vm/vm.h"

/* The clock is a replay's: timers run a second after an event, at most TICKS_MOST times between two frames. */
enum { COARSE_NS = 1000000, TICKS_MOST = 128 };
#define ASK_AFTER_NS UINT64_C(1000000000)

static uint64_t sum_mix(uint64_t sum, uint64_t v)
{
    sum = (sum ^ v) * UINT64_C(0x9e3779b97f4a7c15);
    return sum ^ sum >> 29;
}

static uint64_t mix_text(uint64_t sum, const char *text)
{
    while (*text) sum = sum_mix(sum, (uint8_t)*text++);
    return sum;
}

/* Return a sum of the frame's destination. The source port is left out, because translations draw it. */
static uint64_t where(const struct player *p, const struct tx_entry *e)
{
    const struct program *program = p->shop.program;
    struct pkt pkt = *e->pkt;
    struct key key;
    uint64_t sum = sum_mix(1, e->cause);
    pkt_parse(&pkt, &p->shop.facts, &key);
    for (unsigned i = 0; i < 4; i++) sum = sum_mix(sum_mix(sum, key.src[i]), key.dst[i]);
    sum = sum_mix(sum, (uint64_t)key.proto << 32 | (uint64_t)key.dst_port << 16 | (uint64_t)key.icmp_type << 8 |
                           key.icmp_code);
    for (unsigned i = 0; e->family && i < 4; i++) sum = sum_mix(sum, e->next_hop[i]);
    if (e->out_if < program->ifaces_count) sum = mix_text(sum, program_str(program, program->ifaces[e->out_if].device));
    return sum;
}

/* Sum up the packets sent for the last frame, and report the fate of frames that were held. */
static uint64_t player_leave(struct player *p)
{
    uint64_t sent = 0;
    for (unsigned i = 0; i < p->tx.count; i++) {
        const struct tx_entry *e = &p->entries[i];
        const uint64_t to = e->kind == TX_SEND ? where(p, e) : 0;
        if (e->cause == TX_CAUSE_HELD) {
            const struct outcome f = {.verdict = e->verdict, .sent = to};
            p->settled(p->arg, p, e->cookie, &f);
        } else {
            sent += to;
        }
        pool_put(e->pkt);
    }
    p->tx.count = p->tx.event_count = 0;
    return sent;
}

static void tick_to(struct player *p, uint64_t now_ns)
{
    for (unsigned i = 0; i < TICKS_MOST && p->tick_ns <= now_ns; i++) {
        const uint64_t at = i + 1 < TICKS_MOST ? p->tick_ns : now_ns;
        const struct vm_in in = workshop_in(&p->shop, at);
        const uint64_t next = vm_tick(p->vm, &in, &p->tx);
        p->now_ns = at;
        player_leave(p);
        p->tick_ns = next > at ? next : at + COARSE_NS;
    }
}

struct outcome player_judge(struct player *p, const struct capture_frame *f, uint64_t number)
{
    const uint64_t step = f->time_ns - f->time_ns % p->step_ns, now = step > p->now_ns ? step : p->now_ns;
    struct pkt pkt;
    struct outcome fate;
    tick_to(p, now);
    p->now_ns = now;
    const struct vm_in in = workshop_in(&p->shop, now);
    pkt_view(&pkt, f->data, f->cap_len, f->wire_len, f->link, p->ports.id[f->port]);
    pkt.cookie = number;
    vm_run(p->vm, &in, (struct pkt *const[]){&pkt}, 1, &fate.verdict, &p->tx);
    if (p->streams) streams_judged(p->streams, &in, &pkt, number, &fate.verdict);
    fate.sent = player_leave(p);
    const uint64_t ns = fate.verdict.action == ACTION_HELD ? FRAG_HOLD_NS : ASK_AFTER_NS;
    if (p->tick_ns > p->now_ns + ns) p->tick_ns = p->now_ns + ns;
    return fate;
}

void player_end(struct player *p) { tick_to(p, p->now_ns + 2 * FRAG_HOLD_NS); }

void player_parse(struct player *p, const struct capture_frame *f, struct pkt *pkt, struct key *key)
{
    pkt_view(pkt, f->data, f->cap_len, f->wire_len, f->link, p->ports.id[f->port]);
    pkt_parse(pkt, &p->shop.facts, key);
    key_settle(p->shop.program, key);
    ways_settle(p->shop.program, &p->shop.facts, key, pkt);
}

int player_open(struct player *p, struct program *program, const struct reading *r, const char *path)
{
    char err[600];
    bool failed = false;
    int unread = 0;
    *p = (struct player){.step_ns = program->meters_count ? 1 : COARSE_NS, .tick_ns = UINT64_MAX};
    p->tx.entries = p->entries;
    p->tx.cap = VM_BATCH * VM_TX_PER_PACKET;
    unread = known_routes_read(&p->routes, &r->routes, program, err, sizeof(err));
    if (!unread && ports_init(&p->ports, program, &r->options, &p->routes.addresses, err, sizeof(err)) < 0)
        unread = -EINVAL;
    if (!unread && workshop_open(&p->shop, program, &r->self) == 0) {
        addresses_are_self(&p->routes.addresses, &p->shop.facts);
        known_routes_tell(&p->routes, &p->shop.facts, true);
        p->vm = workshop_vm(&p->shop);
    }
    if (p->vm) p->streams = streams_new(program, 0, false, &failed);
    if (p->vm && !failed) return 0;
    if (unread == -EINVAL) {
        say(stderr, "preyc: %s", err);
        return -1;
    }
    say(stderr, "preyc: %s: out of memory: lower the `limits` of the rules", path);
    return -1;
}

void player_self(struct player *p, const struct facts *self)
{
    struct facts *f = &p->shop.facts;
    f->generation++;
    f->self4 = self->self4;
    f->self4_count = self->self4_count;
    f->self6 = self->self6;
    f->self6_count = self->self6_count;
    f->addr4 = self->addr4;
    memcpy(f->addr6, self->addr6, sizeof(f->addr6));
    addresses_are_self(&p->routes.addresses, f);
    addresses_tell(&p->routes.addresses, f, true);
}

void player_close(struct player *p)
{
    streams_free(p->streams);
    vm_free(p->vm);
    ports_fini(&p->ports);
    known_routes_fini(&p->routes);
    workshop_close(&p->shop);
}
