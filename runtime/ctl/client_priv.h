/* One client of the control socket: what it has sent, what waits for it, the call that it makes. */
#pragma once

#include "runtime/ctl/outbox.h"
#include "runtime/ctl/server.h"

struct call {
    struct ctl *server;
    int fd;
    uid_t uid;
    struct inbox in;
    struct outbox out;
    uint64_t until_ns; /* it is let go then; put off with each answer, and whenever the client reads something */
    cJSON *question;   /* NULL: none is being answered */
    int passed;        /* the descriptor that came with it; -1 */
    const struct call_ops *follows;
    void *arg;
    bool asked;       /* a question of it was begun in this step */
    bool unread;      /* what came may hold another question; nothing more is received before it is answered */
    bool leaves;      /* when all is sent */
    uint32_t watched; /* events of epoll; 0: not there yet */
};

struct ctl {
    struct ctl_cfg cfg;
    int epoll;
    struct call *clients[CTL_CLIENTS];
    unsigned count;
    bool paused;     /* for want of descriptors nobody is let in */
    uint64_t now_ns; /* of the step */
    size_t held;     /* bytes that wait for all clients */
};

/* For a connection, which is the client's from then on. NULL: memory is out. */
struct call *client_new(struct ctl *s, int fd, uid_t uid);
/* Go on: questions that came, answers that wait. False: it is to be let go. */
bool client_step(struct call *c, bool readable);
void client_free(struct call *c);
/* Its time is up: a question that does not come whole, of which it is told, or an answer that is not read. */
bool client_is_late(struct call *c);
/* Tell epoll what it waits for. */
void client_watch(struct call *c);
