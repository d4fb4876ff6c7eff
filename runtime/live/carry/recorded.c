#include "runtime/live/carry/recorded.h"

#include <string.h>

#include "runtime/live/carry/sampled.h"
#include "runtime/live/tell/log.h"
#include "vm/kernel/events.h"

int recorded_look(struct live *l)
{
    char err[600];
    if (!l->o->record) return 0;
    const int failed = reel_open(&l->carry.reel, l->o->record, l->o->record_size, err, sizeof err);
    return failed ? live_complain("--record: %s", err) : 0;
}

/* The recorder's thread asks the parent. */
static int make_file(void *arg, uint64_t number)
{
    const struct live *l = arg;
    char err[600];
    int fd;
    const int failed = ask_recording(l->tell.channel, number, &fd, err, sizeof err);
    return failed ? failed : fd;
}

static void remove_file(void *arg, uint64_t number)
{
    const struct live *l = arg;
    char err[600];
    ask_recording_gone(l->tell.channel, number, err, sizeof err);
}

static int shorten_file(void *arg, uint64_t number, uint64_t bytes)
{
    const struct live *l = arg;
    char err[600];
    return ask_recording_shorter(l->tell.channel, number, bytes, err, sizeof err);
}

int recorded_open(struct live *l)
{
    const struct options *o = l->o;
    if (!o->record) return 0;
    reel_leave(&l->carry.reel, &(struct reel_maker){make_file, remove_file, shorten_file, l});
    const struct worker_cfg *w = &l->carry.workers[0]->cfg;
    const struct recorder_cfg cfg = {.snap = o->record_snap,
                                     .names = o->ifaces,
                                     .port = l->carry.workers[0]->ports,
                                     .ports = l->carry.port_count,
                                     .devices = o->iface_count,
                                     .workers = l->carry.worker_count + l->carry.in_kernel,
                                     .in_kernel = l->carry.in_kernel,
                                     .seed = w->seed,
                                     .forwards = w->forwards};
    l->carry.recorder = recorder_new(&cfg, &l->carry.reel);
    if (!l->carry.recorder) return live_complain("out of memory");
    l->carry.now.number = recorder_program(l->carry.recorder, l->carry.now.program, NULL);
    for (unsigned i = 0; i < l->carry.worker_count; i++)
        worker_record(l->carry.workers[i], recorder_tape(l->carry.recorder, i), l->carry.now.number);
    return 0;
}

struct moments *recorded_moments(const struct live *l, unsigned worker)
{
    return l->carry.recorder ? recorder_moments(l->carry.recorder, worker) : NULL;
}

int recorded_start(struct live *l)
{
    const int failed = l->carry.recorder ? recorder_start(l->carry.recorder) : 0;
    if (!failed) return 0;
    recorder_free(l->carry.recorder);
    l->carry.recorder = NULL;
    return live_complain("--record %s: %s", l->o->record, strerror(-failed));
}

void recorded_end(struct live *l)
{
    if (l->carry.recorder) recorder_stop(l->carry.recorder);
}

void recorded_tick(struct live *l)
{
    if (!l->carry.recorder) return;
    const struct recorder_counters c = recorder_counters(l->carry.recorder);
    if (c.lost == l->carry.record_lost) return;
    events_tell(&l->tell.events, TOLD_RECORDER, "--record %s: %s; what came meanwhile is missing in it", l->o->record,
                c.failed ? strerror(-c.failed) : "frames came faster than they could be written");
    l->carry.record_lost = c.lost;
}

void recorded_world(struct live *l, const struct snapshot *s)
{
    if (l->carry.recorder) recorder_world(l->carry.recorder, s, l->carry.now.number);
}

void recorded_change(struct live *l, const struct record_change *change)
{
    if (l->carry.recorder) l->carry.now.number = recorder_program(l->carry.recorder, l->carry.now.program, change);
}

/* Behind the workers' tapes there is one of what the kernel judged. The worker stands still where flows are followed.
 */
void recorded_sample(struct live *l, const struct sampled *s)
{
    struct tape *t = recorder_tape(l->carry.recorder, l->carry.worker_count);
    struct pkt copy = *s->pkt;
    struct flow_met met;
    const struct kernel_event_sample *said = s->said;
    const uint64_t world = l->carry.latest->number;
    if ((uint32_t)world != s->world) return; /* of a world that is past */
    tape_single(t, (struct pkt *const[]){&copy}, 1, s->now_ns, tape_place(l->carry.now.number, world));
    const struct met_told told = {&said->flow, said->slot, (uint8_t)said->met, s->now_ns};
    vm_met(l->carry.workers[0]->vm, &told, &met);
    tape_met(t, &met, 1);
    tape_single_verdicts(t, s->verdict, &s->asked, 1);
}
