/* Copies of packets in the replay of a recording: nothing is sent; with --copies DIR they are kept in files. */
#include "runtime/base/complain.h"
#include "runtime/record/told/recording_priv.h"

static int played_begin(struct recording *g)
{
    const struct story *t = &g->player.story;
    struct copied *c = &g->copied;
    for (unsigned i = 0; i < t->start.devices; i++) c->names[i] = t->name[i];
    const struct copies_cfg cfg = {.workers = t->start.workers,
                                   .names = c->names,
                                   .devices = t->start.devices,
                                   .ahead_ns = t->start.wall_ns,
                                   .from_ns = g->chosen.from_ns};
    return replayed_begin(&c->to, &cfg, g->o->copies, c->fault, sizeof c->fault);
}

const struct copies_table *played_program(void *arg, struct actor *a, const struct program *p)
{
    struct recording *g = arg;
    struct copied *c = &g->copied;
    const struct copies_table *table = NULL;
    if (!p->mirrors_count || *c->fault || (!c->to.copies && played_begin(g))) return NULL;
    if (copies_program(c->to.copies, p, &table, c->fault, sizeof c->fault)) return NULL;
    if (!a->w->copying) worker_copy(a->w, copies_worker(c->to.copies, a->at), table);
    return c->table = table;
}

void played_turn(struct recording *g)
{
    if (g->copied.to.copies) copies_turn(g->copied.to.copies);
}

int played_end(struct recording *g)
{
    struct copied *c = &g->copied;
    if (*c->fault) return complain("--copies: %s", c->fault);
    const int status = replayed_flush(&c->to);
    if (!status && g->o->copies && !c->table) return complain("--copies: no rule of these programs is a `mirror`");
    return status;
}
