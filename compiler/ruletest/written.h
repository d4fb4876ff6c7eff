/* A packet in the notation of tests that stands alone: for whoever asks what becomes of it. No rules are known, so
 * names of theirs are not; `on IF` is left to the caller. */
#ifndef COMPILER_WRITTEN_H
#define COMPILER_WRITTEN_H

#include <stdint.h>
#include <stdio.h>

#include "vm/packet/reply/frame.h"

struct written {
    char words[2000]; /* without `on IF` */
    char on[64];      /* "": it was not said */
};

/* 0, or -1: it is too long, or no packet could be written so. */
int written_read(struct written *w, const char *text);
/* As bytes, how many; 0 after lines in `err` that say what is wrong. self: a step that says what `self` is, with its
 * end of line, or "". */
uint32_t written_frame(const struct written *w, const char *self, uint8_t frame[FRAME_MOST], FILE *err);

#endif
