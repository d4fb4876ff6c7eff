#include "runtime/live/carry/recorded.h"

#include <string.h>

#include "runtime/kernel/run/events.h"
#include "runtime/live/carry/kernel/in_kernel.h"
#include "runtime/live/control/trace/onlookers.h"

int recorded_look(struct live *l)
{
    char err[600];
    if (!l->o->record) return 0;
    const int failed = reel_open(&l->reel, l->o->record, l->o->record_size, err, sizeof err);
    return failed ? live_complain("--record: %s", err) : 0;
}

/* The recorder's thread asks the parent. */
static int make_file(void *arg, uint64_t number)
{
    const struct live *l = arg;
    char err[600];
    int fd;
    const int failed = ask_recording(l->channel, number, &fd, err, sizeof err);
    return failed ? failed : fd;
}

static void remove_file(void *arg, uint64_t number)
{
    const struct live *l = arg;
    char err[600];
    ask_recording_gone(l->channel, number, err, sizeof err);
}

static int shorten_file(void *arg, uint64_t number, uint64_t bytes)
{
    const struct live *l = arg;
    char err[600];
    return ask_recording_shorter(l->channel, number, bytes, err, sizeof err);
}

int recorded_open(struct live *l)
{
    const struct options *o = l->o;
    if (!o->record) return 0;
    reel_leave(&l->reel, &(struct reel_maker){make_file, remove_file, shorten_file, l});
    const struct worker_cfg *w = &l->workers[0]->cfg;
    const struct recorder_cfg cfg = {.snap = o->record_snap,
                                     .names = o->ifaces,
                                     .port = l->workers[0]->ports,
                                     .ports = l->port_count,
                                     .devices = o->iface_count,
                                     .workers = l->worker_count + l->in_kernel,
                                     .in_kernel = l->in_kernel,
                                     .seed = w->seed,
                                     .forwards = w->forwards};
    l->recorder = recorder_new(&cfg, &l->reel);
    if (!l->recorder) return live_complain("out of memory");
    l->now.number = recorder_program(l->recorder, l->now.program, NULL);
    for (unsigned i = 0; i < l->worker_count; i++)
        worker_record(l->workers[i], recorder_tape(l->recorder, i), l->now.number);
    in_kernel_samples(l);
    return 0;
}

struct moments *recorded_moments(const struct live *l, unsigned worker)
{
    return l->recorder ? recorder_moments(l->recorder, worker) : NULL;
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

/* Behind the workers' tapes there is one of what the kernel judged. The worker stands still where flows are followed.
 */
void recorded_sample(struct live *l, const struct sampled *s)
{
    struct tape *t = recorder_tape(l->recorder, l->worker_count);
    struct pkt copy = *s->pkt;
    struct flow_met met;
    const struct kernel_event_sample *said = s->said;
    const uint64_t world = l->latest->number;
    if ((uint32_t)world != s->world) return; /* of a world that is past */
    tape_single(t, (struct pkt *const[]){&copy}, 1, s->now_ns, tape_place(l->now.number, world));
    const struct met_told told = {&said->flow, said->slot, (uint8_t)said->met, s->now_ns};
    vm_met(l->workers[0]->vm, &told, &met);
    tape_met(t, &met, 1);
    tape_single_verdicts(t, s->verdict, &s->asked, 1);
}
