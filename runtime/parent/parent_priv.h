/* The parent's state. */
#pragma once

#include <sys/types.h>

#include "runtime/base/complain.h"
#include "runtime/host/device/aside.h"
#include "runtime/host/file/access_logs.h"
#include "runtime/host/hook/hooks.h"
#include "runtime/host/state.h"
#include "runtime/host/view/resolve.h"
#include "runtime/parent/parent.h"
#include "runtime/parent/request.h"

/* The user that the service becomes, where there is one. */
#define PARENT_USER "prey"

struct parent {
    const struct options *o;
    struct state *state;
    unsigned ifindex[OPTIONS_IFACES]; /* of each interface, as it was found last; 0: never */
    struct io_maker maker;            /* with the steering programs */
    uint64_t too_long[IO_PORTS_MOST]; /* frames, of steering programs before */
    struct kernel *kernel;            /* the executor there; NULL: nobody has asked for it */
    struct judge *judge;              /* prepared, not in force */
    struct hooked hooked[OPTIONS_IFACES];
    bool hooks;                /* some of these were set */
    struct resolver *resolver; /* NULL: nobody was asked for yet */
    struct aside *aside;       /* of checks through services; NULL: no_aside says why */
    char no_aside[200];
    bool furnished;        /* some check has gone that way */
    bool here;             /* some addresses are the proxy's */
    bool told_gate;        /* the start has told of a kernel that can have no gate */
    bool no_gate;          /* there is none, or it could not be attached to some port, and it was told */
    bool guarded;          /* there is a table of guard rules */
    struct host_kept kept; /* of the ports that were asked for, with the host */
    int fd, signal_fd;
    struct access_logs *access_logs;
    int recordings; /* their directory; -1: nobody has asked for it */
    pid_t child;
};

/* The ifindex of an interface, by its name; one that was given another name since is still the one. 0: it was never
 * found. */
unsigned parent_ifindex(struct parent *p, uint32_t port);
/* Those of its filters that are not there are set again: how many, or a negative errno with one line in err. */
int parent_keep_hooks(struct parent *p, unsigned port, char *err, size_t err_len);
void parent_kernel_fini(struct parent *p);

/* A request, whose size is right; its contents are not looked at yet. */
struct request {
    const void *body, *elements;
    uint32_t count;
};

static inline bool is_port(const struct parent *p, uint32_t port) { return port < p->o->iface_count; }
static inline bool is_address(const struct host_addr *a) { return a->family == 4 || a->family == 6; }
/* The answer is one descriptor, or the negative errno that there is instead of it. */
static inline bool answer_fd(struct answer *a, int fd)
{
    a->failed = fd < 0 ? fd : 0;
    a->fd_count = fd >= 0;
    return true;
}

/* Rows of request.def, as grant. */
#define REQUEST(ident, ...) bool grant_##ident(struct parent *, const struct request *, struct answer *, int fds[]);
#include "runtime/parent/request.def"

/* Do what is asked, which may be hostile. fds: room for IO_FDS_MOST descriptors to pass on, the caller's to close.
 * False: it is none that the service makes. */
bool grant(struct parent *p, enum request_kind kind, const struct request *r, struct answer *a, int fds[]);

/* The sizes of a request's body and elements, and how many there may be. */
struct request_bounds {
    size_t body, each;
    uint32_t most;
    bool answered;
};
extern const struct request_bounds request_bounds[REQUEST_COUNT];
