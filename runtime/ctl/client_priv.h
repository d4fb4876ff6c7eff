/* One client of the control socket: its input, its pending output, and its call. */
#pragma once

#include <sys/socket.h>

#include "runtime/ctl/message.h"
#include "runtime/ctl/server.h"

/* Bytes that wait for a client to read them. */
struct outbox {
    char *bytes;
    size_t begin, end, room;
};

/* Append a message. False: out of memory, or more than `most` bytes would wait. */
bool outbox_put(struct outbox *out, enum message_kind kind, const void *body, size_t len, size_t most);
/* Send as much as the socket takes at once. Return 0, or a negative errno if the reader is gone. */
int outbox_send(struct outbox *out, int fd);
size_t outbox_waits(const struct outbox *out);
void outbox_fini(struct outbox *out);

struct call {
    struct ctl *server;
    int fd;
    struct ucred who;
    uint32_t groups; /* one bit for each of the server's groups that a guest is in; 0: not a guest */
    struct inbox in;
    struct outbox out;
    uint64_t until_ns; /* deadline; moves with each answer, and whenever the client reads something */
    cJSON *question;   /* the question being answered, or NULL */
    int passed;        /* the descriptor that came with the question, or -1 */
    const struct call_ops *follows;
    void *arg;
    bool asked;      /* a question of this client was begun in this step */
    bool unread;     /* the inbox may hold another question; no bytes are received before that question is answered */
    bool leaves;     /* the client is closed once all output is sent */
    uint32_t polled; /* events of epoll; 0: not registered */
};

struct ctl {
    struct ctl_cfg cfg;
    int epoll;
    struct call *clients[CTL_CLIENTS];
    unsigned count;
    bool paused;     /* listening is off, because descriptors ran out */
    uint64_t now_ns; /* time of the step */
    size_t held;     /* pending bytes of all clients */
    uint64_t guests_debt_ns,
        guests_ns;    /* time spent lately on guests' questions; the step up to which that time is paid off */
    bool guests_wait; /* guests wait until less of that time is left */
};

/* guest.c: return the server's groups that contain the peer, one bit each, by the kernel's report. */
uint32_t guest_groups(const struct ctl *s, int fd, const struct ucred *who);
/* Return why no further guest of this user has a place, or NULL. */
const char *guest_crowd(const struct ctl *s, uid_t uid);
/* True while guests are not heard. */
bool guest_waits(const struct call *c);
/* Count the time that a guest's question took. */
void guests_pay(struct ctl *s, uint64_t took_ns);
/* Answer guests again once their time is paid off. Call this in each step. */
void guests_step(struct ctl *s);

/* Make a client of a connection, which it then owns; groups: a guest's, else 0. NULL: out of memory. */
struct call *client_new(struct ctl *s, int fd, const struct ucred *who, uint32_t groups);
/* Go on with received questions and waiting answers. False: the client must be closed. */
bool client_step(struct call *c, bool readable);
void client_free(struct call *c);
/* Handle a client that sends no more: a continuing answer ends, if its source asked for that. */
void client_closes(struct call *c);
/* Send waiting output, as far as the client takes it. */
void client_flush(struct call *c);
/* True if the client's deadline has passed, so that it must be closed. Notifies it if its question is unfinished. */
bool client_is_late(struct call *c);
/* Register with epoll the events that the client waits for. */
void client_watch(struct call *c);
