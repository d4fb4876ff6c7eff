/* Declarations shared by the parts of replay. */
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

/* Complain that memory is out for a worker, with the table size that the rules ask for. Return 2. */
int complain_memory(const struct program *p);

/* Complain that the rest of the capture cannot be read. Return 2. */
int complain_capture(const struct subject *r);

/* Make a worker in this process, or one whose packets go through the kernel. NULL after a complaint. */
struct executor *replay_executor(const struct subject *r, const struct vm_cfg *cfg, bool in_kernel);

/* Find the servers of --down, for r->down and the facts. Return 0 or a negative errno, with the known names in err. */
int down_find(struct subject *r, char *err, size_t err_len);

/* View a frame of the capture as the vm's packet, without copying. */
void frame_view(const struct subject *r, const struct capture_frame *f, struct pkt *pkt);

/* The capture's clock (clock.c), which never runs back. */
struct replay_clock {
    const struct program *program;
    struct facts facts; /* with the schedules active now */
    uint64_t now_ns;
    uint64_t until_ns;     /* end of validity of the schedules */
    uint64_t step_ns;      /* step of time; frames in one step are judged at one time */
    uint64_t tick_ns;      /* next deadline of the vm's timers; UINT64_MAX: none */
    unsigned silent_ticks; /* number of ticks in silence so far, see clock.c */
    bool timers;           /* the program has timers */
    bool only_fragments;   /* only fragments depend on the time */
};
struct replay_clock replay_clock_of(const struct subject *r);
/* Return the vm's input at a frame, valid until the next call. */
struct vm_in replay_clock_at(struct replay_clock *c, uint64_t time_ns);
/* Note that the vm holds a frame. */
void replay_clock_held(struct replay_clock *c);
/* Tick the worker at every deadline up to this time, a bounded number of times; `left` is called after each tick and
 * empties tx. */
typedef void left_fn(void *arg);
void replay_clock_tick(struct replay_clock *c, uint64_t time_ns, struct executor *exec, struct vm_tx *tx, left_fn *left,
                       void *arg);

/* Make an Ethernet frame of a sent packet, the next hop's MAC put into it (sent.c); all but its time. It lies in the
 * packet or in `room`. Return 0 or a negative errno. */
enum { SENT_MOST = 14 + 65536 };
int sent_frame(const struct tx_entry *e, uint8_t room[SENT_MOST], struct capture_frame *f);
/* Write it. Return 0 or a negative errno. */
int sent_write(struct capture_writer *w, const struct tx_entry *e, uint64_t time_ns);

/* Explain the frames in o->explained (explain_walk.c). Return the exit status. */
int explain(const struct subject *r);
