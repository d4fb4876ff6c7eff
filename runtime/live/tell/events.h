/* The only place where live traffic reports what happens: one line per event (event.def), in plain words on the
 * terminal or as a log (--log). Only the main thread reports events. */
#pragma once

#include <stdio.h>

#include "runtime/base/options/run_options.h"
#include "runtime/live/tell/sink.h"
#include "runtime/report/text.h"
#include "runtime/worker/worker.h"

enum told {
#define EVENT(ident, word, plain, most, doc) TOLD_##ident,
#include "runtime/live/tell/event.def"
    TOLD_KINDS
};

enum { PAST_RELOADS = 16, PAST_EVENTS = 32 };

struct past_line {
    uint64_t wall_ns;
    enum told kind;
    char text[256];
};

/* Two rings of the latest lines: the line with number i is at index i modulo the ring's size. */
struct past {
    struct past_line reloads[PAST_RELOADS]; /* starts, reloads and refused reloads */
    struct past_line events[PAST_EVENTS];   /* all other events, except what rules log */
    uint64_t reload_count, event_count;
    uint64_t good, refused; /* number of successful reloads, and of refused ones */
    uint64_t program_ns;    /* wall time when the program came into force; 0: not yet */
};

struct events {
    enum log_form form;   /* LOG_NONE: plain words without times */
    const char *instance; /* name of the instance, for the journal */
    struct sink sink;
    FILE *out; /* memory stream that fills `line` */
    char *line;
    size_t len;
    uint64_t not_taken; /* number of lines that the sink refused */
    struct {
        uint64_t since_ns; /* start of the kind's current second */
        unsigned told;     /* number of events reported in that second */
        uint64_t left_out; /* number of events left out and not yet reported */
    } kinds[TOLD_KINDS];
    struct past past; /* latest lines, for the document (control/document) and its readers */
};

/* Return the name of the kind in a log, such as "reloaded" or "health". */
const char *event_word(enum told kind);

/* Send lines to `fd`, a result of sink_descriptor(to), which the events own from now on; `instance` and `to` must
 * outlive them. Return 0 or -ENOMEM. */
int events_init(struct events *e, enum log_form form, const char *instance, const char *to, int fd);
void events_fini(struct events *e);

/* Report one event. Characters of the text that would break the line are replaced. */
void events_tell(struct events *e, enum told kind, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Report that a packet matched a rule with `log`. */
void events_packet(struct events *e, const struct labels *labels, const struct log_note *note);

/* Count `count` events of the kind whose text was not kept. */
void events_left_out(struct events *e, enum told kind, uint64_t count);

/* Report the events that were left out. Call once per second. */
void events_tick(struct events *e);
