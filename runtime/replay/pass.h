/* One way through the capture: the loop that reads, judges and hands on results. */
#pragma once

#include "runtime/replay/lines.h"
#include "runtime/replay/replay_priv.h"
#include "runtime/replay/seen.h"
#include "runtime/report/flows.h"
#include "runtime/report/said/streams.h"

struct pass {
    const struct subject *r;
    struct executor *exec;
    struct vm *vm;                 /* its worker */
    struct streams *streams;       /* NULL: the program has no service that ends connections */
    struct out *verdicts;          /* where lines go, or NULL */
    struct capture_writer *writer; /* where answers go, or NULL */
    struct seen *seen;             /* frames that lines are about, or NULL */
    bool lined;                    /* there are lines */
    bool stopped;                  /* by a signal */
    bool log;                      /* log events are printed */
    struct lines lines;            /* those of them that wait for a held frame */
    bool lists_flows;
    struct flow_list flows; /* with --flows */
    struct totals t;
    struct progress progress;
    uint64_t read; /* frames read before the batch at hand */
    struct replay_clock clock;
    int write_error;       /* of writer, negative errno */
    unsigned call, called; /* the frames of the last vm_run: index of the first, how many; none after a timer */
    struct vm_tx tx;
    struct tx_entry entries[VM_BATCH * VM_TX_PER_PACKET];
    struct capture_frame frames[VM_BATCH];
    struct pkt pkts[VM_BATCH], *views[VM_BATCH];
    struct verdict judged[VM_BATCH];
};

/* A pass with a fresh worker, which tells of flows that end if it is asked to; NULL after complaining. */
struct pass *pass_new(const struct subject *r, bool flows);
void pass_free(struct pass *p);
/* From where the capture stands to its end or the first output that fails. */
void pass_run(struct pass *p);
