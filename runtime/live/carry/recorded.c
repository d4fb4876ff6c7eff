/* The parent makes files, on the recorder's request; worlds and changes go on the main thread's tape */
#include "runtime/live/carry/recorded.h"

#include <errno.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/base/complain.h"
#include "runtime/host/file/recordings.h"
#include "runtime/kernel/run/events.h"

/* Complain; at: the directory, unless `why` names it. */
static int refuse_record(const char *at, const char *why, int failed)
{
    const char *mend = recordings_mend(failed);
    return complain("--record%s%s: %s%s%s", *at ? " " : "", at, why, *mend ? "; to fix it: " : "", mend);
}

int recorded_look(struct carry *carry)
{
    char err[600];
    if (!carry->o->record) return 0;
    struct reel *reel = &carry->record.reel;
    int failed = reel_open(reel, carry->o->record, carry->o->record_size, err, sizeof err);
    if (failed == -EBUSY &&
        carry->takes) { /* the instance that hands over holds the directory: the recorder waits for it */
        reel_close(reel);
        failed = reel_open(reel, carry->o->record, 0, err, sizeof err);
        reel->most = carry->o->record_size;
    }
    return failed ? refuse_record("", err, failed) : 0;
}

/* Ask the parent for a new file, on the recorder's thread. */
static int make_file(void *arg, uint64_t number)
{
    const struct carry *carry = arg;
    int fd = -EPROTO;
    const struct request_recording asked = {.number = number, .what = RECORDING_MAKE};
    const int given = ask_RECORDING(carry->tell->channel, &asked, &fd, NULL, 0);
    return given < 0 ? given : fd;
}

static void remove_file(void *arg, uint64_t number)
{
    const struct carry *carry = arg;
    const struct request_recording asked = {.number = number, .what = RECORDING_REMOVE};
    ask_RECORDING(carry->tell->channel, &asked, NULL, NULL, 0);
}

static int shorten_file(void *arg, uint64_t number, uint64_t bytes)
{
    const struct carry *carry = arg;
    const struct request_recording asked = {.number = number, .bytes = bytes, .what = RECORDING_SHORTEN};
    return ask_RECORDING(carry->tell->channel, &asked, NULL, NULL, 0);
}

static int file_there(void *arg, uint64_t number, uint64_t *bytes)
{
    const struct carry *carry = arg;
    const struct request_recording asked = {.number = number};
    return ask_RECORDING_THERE(carry->tell->channel, &asked, bytes, NULL, 0);
}

int recorded_open(struct carry *carry)
{
    const struct options *o = carry->o;
    if (!o->record) return 0;
    reel_leave(&carry->record.reel, &(struct reel_maker){make_file, remove_file, shorten_file, file_there, carry});
    const struct worker_cfg *w = &carry->workers[0]->cfg;
    const struct recorder_cfg cfg = {.snap = o->record_snap,
                                     .names = o->ifaces,
                                     .port = carry->workers[0]->ports,
                                     .ports = carry->ports.count,
                                     .bare = carry->bare,
                                     .devices = o->iface_count,
                                     .workers = carry->worker_count + carry->in_kernel,
                                     .takes = carry->takes,
                                     .in_kernel = carry->in_kernel,
                                     .seed = w->seed,
                                     .inline_half_open = w->inline_share.half_open,
                                     .forwards = w->forwards,
                                     .forwards4 = carry->forwards.ip4,
                                     .forwards6 = carry->forwards.ip6};
    carry->record.to = recorder_new(&cfg, &carry->record.reel);
    if (!carry->record.to) return complain("out of memory");
    carry->now.number = recorder_program(carry->record.to, carry->now.program, NULL);
    for (unsigned i = 0; i < carry->worker_count; i++)
        worker_record(carry->workers[i], recorder_tape(carry->record.to, i), carry->now.number);
    return 0;
}

struct moments *recorded_moments(const struct carry *carry, unsigned worker)
{
    return carry->record.to ? recorder_moments(carry->record.to, worker) : NULL;
}

int recorded_start(struct carry *carry)
{
    const int failed = carry->record.to ? recorder_start(carry->record.to) : 0;
    const uint64_t now = clock_ns(CLOCK_MONOTONIC);
    for (unsigned i = 0; i < carry->worker_count && carry->record.to && carry->takes && !carry->in_kernel && !failed;
         i++)
        worker_tell_state(carry->workers[i], now, true);
    if (!failed) return 0;
    recorder_free(carry->record.to);
    carry->record.to = NULL;
    return refuse_record(carry->o->record, strerror(-failed), failed);
}

void recorded_end(struct carry *carry)
{
    if (carry->record.to) recorder_stop(carry->record.to);
}

void recorded_tick(struct carry *carry)
{
    if (!carry->record.to) return;
    const struct recorder_counters c = recorder_counters(carry->record.to);
    if (c.lost == carry->record.lost) return;
    events_tell(&carry->tell->events, TOLD_RECORDER,
                "--record %s: %s; packets of that time are missing in the recording", carry->o->record,
                c.failed ? strerror(-c.failed) : "frames arrived faster than preyrun could write them");
    carry->record.lost = c.lost;
}

void recorded_world(struct carry *carry, const struct snapshot *s)
{
    if (carry->record.to) recorder_world(carry->record.to, s, carry->now.number);
}

void recorded_change(struct carry *carry, const struct record_change *change)
{
    if (carry->record.to) carry->now.number = recorder_program(carry->record.to, carry->now.program, change);
}

/* Record a packet that the kernel judged, with its flow from the flow table, on the tape that follows those of all
 * workers. */
void recorded_sample(struct carry *carry, const struct sampled *s)
{
    struct tape *t = recorder_tape(carry->record.to, carry->worker_count);
    struct pkt copy = *s->pkt;
    struct flow_met met;
    const struct kernel_event_sample *said = s->said;
    const uint64_t world = carry->latest->number;
    if ((uint32_t)world != s->world) return; /* judged in an older world */
    tape_single(t, (struct pkt *const[]){&copy}, 1, s->now_ns, tape_place(carry->now.number, world));
    const struct met_told told = {&said->flow, said->slot, said->met, s->now_ns};
    vm_met(carry->workers[0]->vm, &told, &met);
    met.came = said->came;
    tape_met(t, &met, 1);
    if (carry->now.program->lives_count) tape_members(t, &said->members, 1);
    tape_single_verdicts(t, s->verdict, &s->asked, 1);
}
