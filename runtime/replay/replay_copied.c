/* Copies of packets as they came, and of those that left, go on a tape that is written at each turn */
#include <stdlib.h>

#include "runtime/replay/replay_priv.h"

enum { PORTS_KNOWN = TAPE_TO_HOST };

static uint64_t copied_port(const struct replay_copied *c, uint16_t iface)
{
    const unsigned known = c->pass->r->program->ifaces_count;
    return iface < known && iface < PORTS_KNOWN ? iface : TAPE_TO_HOST;
}

/* Copy a packet as it came, for the vm */
static void copied_as_came(void *arg, unsigned mirror, const struct pkt *pkt)
{
    const struct replay_copied *c = arg;
    struct copying *to = copies_worker(c->to.copies, 0);
    struct pkt seen = *pkt;
    seen.cookie = copied_port(c, pkt->iface);
    /* time of its frame; for a frame that was held, the clock's time */
    const uint64_t at = pkt->cookie - c->pass->read - 1;
    to->now_ns = at < VM_BATCH ? c->pass->frames[at].time_ns : c->pass->clock.now_ns;
    copying_copy(to, mirror, &seen);
}

static void copy_sent(const struct replay_copied *c, const struct pkt *pkt, uint16_t iface, uint64_t time_ns)
{
    struct copying *to = copies_worker(c->to.copies, 0);
    struct pkt seen = *pkt;
    seen.cookie = copied_port(c, iface);
    to->now_ns = time_ns;
    copying_sent(to, &seen);
}

void replay_copied_left(struct replay_copied *c, const struct tx_entry *e, uint64_t time_ns)
{
    uint8_t room[SENT_MOST];
    struct capture_frame f;
    struct pkt sent;
    if (!c->table || !e->pkt->mirrors) return;
    if (e->kind != TX_SEND) {
        copy_sent(c, e->pkt, e->pkt->iface, time_ns);
    } else if (!sent_frame(e, room, &f)) {
        pkt_view(&sent, f.data, f.cap_len, f.wire_len, LINK_ETHER, e->pkt->iface);
        sent.segment = e->pkt->segment;
        sent.mirrors = e->pkt->mirrors;
        copy_sent(c, &sent, (uint16_t)f.iface, time_ns);
    }
}

void replay_copied_stays(struct replay_copied *c)
{
    struct pass *p = c->pass;
    for (unsigned i = p->call, end = p->call + p->called; c->table && i < end; i++) {
        const struct verdict *v = &p->judged[i];
        const bool lets = v->action == ACTION_ACCEPT || v->action == ACTION_PASS;
        if (lets && !v->done) copy_sent(c, &p->pkts[i], p->pkts[i].iface, p->frames[i].time_ns);
    }
}

void replay_copied_turn(struct replay_copied *c)
{
    if (c->table) copies_turn(c->to.copies);
}

int replay_copied_open(struct replay_copied *c, const struct subject *r)
{
    const struct program *p = r->program;
    char err[600];
    *c = (struct replay_copied){.out = {copied_as_came, c}};
    if (r->o->copies && !p->mirrors_count) return complain("--copies: no rule of %s is a `mirror`", r->o->program);
    if (!p->mirrors_count) return 0;
    c->names = calloc(p->ifaces_count + 1u, sizeof *c->names);
    if (!c->names) return complain("out of memory");
    const unsigned known = p->ifaces_count < PORTS_KNOWN ? p->ifaces_count : PORTS_KNOWN;
    for (unsigned i = 0; i < known; i++) c->names[i] = program_str(p, p->ifaces[i].device);
    const struct copies_cfg cfg = {.workers = 1, .names = c->names, .devices = known, .rest = "other"};
    if (replayed_begin(&c->to, &cfg, r->o->copies, err, sizeof err)) return complain("--copies: %s", err);
    if (copies_program(c->to.copies, p, &c->table, err, sizeof err)) return complain("--copies: %s", err);
    copies_worker(c->to.copies, 0)->table = c->table;
    return 0;
}

int replay_copied_close(struct replay_copied *c)
{
    const int status = replayed_flush(&c->to);
    replayed_end(&c->to);
    free(c->names);
    return status;
}
