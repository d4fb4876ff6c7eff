/* Declarations shared by the parts of replay. */
#pragma once

#include "runtime/base/complain.h"
#include "runtime/base/out.h"
#include "runtime/capture/capture.h"
#include "runtime/copies/replayed.h"
#include "runtime/counters/totals.h"
#include "runtime/kernel/executor.h"
#include "runtime/replay/lines.h"
#include "runtime/replay/replay.h"
#include "runtime/report/flow_list.h"
#include "runtime/report/given/progress.h"
#include "runtime/report/said/streams.h"
#include "runtime/report/subject.h"
#include "runtime/report/verdicts.h"

/* Report that memory is out for a worker, with the table size that the rules ask for. Return 2. */
int complain_memory(const struct program *p);

/* Report that the rest of the capture can't be read. Return 2. */
int complain_capture(const struct subject *r);

/* Make a worker in this process, or one whose packets go through the kernel. NULL after a complaint. */
struct executor *replay_executor(const struct subject *r, const struct vm_cfg *cfg, bool in_kernel);

/* Find the servers of --down, for r->down and the facts. Return 0 or a negative errno, with the known names in err. */
int down_find(struct subject *r, char *err, size_t err_len);

/* Make the vm's packet a view of the capture's frame, without copying. */
void frame_view(const struct subject *r, const struct capture_frame *f, struct pkt *pkt);

/* The capture's clock (clock.c), which never goes back. */
struct replay_clock {
    const struct program *program;
    struct facts facts; /* facts, with the schedules that are active now */
    uint64_t now_ns;
    uint64_t until_ns;     /* end of validity of the schedules */
    uint64_t step_ns;      /* step of time; frames in one step are judged at the same time */
    uint64_t tick_ns;      /* next deadline of the vm's timers; UINT64_MAX: none */
    unsigned silent_ticks; /* number of ticks without frames so far, see clock.c */
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

/* Make an Ethernet frame of a sent packet, with the next hop's MAC (sent.c). The frame is in the packet or in
 * `room`; its time is not set. Return 0 or a negative errno. */
enum { SENT_MOST = 14 + 65536 };
int sent_frame(const struct tx_entry *e, uint8_t room[SENT_MOST], struct capture_frame *f);
/* Write a sent packet as such a frame. */
int sent_write(struct capture_writer *w, const struct tx_entry *e, uint64_t time_ns);

/* Explain the frames in o->explained (explain_walk.c). Return the exit status. */
int explain(const struct subject *r);

/* Frames for which lines are printed, for --describe and --write-seen. They are kept while their lines wait for a
 * held frame. */
struct seen {
    const struct subject *r;
    struct capture_writer *writer; /* output of --write-seen, or NULL */
    int write_error;               /* error of the output, a negative errno */
    bool mixed;                    /* frames have several link types, which a pcap cannot hold */
    int32_t dlt;                   /* link type of the written frames; -1: none so far */
    struct seen_frame *kept;       /* frames that are kept, a ring */
    size_t room, begin, count;
    uint64_t first; /* number of the frame at `begin` */
    uint64_t bytes; /* bytes of the copies */
};

/* Open the file of --write-seen. Return 0, or -1 with a line in err. */
int seen_open(struct seen *s, const struct subject *r, char *err, size_t err_len);
/* Close the file. Return 0 or a negative errno. */
int seen_close(struct seen *s);
/* True if the options need a struct seen. */
bool seen_wanted(const struct options *o);

enum { SEEN_BYTES_MOST = 1 << 26 };
/* Keep a frame whose line waits. Frames come in order. False: no room, so the first line must be written. */
bool seen_keep(struct seen *s, uint64_t number, const struct capture_frame *f);
/* Return a frame whose line is due; NULL: it was not kept. Earlier frames are dropped now, this one at the next call.
 */
const struct capture_frame *seen_frame(struct seen *s, uint64_t number);
/* Write the frame of a printed line. */
void seen_write(struct seen *s, const struct capture_frame *f);
/* Return the frame in words: "tcp 192.0.2.1:50000 > 192.0.2.2:80 SYN". */
const char *seen_words(const struct seen *s, const struct vm_in *in, const struct capture_frame *f, char *buf,
                       size_t len);

/* Copies that rules with `mirror` make in a replay: they are not sent; with --copies DIR they are kept in files. */
struct pass;
struct replay_copied {
    struct pass *pass; /* pass whose packets are copied (pass_new) */
    struct replayed to;
    const struct copies_table *table; /* slots of the program; NULL: it has no mirrors */
    const char **names;
    struct vm_copies out; /* interface for vm_cfg.copies */
};

/* Begin copying. Return 0, or 2 after a complaint. Call replay_copied_close in any case. */
int replay_copied_open(struct replay_copied *c, const struct subject *r);
/* Write all files and close them, after the summary. Return 0, or 2 after a complaint. */
int replay_copied_close(struct replay_copied *c);
/* Copy the results of packets, for mirrors with `sent`: the entries of a vm call, before its slots are returned, and
 * packets of the batch that stay here. */
void replay_copied_left(struct replay_copied *c, const struct tx_entry *e, uint64_t time_ns);
void replay_copied_stays(struct replay_copied *c);
/* Write the files. */
void replay_copied_turn(struct replay_copied *c);

/* A pass through the capture: the loop that reads, judges and hands on results. */
struct pass {
    const struct subject *r;
    struct executor *exec;
    struct vm *vm;                 /* the executor's worker */
    struct streams *streams;       /* connections to proxy services; NULL: no service of the program ends connections */
    struct out *verdicts;          /* output of lines, or NULL */
    struct capture_writer *writer; /* output of sent packets, or NULL */
    struct seen *seen;             /* frames of lines, or NULL */
    struct replay_copied *copied;  /* copies that rules make, or NULL */
    bool lined;                    /* lines were written */
    bool stopped;                  /* stopped by a signal */
    bool log;                      /* log events are printed */
    struct lines lines;            /* lines that wait for a held frame */
    bool lists_flows;
    struct flow_list flows; /* list of --flows */
    struct totals t;
    struct progress progress;
    uint64_t read; /* number of frames before the current batch */
    struct replay_clock clock;
    int write_error;       /* error of `writer`, a negative errno */
    unsigned call, called; /* frames of the last vm_run: index of the first, and their number; 0 after a timer */
    struct vm_tx tx;
    struct tx_entry entries[VM_BATCH * VM_TX_PER_PACKET];
    struct capture_frame frames[VM_BATCH];
    struct pkt pkts[VM_BATCH], *views[VM_BATCH];
    struct verdict judged[VM_BATCH];
};

/* Make a pass with a new worker, which reports ended flows if `flows`, observed connections to `observed`, and
 * copies to `copied` (NULL: none). NULL after a complaint. */
struct pass *pass_new(const struct subject *r, bool flows, const struct observe_out *observed,
                      struct replay_copied *copied);
void pass_free(struct pass *p);
/* Go through the capture from its position to its end, or to the first failing output. */
void pass_run(struct pass *p);
