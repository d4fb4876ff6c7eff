/* A packet, or a moment, in the notation of tests but outside any rule file. No rules are known, so their names can't
 * be used; the caller resolves `on IF` and `out on IF`. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "vm/packet/reply/frame.h"
#include "vm/vm.h"

struct test_said;

struct written {
    char words[2000]; /* the packet without `on IF` and `out on IF` */
    char on[64];      /* interface of `on IF`; "": none */
    char out_on[64];  /* interface of `out on IF`; "": none */
};

/* Return 0, or -1 with one line in err: the text is too long, or not a packet. */
int written_read(struct written *w, const char *text, char *err, size_t err_len);
/* Write the packet as bytes and return their number; 0 after lines in `err`. self: a step that sets `self`, with its
 * end of line, or "". *said: the client's first words (`host "x"`), which the caller frees, or NULL. */
uint32_t written_frame(const struct written *w, const char *self, uint8_t frame[FRAME_MOST], struct test_said **said,
                       FILE *err);
/* Return the destination of a connection with these first words to a proxy service, as text, which the caller frees;
 * NULL: out of memory. facts may be NULL. */
char *written_heard(struct program *p, uint32_t service, const struct test_said *said, const uint8_t *frame,
                    uint32_t len, const struct facts *facts);

/* A moment as in the step `at` of tests: the time on wall clocks, in every zone */
struct written_time {
    bool dated;
    uint32_t date;        /* days since 1970 */
    unsigned day, minute; /* day 0: Monday, also if no day is given */
};

/* Read "09:30", "sat 09:30" or "2026-12-24 18:00". Return 0, or -1 after lines in `err`. */
int written_time(struct written_time *t, const char *text, FILE *err);
