/* The service's end of the control socket: clients, each within bounds, and the calls that they make.
 *
 * Nothing here waits: one epoll descriptor stands for all of it. At most CTL_CLIENTS at once, root or the owner; the
 * next one is told so and let go. A client has CTL_PATIENCE_NS to put a whole question, and as long to read some of
 * what it was answered. */
#pragma once

#include <cjson/cJSON.h>
#include <sys/types.h>

#include "runtime/ctl/message.h"

#define CTL_PATIENCE_NS UINT64_C(5000000000)
enum { CTL_CLIENTS = 64, CTL_HELD_MOST = 64 << 20 /* bytes of answers that wait for all clients together */ };

struct ctl;
struct call;

/* Answers a call: at once, by call_end, or later, after call_follow. */
typedef void ctl_answer(void *with, struct call *c);

struct ctl_cfg {
    int fd;                         /* listens; the server's from then on */
    uid_t owner;                    /* who may ask, beside root */
    ctl_answer *answers[QUESTIONS]; /* by question */
    void *with;
};

/* NULL: memory or descriptors are out; the descriptor is closed all the same. */
struct ctl *ctl_new(const struct ctl_cfg *cfg);
/* Answers that are under way are lost. NULL is fine. */
void ctl_free(struct ctl *s);

int ctl_fd(const struct ctl *s); /* polled for reading */
/* Go on with all clients, and let those go whose time is up: when the descriptor is ready, and once a second. */
void ctl_step(struct ctl *s, uint64_t now_ns);

/* Text of a member of the question; NULL: it has none of that name. */
const char *call_text_of(const struct call *c, const char *member);
bool call_has(const struct call *c, const char *member);
bool call_is_true(const struct call *c, const char *member);
/* The number of a member; false: it has no whole number of that name from 0 to most. */
bool call_number_of(const struct call *c, const char *member, uint64_t most, uint64_t *n);
/* The descriptor that came with it, the caller's from then on; -1: none. */
int call_take_fd(struct call *c);
bool call_has_fd(const struct call *c);
uid_t call_uid(const struct call *c);

/* Part of the answer. False: it found no room, and is left out. */
bool call_document(struct call *c, const cJSON *document);
bool call_json(struct call *c, const char *text, size_t len); /* a document that is text already */
bool call_text(struct call *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool call_bytes(struct call *c, const void *bytes, size_t len);
/* Bytes that were said and are not read. */
size_t call_waits(const struct call *c);

/* All is said: an exit status, as of a command, and a line. */
void call_end(struct call *c, int status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The answer goes on after the function that was asked returns. `more`, where there is one, is called whenever all
 * that was said has been read; `over` once, when the call has ended or its client is gone: `arg` is not used again. */
struct call_ops {
    void (*more)(void *arg, struct call *c);
    void (*over)(void *arg);
};
void call_follow(struct call *c, const struct call_ops *ops, void *arg);
