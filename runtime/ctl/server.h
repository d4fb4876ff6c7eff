/* The service's end of the control socket: clients, each within bounds, and their calls.
 *
 * Nothing here blocks: one epoll descriptor covers all of it. At most CTL_CLIENTS are connected at once. Each is
 * root, the owner, or a guest: a member of a group that may change live sets. A further client gets a line with the
 * reason and is closed. A client has CTL_PATIENCE_NS to send a complete question, and as long to read some of the
 * answer. */
#pragma once

#include <cjson/cJSON.h>
#include <sys/types.h>

#include "runtime/base/options/sets_group.h"
#include "runtime/ctl/message.h"

#define CTL_PATIENCE_NS UINT64_C(5000000000)
enum { CTL_GUESTS = 12, CTL_GUESTS_OF_USER = 3, CTL_GUEST_HELD = 4 << 20 /* bytes of answers pending for a guest */ };
enum { CTL_CLIENTS = 64, CTL_HELD_MOST = 64 << 20 /* bytes of answers pending for all clients */ };

struct ctl;
struct call;

/* Answer a call: at once, by call_end, or later, after call_follow. */
typedef void ctl_answer(void *with, struct call *c);

struct ctl_cfg {
    int fd;                          /* listening socket; owned by the server from then on */
    uid_t owner;                     /* user who may ask, besides root */
    ctl_answer *answers[QUESTIONS];  /* functions that answer, by question number */
    bool for_guests[QUESTIONS];      /* questions that guests may ask: rows written as GUEST_QUESTION */
    const struct sets_group *groups; /* guests' groups, which outlive the server; NULL: none */
    unsigned group_count;            /* number of groups, at most SETS_GROUPS */
    void *with;
};

/* Return a server, or NULL if memory or descriptors are out. The descriptor is closed in either case. */
struct ctl *ctl_new(const struct ctl_cfg *cfg);
/* Close all clients and free the server. Unfinished answers are lost. NULL is fine. */
void ctl_free(struct ctl *s);

int ctl_fd(const struct ctl *s); /* return the descriptor to poll for reading */
/* Send waiting output to clients, as far as they take it, and receive nothing. */
void ctl_flush(struct ctl *s);
/* Go on with all clients; close those past their deadline. Call this when ctl_fd is ready, and once per second. */
void ctl_step(struct ctl *s, uint64_t now_ns);

/* Return the text of a member of the question, or NULL if there is none. */
const char *call_text_of(const struct call *c, const char *member);
bool call_has(const struct call *c, const char *member);
bool call_is_true(const struct call *c, const char *member);
/* Read the number of a member. False: missing, or not an integer from 0 to `most`. */
bool call_number_of(const struct call *c, const char *member, uint64_t most, uint64_t *n);
/* Return the descriptor that came with the question, then owned by the caller; -1: none. */
int call_take_fd(struct call *c);
bool call_has_fd(const struct call *c);
uid_t call_uid(const struct call *c);
pid_t call_pid(const struct call *c); /* return the process that connected; 0: it is in another PID namespace */

/* True if the asker is admitted by its group only, so that it may ask about live sets that call_may_set allows. */
bool call_is_guest(const struct call *c);
/* True if the asker may ask about the live set, and change it. */
bool call_may_set(const struct call *c, const char *set);
/* Refuse a guest's question, with a line that lists what the guest may do. */
void call_refuse_guest(struct call *c);

/* Append to the answer. False: no room, and this part is left out. */
bool call_document(struct call *c, const cJSON *document);
bool call_json(struct call *c, const char *text, size_t len); /* append a document that is JSON text already */
bool call_text(struct call *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool call_bytes(struct call *c, const void *bytes, size_t len);
/* Return the number of bytes that the client has not read yet. */
size_t call_waits(const struct call *c);

/* End the answer with an exit status, as of a command, and a line. */
void call_end(struct call *c, int status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Let the answer continue after its function has returned. `more`, unless NULL, is called whenever all output has
 * been read. `closes`, unless NULL, is called when the client shuts down its side (SHUT_WR), which asks for the end
 * of the answer. `over` is called once, when the call has ended or its client is gone; `arg` is not used after that. */
struct call_ops {
    void (*more)(void *arg, struct call *c);
    void (*closes)(void *arg);
    void (*over)(void *arg);
};
void call_follow(struct call *c, const struct call_ops *ops, void *arg);
