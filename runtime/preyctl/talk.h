/* A question to the service, and its answer. Each failure is reported once on standard error. */
#pragma once

#include <cjson/cJSON.h>

#include "runtime/ctl/message.h"
#include "runtime/preyctl/command_line.h"

struct talk {
    struct command_line *line;
    int fd; /* connected socket; -1: not connected */
    struct inbox in;
    bool stops;       /* the service was asked to end its answer */
    bool again;       /* the question may be asked again, so a missing service, or one that hung up, is not reported */
    bool lost;        /* the service hung up, or was not there */
    bool waits;       /* the service may be silent without limit, because it is asked to wait */
    int status;       /* exit status of the last answer */
    char words[1024]; /* closing line of that answer */
};

enum { PATIENCE_MS = 10000 /* longest silence of the service, if it is not asked to wait */ };

/* Print "preyctl: …" on standard error. Return 2. */
int talk_complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Connect unless connected. Return 0 or 2. */
int talk_begin(struct talk *t);
void talk_end(struct talk *t);

/* Ask a question and free it; `fd`, unless -1, goes with it. Return 0 or 2. */
int talk_ask(struct talk *t, cJSON *question, int fd);
/* Return the question {"ask": word}. */
cJSON *talk_question(enum question q);

/* Read the next part of the answer. 1: in m; 0: the answer has ended, with t->status and t->words; -1: after a
 * complaint. `patience_ms`: longest silence of the service; -1: no limit. A signal (base/stop.h) asks the service to
 * end the answer. */
int talk_next(struct talk *t, struct message *m, int patience_ms);

/* Return the exit status after the last talk_next returned `next`, with a line if the service refuses; 1: stdout
 * failed, which main reports. */
int talk_over(const struct talk *t, int next);

/* Ask a question whose answer has no document. Return 0, or the status after a line with the reason. */
int talk_done(struct talk *t, cJSON *question);
/* Ask a question with one document as its answer, which the caller frees (print_json.h, document_parse). Return 0,
 * or the status after a line with the reason. */
int talk_document(struct talk *t, cJSON *question, cJSON **document);
/* Print the document with --json, else the closing line of the answer. */
void talk_tell(const struct talk *t, const cJSON *document);
/* Ask as talk_document does, with a descriptor beside the question, which is closed afterwards; -1: it could not be
 * made, and a complaint was printed. */
int talk_hand(struct talk *t, cJSON *question, int fd, cJSON **document);
