/* See recorded.h. */
#include "runtime/live/recorded.h"

#include <string.h>

int recorded_open(struct live *l)
{
    const struct options *o = l->o;
    char err[400];
    if (!o->record) return 0;
    const struct worker_cfg *w = &l->workers[0]->cfg;
    const struct recorder_cfg cfg = {.dir = o->record,
                                     .size = o->record_size,
                                     .snap = o->record_snap,
                                     .names = o->ifaces,
                                     .port = l->workers[0]->ports,
                                     .ports = l->port_count,
                                     .devices = o->iface_count,
                                     .workers = l->worker_count,
                                     .seed = w->seed,
                                     .forwards = w->forwards};
    l->recorder = recorder_new(&cfg, err, sizeof err);
    if (!l->recorder) return live_complain("--record: %s", err);
    l->now.number = recorder_program(l->recorder, l->now.program, NULL);
    for (unsigned i = 0; i < l->worker_count; i++) worker_record(l->workers[i], recorder_tape(l->recorder, i));
    return 0;
}

int recorded_start(struct live *l)
{
    const int failed = l->recorder ? recorder_start(l->recorder) : 0;
    if (!failed) return 0;
    recorder_free(l->recorder);
    l->recorder = NULL;
    return live_complain("--record %s: %s", l->o->record, strerror(-failed));
}

void recorded_end(struct live *l)
{
    if (l->recorder) recorder_stop(l->recorder);
}

void recorded_tick(struct live *l)
{
    if (!l->recorder) return;
    const struct recorder_counters c = recorder_counters(l->recorder);
    if (c.lost == l->record_lost) return;
    events_tell(&l->events, TOLD_RECORDER, "--record %s: %s; what came meanwhile is missing in it", l->o->record,
                c.failed ? strerror(-c.failed) : "frames came faster than they could be written");
    l->record_lost = c.lost;
}

void recorded_world(struct live *l, const struct snapshot *s)
{
    if (l->recorder) recorder_world(l->recorder, s, l->now.number);
}

void recorded_change(struct live *l, const struct record_change *change)
{
    if (l->recorder) l->now.number = recorder_program(l->recorder, l->now.program, change);
}
