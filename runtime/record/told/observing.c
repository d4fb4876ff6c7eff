/* Observed connections in the replay of a recording: with --observed DIR they are written below it. */
#include "runtime/base/complain.h"
#include "runtime/record/told/recording_priv.h"
#include "vm/vm.h"

/* Take an event of a worker. A connection that began before --from is left out. */
static void event_told(void *arg, const struct observe_event *e)
{
    const struct watching *w = arg;
    const struct recording *g = w->g;
    const uint64_t ahead_ns = g->player.story.start.wall_ns;
    if (e->begin_ns + ahead_ns >= g->chosen.from_ns) observed_log_event(g->observing.to.log, w->at, e, ahead_ns);
}

const struct observe_out *observing_program(void *arg, struct actor *a, const struct program *p)
{
    struct recording *g = arg;
    struct recording_observed *to = &g->observing;
    if (!g->o->observed || to->failed) return NULL;
    if (!to->to.log) to->failed = observed_replay_begin(&to->to, g->o->observed);
    if (!to->failed && p->observes_count) {
        to->any = true;
        to->failed = observed_replay_program(&to->to, p);
    }
    to->worker[a->at] = (struct watching){.g = g, .at = a->at, .out = {event_told, &to->worker[a->at]}};
    return to->failed ? NULL : &to->worker[a->at].out;
}

int observing_end(struct recording *g)
{
    struct recording_observed *to = &g->observing;
    if (!g->o->observed) return 0;
    for (unsigned i = 0; g->player.begun && to->to.log && i < g->player.story.start.workers; i++) {
        const struct actor *a = &g->player.actors[i];
        if (a->w) vm_observed_end(a->w->vm, &(struct vm_in){.mono_ns = a->now_ns});
    }
    const int lost = observed_replay_end(&to->to);
    if (!to->any && !to->failed) return complain("--observed: no service of these programs is in mode observe");
    return to->failed ? to->failed : lost;
}
