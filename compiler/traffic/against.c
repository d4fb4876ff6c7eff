/* Each program judges all frames with a separate state; the fates of each frame are compared. */
#include <stdlib.h>
#include <string.h>

#include "compiler/say.h"
#include "compiler/traffic/difference.h"
#include "compiler/traffic/doubts.h"
#include "compiler/traffic/player.h"
#include "compiler/traffic/traffic.h"

/* A frame that at least one of the programs holds. */
struct waiting {
    struct waiting *next;
    struct compared frame;
    bool settled[2];
};

struct comparison {
    struct player players[2];
    struct differences found;
    struct doubts doubts;
    struct reading *reading;
    unsigned self_told; /* reading.self_changes that the players know */
    struct waiting *waiting;
    bool short_of_memory;
};

static void difference_note(struct comparison *c, const struct compared *f)
{
    doubts_judged(&c->doubts, f);
    if (differences_add(&c->found, f) < 0) c->short_of_memory = true;
}

static void frame_settled(void *arg, struct player *p, uint64_t frame, const struct outcome *f)
{
    struct comparison *c = arg;
    const unsigned side = p == &c->players[1];
    for (struct waiting **at = &c->waiting, *w; (w = *at); at = &w->next) {
        if (w->frame.number != frame) continue;
        w->frame.fate[side] = *f;
        w->settled[side] = true;
        if (!w->settled[!side]) return;
        *at = w->next;
        difference_note(c, &w->frame);
        free(w);
        return;
    }
}

/* Keep the frame until both programs have decided it. */
static void wait_for(struct comparison *c, const struct compared *f)
{
    struct waiting *w = malloc(sizeof(*w));
    if (!w) {
        c->short_of_memory = true;
        return;
    }
    *w = (struct waiting){.next = c->waiting, .frame = *f};
    for (unsigned i = 0; i < 2; i++) w->settled[i] = f->fate[i].verdict.action != ACTION_HELD;
    c->waiting = w;
}

/* Take this machine's addresses from a recording, which has them between its frames. */
static void tell_self(struct comparison *c)
{
    for (unsigned i = 0; i < 2 && c->self_told != c->reading->self_changes; i++)
        player_self(&c->players[i], &c->reading->self);
    c->self_told = c->reading->self_changes;
}

static void frame_judge(struct comparison *c, const struct capture_frame *f, uint64_t number)
{
    struct compared frame = {.number = number, .time_ns = f->time_ns, .bytes = f->wire_len};
    struct pkt pkt;
    struct key key;
    tell_self(c);
    player_parse(&c->players[0], f, &pkt, &key);
    doubts_frame(&c->doubts, &key, pkt.reason != REASON_NONE, pkt.iface != IFACE_NONE);
    frame.v6 = key.kind & KIND_IP6;
    frame.flow = differences_flow(&c->found, &key, pkt.reason != REASON_NONE);
    for (unsigned i = 0; i < 2; i++) frame.fate[i] = player_judge(&c->players[i], f, number);
    const bool held = frame.fate[0].verdict.action == ACTION_HELD || frame.fate[1].verdict.action == ACTION_HELD;
    if (held || differences_is(&c->found, &frame)) pkt_describe(&pkt, &key, frame.what, sizeof(frame.what));
    if (held)
        wait_for(c, &frame);
    else
        difference_note(c, &frame);
}

/* Apply addresses that a recording has after its last frame: they replace the earlier ones. */
static void comparison_end(struct comparison *c)
{
    tell_self(c);
    for (unsigned i = 0; i < 2; i++) {
        player_end(&c->players[i]);
        const uint64_t unknown = vm_counters(c->players[i].vm)->ways_unknown;
        if (unknown > c->found.ways_unknown) c->found.ways_unknown = unknown;
    }
    while (c->waiting) {
        struct waiting *w = c->waiting;
        c->waiting = w->next;
        difference_note(c, &w->frame);
        free(w);
    }
}

/* Register a name. Both programs number ports alike, since both get the same names in the same order. */
static int capture_named(void *arg, const char *path, const char *name)
{
    struct comparison *c = arg;
    const int port = ports_named(&c->players[0].ports, path, name);
    return ports_named(&c->players[1].ports, path, name) == port ? port : -1;
}

static int go_through(struct comparison *c, struct reading *r, FILE *out)
{
    struct capture_frame f;
    capture_ports(r->capture, 0, r->options.on ? NULL : capture_named, c);
    while (!c->short_of_memory && reading_next(r, &f))
        if (!reading_sent(&f)) frame_judge(c, &f, r->frames);
    comparison_end(c);
    c->short_of_memory |= r->short_of_memory;
    progress_end(&r->progress);
    if (c->short_of_memory) {
        say(stderr, "preyc: out of memory");
        return -1;
    }
    const bool any = differences_print(&c->found, &c->doubts, r->options.json, reading_unread(r), out);
    fflush(out);
    return reading_end(r) < 0 ? -1 : any;
}

int against(struct program *old, struct program *new, const char *const names[2], const struct traffic *t, FILE *out)
{
    struct comparison *c = calloc(1, sizeof(*c));
    struct reading r = {0};
    int result = -1;
    if (!c || differences_init(&c->found) < 0) {
        say(stderr, "preyc: out of memory");
        free(c);
        return -1;
    }
    struct program *const programs[2] = {old, new};
    bool open = reading_open(&r, t) == 0;
    for (unsigned i = 0; i < 2 && open; i++) {
        open = player_open(&c->players[i], programs[i], &r, names[i]) == 0;
        c->players[i].settled = frame_settled;
        c->players[i].arg = c;
        c->found.labels[i] = &c->players[i].shop.labels;
    }
    if (open) addresses_doubts(&c->players[1].routes.addresses, &c->players[1].shop.facts, workshop_notice, NULL);
    doubts_init(&c->doubts, programs, names, &c->players[1].shop.facts, r.said);
    c->reading = &r;
    if (open) result = go_through(c, &r, out);
    for (unsigned i = 0; i < 2; i++) player_close(&c->players[i]);
    differences_fini(&c->found);
    reading_close(&r);
    free(c);
    return result;
}
