/* The one door by which live traffic tells what happens: a line an event (event.def), as plain words for whoever looks
 * on, or as a log (--log). Only the main thread tells. */
#pragma once

#include <stdio.h>

#include "runtime/base/options.h"
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

/* A ring: line i of those kept is the i-th of all that ever were, modulo its size. */
struct past {
    struct past_line reloads[PAST_RELOADS]; /* starts, reloads and those refused */
    struct past_line events[PAST_EVENTS];   /* all else but what rules log */
    uint64_t reload_count, event_count;
    uint64_t good, refused; /* reloads */
    uint64_t program_ns;    /* wall: since when the program is in force; 0: it is not yet */
};

struct events {
    enum log_form form; /* LOG_NONE: plain words, without times */
    struct sink sink;
    FILE *out; /* makes `line` */
    char *line;
    size_t len;
    uint64_t not_taken; /* lines that the sink did not take */
    struct {
        uint64_t since_ns; /* when its second began */
        unsigned told;     /* in that second */
        uint64_t left_out; /* and not yet said */
    } kinds[TOLD_KINDS];
    struct past past; /* what was told last: for the document, and whoever asks it */
};

/* "reloaded", "health": how a log calls it. */
const char *event_word(enum told kind);

/* Lines go to `fd` of sink_descriptor(to), which is the events' from now on. 0 or -ENOMEM. */
int events_init(struct events *e, enum log_form form, const char *to, int fd);
void events_fini(struct events *e);

/* One line; the text is cleaned of what would break it. */
void events_tell(struct events *e, enum told kind, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* A rule's log event. */
void events_packet(struct events *e, const struct labels *labels, const struct log_note *note);

/* So many more of a kind happened, and nobody kept the words. */
void events_left_out(struct events *e, enum told kind, uint64_t count);

/* Each second: what was left out is said. */
void events_tick(struct events *e);
