/* An actor's worker. Its ports lead nowhere, and packets for the host go to /dev/null. Its tape shows what it sends. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "runtime/record/again/actor.h"

static void send_nowhere(struct io_port *io, struct pkt *pkt) {}
static void nothing(struct io_port *io) {}

static const struct io_ops nowhere = {
    .name = "nowhere", .close = nothing, .release = nothing, .send = send_nowhere, .flush = nothing};

uint8_t actor_routes(const struct story *t, const struct program *p)
{
    unsigned plain = 0;
    for (unsigned i = 0; i < t->start.devices; i++) plain += t->start.port[i].peer == PORT_ANY;
    if (routed_wanted(p, plain, t->start.forwards)) return ROUTED_BOTH;
    return routed_hidden(p, plain) ? t->start.forwards >> 1 : 0;
}

void actor_init(struct actor *a, const struct story *t, unsigned at, const struct actor_watch *watch)
{
    *a = (struct actor){.story = t, .watch = watch, .at = at};
    for (unsigned i = 0; i < VM_BATCH; i++) a->views[i] = &a->pkts[i];
    uint64_t seed = 0;
    (void)!getrandom(&seed, sizeof seed, GRND_NONBLOCK);
    heard_again_init(&a->members, seed);
}

void actor_unmake(struct actor *a)
{
    if (a->w) {
        close(a->w->cfg.tun);
        worker_fini(a->w);
    }
    free(a->w);
    free(a->bytes);
    tape_fini(&a->tape);
    a->w = NULL;
    a->bytes = NULL;
}

static void flow_ended(void *arg, const struct flow_record *f)
{
    const struct actor *a = arg;
    a->watch->ended(a->watch->arg, a, f);
}

static uint64_t shared_hear(void *arg, uint64_t value)
{
    struct actor *a = arg;
    if (a->heard_at < a->heard_count) return a->heard[a->heard_at++];
    a->unheard = true;
    return 0;
}

/* Map another program's live sets to the recorded ones with the same names. */
static void members_name(struct actor *a, const struct program *judges)
{
    if (a->knows == a->ran) return;
    a->knows = a->ran;
    for (uint32_t i = 0; i < judges->lives_count; i++)
        a->same[i] = lives_find(a->ran->p, program_str(judges, judges->lives[i].name));
}

void actor_members(struct actor *a)
{
    a->members.same = a->program ? NULL : a->same;
    if (!a->program) members_name(a, a->story->other);
}

int actor_make(struct actor *a, const struct told_program *program)
{
    const struct story *t = a->story;
    a->program = program;
    a->want = a->got = 0;
    a->ticks = a->inline_sent = a->asks = false;
    heard_again_clear(&a->members);
    a->cuts = (struct vm_cuts){.again = a->cut};
    a->again.cuts = &a->cuts;
    a->again.members = t->start.version >= RECORD_HEARD ? &a->members.ear : NULL;
    actor_members(a);
    a->heard_count = a->heard_at = 0;
    struct program *p = program ? program->p : t->other;
    const struct worker_cfg cfg = {.program = p,
                                   .ages_us = a->ages_us,
                                   .observed = a->watch->observed ? a->watch->observed(a->watch->arg, a, p) : NULL,
                                   .worker = a->at,
                                   .workers = t->start.workers,
                                   .hear = program && t->start.workers > 1 ? shared_hear : NULL,
                                   .hear_arg = a,
                                   .seed = t->start.seed,
                                   .inline_share = {.half_open = t->inline_half_open},
                                   .tun = open("/dev/null", O_WRONLY | O_CLOEXEC),
                                   .inline_tun = -1,
                                   .again = &a->again,
                                   .opened = program ? &program->opened : &t->other_opened,
                                   .forwards = t->start.forwards,
                                   .routes = actor_routes(t, p),
                                   .patient = true,
                                   .log = a->watch->logged,
                                   .ended = a->watch->ended ? flow_ended : NULL,
                                   .ended_arg = a};
    a->bytes = malloc((size_t)VM_BATCH * ACTOR_SLOT);
    struct worker *w = aligned_alloc(64, (sizeof *w + 63) / 64 * 64);
    if (w && !worker_init(w, &cfg)) {
        a->w = w;
        if (!a->bytes || tape_init(&a->tape, TAPE_BYTES, t->start.snap, 0)) return -ENOMEM;
        const uint16_t *iface = a->program ? a->program->iface : t->other_iface;
        for (unsigned i = 0; i < t->start.ports; i++)
            a->w->ports[i] = (struct port){.ops = &nowhere,
                                           .at = (uint8_t)i,
                                           .peer = t->start.port[i].peer,
                                           .hidden = t->start.port[i].how & RECORD_HIDDEN,
                                           .iface = iface[i]};
        a->w->egress.port_count = t->start.ports;
        worker_record(a->w, &a->tape, a->program ? a->program->number : 0);
        if (a->watch->copies) a->watch->copies(a->watch->arg, a, cfg.program);
        return 0;
    }
    if (w) worker_fini(w);
    if (cfg.tun >= 0) close(cfg.tun);
    free(w);
    return -ENOMEM;
}

bool actor_room(struct actor *a)
{
    if (!a->bytes) a->bytes = malloc((size_t)VM_BATCH * ACTOR_SLOT);
    if (!a->bytes) actor_stop(a, "out of memory");
    return a->bytes;
}

int actor_begin(struct actor *a)
{
    if (a->story->start.in_kernel) return 0;
    a->ran = a->story->programs[a->story->programs_count - 1];
    return actor_make(a, a->story->other ? NULL : a->ran);
}

void actor_fini(struct actor *a)
{
    actor_unmake(a);
    free(a->heard);
    heard_again_fini(&a->members);
    *a = (struct actor){0};
}
