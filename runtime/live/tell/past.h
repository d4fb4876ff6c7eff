/* What was told last: for the document, and whoever asks it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { PAST_RELOADS = 16, PAST_EVENTS = 32 };

struct past_line {
    uint64_t wall_ns;
    unsigned kind; /* enum told */
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

/* A line, which is kept where it was told; reloads are counted either way. */
void past_note(struct past *p, unsigned kind, uint64_t wall_ns, const char *text, bool told);
