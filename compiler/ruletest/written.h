/* A packet, or a moment, in the notation of tests that stands alone: for whoever asks what becomes of a packet. No
 * rules are known, so names of theirs are not; `on IF` and `out on IF` are left to the caller. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "vm/packet/reply/frame.h"
#include "vm/vm.h"

struct test_said;

struct written {
    char words[2000]; /* without `on IF` and `out on IF` */
    char on[64];      /* "": it was not said */
    char out_on[64];  /* likewise `out on IF` */
};

/* 0; or -1 with one line in err: it is too long, or no packet could be written so. */
int written_read(struct written *w, const char *text, char *err, size_t err_len);
/* As bytes, how many; 0 after lines in `err` that say what is wrong. self: a step that says what `self` is, with its
 * end of line, or "". *said: what the connection's client says first (`host "x"`), to be freed; NULL: nothing. */
uint32_t written_frame(const struct written *w, const char *self, uint8_t frame[FRAME_MOST], struct test_said **said,
                       FILE *err);
/* Where such a connection to a proxy service goes, in words, to be freed; NULL: no memory. facts may be NULL. */
char *written_heard(struct program *p, uint32_t service, const struct test_said *said, const uint8_t *frame,
                    uint32_t len, const struct facts *facts);

/* A moment as the step `at` of tests has it: what the clocks on the wall show, whatever their zones. */
struct written_time {
    bool dated;
    uint32_t date;        /* days since 1970 */
    unsigned day, minute; /* day 0: Monday, also where none is said */
};

/* "09:30", "sat 09:30", "2026-12-24 18:00". 0; -1 after lines in `err` that say what is wrong. */
int written_time(struct written_time *t, const char *text, FILE *err);
