/* A question put to the service, and its answer. What fails is told on standard error, once. */
#pragma once

#include <cjson/cJSON.h>

#include "runtime/ctl/message.h"
#include "runtime/preyctl/command_line.h"

struct talk {
    struct command_line *line;
    int fd; /* connected; -1: not */
    struct inbox in;
    int status;       /* of the answer that ended last, as of a command */
    char words[1024]; /* how it went */
};

/* "preyctl: …" on standard error; returns 2. */
int talk_complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Connect, if it is not connected. 0 or 2. */
int talk_begin(struct talk *t);
void talk_end(struct talk *t);

/* Put a question, which is freed; `fd` goes with it where it is not -1. 0, or 2. */
int talk_ask(struct talk *t, cJSON *question, int fd);
/* {"ask": word} */
cJSON *talk_question(enum question q);

/* The next part of the answer. 1: m is one; 0: it has ended, t->status and t->words say how; -1: it was told why not.
 * `patience_ms`: how long the service may say nothing; -1: for ever. */
int talk_next(struct talk *t, struct message *m, int patience_ms);

/* Question and answer where that is an end alone. 0, or the status after a line that says why. */
int talk_done(struct talk *t, cJSON *question);
/* Question and answer where that is one document, the caller's to free; with --json its numbers are digits
 * (print.h, keep_digits). 0, or the status after a line that says why. */
int talk_document(struct talk *t, cJSON *question, cJSON **document);
/* The same, and a descriptor goes with the question, which is closed; -1: none, for it was told why not. */
int talk_hand(struct talk *t, cJSON *question, int fd, cJSON **document);

/* The same, and the document is printed as it came, a line: numbers above 2^53 keep all digits. */
int talk_print(struct talk *t, cJSON *question);
