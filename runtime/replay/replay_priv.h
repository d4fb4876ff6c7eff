/* What the parts of replay share. */
#pragma once

#include "runtime/base/complain.h"
#include "runtime/base/out.h"
#include "runtime/capture/capture.h"
#include "runtime/counters/totals.h"
#include "runtime/kernel/executor.h"
#include "runtime/replay/replay.h"
#include "runtime/report/given/progress.h"
#include "runtime/report/subject.h"
#include "runtime/report/verdicts.h"

/* A line on standard error where a worker finds no memory: with the size that the rules ask for. Returns 2. */
int complain_memory(const struct program *p);

/* Why the rest of the capture cannot be read. */
int complain_capture(const struct subject *r);

/* A worker in this process, or one whose packets go through the kernel. NULL after complaining. */
struct executor *replay_executor(const struct subject *r, const struct vm_cfg *cfg, bool in_kernel);

/* Servers that --down names, into r->down and the facts. 0, or -ENOENT with a line that lists what there is. */
int down_find(struct subject *r, char *err, size_t err_len);

/* A frame of the capture as the vm wants it: a view, nothing copied. */
void frame_view(const struct subject *r, const struct capture_frame *f, struct pkt *pkt);

/* clock.c: the capture's clock, which never runs back. */
struct replay_clock {
    const struct program *program;
    struct facts facts; /* with the schedules that are active now */
    uint64_t now_ns;
    uint64_t until_ns;     /* the schedules hold for earlier times */
    uint64_t step_ns;      /* frames of one such step of time are judged at one time */
    uint64_t tick_ns;      /* when the vm's timers are due; UINT64_MAX: never */
    unsigned silent_ticks; /* so far, see clock.c */
    bool timers;           /* the program has any */
    bool only_fragments;   /* nothing but fragments can tell one time from another */
};
struct replay_clock replay_clock_of(const struct subject *r);
/* The vm's input at a frame; holds until the next call. */
struct vm_in replay_clock_at(struct replay_clock *c, uint64_t time_ns);
/* The vm holds a frame from now on. */
void replay_clock_held(struct replay_clock *c);
/* Tick the worker at every deadline up to this time, a bounded number of times; left: called after each, takes tx.
 */
typedef void left_fn(void *arg);
void replay_clock_tick(struct replay_clock *c, uint64_t time_ns, struct executor *exec, struct vm_tx *tx, left_fn *left,
                       void *arg);

/* sent.c: what the vm sends, as Ethernet frames. A next hop's MAC is written into the packet. 0 or a negative errno. */
int sent_write(struct capture_writer *w, const struct tx_entry *e, uint64_t time_ns);

/* explain_walk.c: the frames that o->explained says. Returns the exit status. */
int explain(const struct subject *r);
