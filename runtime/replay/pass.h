/* A pass through the capture: the loop that reads, judges and hands on results. */
#pragma once

#include "runtime/replay/lines.h"
#include "runtime/replay/replay_copied.h"
#include "runtime/replay/replay_priv.h"
#include "runtime/replay/seen.h"
#include "runtime/report/flow_list.h"
#include "runtime/report/said/streams.h"

struct pass {
    const struct subject *r;
    struct executor *exec;
    struct vm *vm;                 /* the executor's worker */
    struct streams *streams;       /* NULL: no service of the program ends connections */
    struct out *verdicts;          /* output of lines, or NULL */
    struct capture_writer *writer; /* output of sent packets, or NULL */
    struct seen *seen;             /* frames of lines, or NULL */
    struct replay_copied *copied;  /* copies that rules make, or NULL */
    bool lined;                    /* there are lines */
    bool stopped;                  /* stopped by a signal */
    bool log;                      /* log events are printed */
    struct lines lines;            /* lines that wait for a held frame */
    bool lists_flows;
    struct flow_list flows; /* for --flows */
    struct totals t;
    struct progress progress;
    uint64_t read; /* number of frames before the current batch */
    struct replay_clock clock;
    int write_error;       /* error of writer, negative errno */
    unsigned call, called; /* frames of the last vm_run: index of the first, number; no frame after a timer */
    struct vm_tx tx;
    struct tx_entry entries[VM_BATCH * VM_TX_PER_PACKET];
    struct capture_frame frames[VM_BATCH];
    struct pkt pkts[VM_BATCH], *views[VM_BATCH];
    struct verdict judged[VM_BATCH];
};

/* Make a pass with a new worker, which reports ended flows if `flows`, observed connections to `observed`, and copies
 * to `copied` (NULL: nobody). NULL after a complaint. */
struct pass *pass_new(const struct subject *r, bool flows, const struct observe_out *observed,
                      struct replay_copied *copied);
void pass_free(struct pass *p);
/* Go through the capture from its position to its end, or to the first failing output. */
void pass_run(struct pass *p);
