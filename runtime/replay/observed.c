/* The vm's events go straight to the log, without a thread */
#include "runtime/replay/observed.h"

#include "runtime/base/complain.h"
#include "runtime/replay/replay_priv.h"

static void told(void *arg, const struct observe_event *e)
{
    const struct replay_observed *o = arg;
    observed_log_event(o->to.log, 0, e, 0);
}

int replay_observed_open(struct replay_observed *o, const struct subject *r)
{
    const char *dir = r->o->observed;
    *o = (struct replay_observed){.out = {told, o}};
    if (!dir) return 0;
    if (!r->program->observes_count) return complain("--observed: no service of %s is in mode observe", r->o->program);
    const int failed = observed_replay_begin(&o->to, dir);
    return failed ? failed : observed_replay_program(&o->to, r->program);
}

int replay_observed_close(struct replay_observed *o) { return observed_replay_end(&o->to); }

const struct observe_out *replay_observed_out(const struct replay_observed *o) { return o->to.log ? &o->out : NULL; }
