/* State of the parent */
#pragma once

#include <limits.h>
#include <sys/types.h>

#include "runtime/base/complain.h"
#include "runtime/host/device/aside.h"
#include "runtime/host/file/access_logs.h"
#include "runtime/host/file/middle.h"
#include "runtime/host/file/past_files.h"
#include "runtime/host/file/streams.h"
#include "runtime/host/hook/hooks.h"
#include "runtime/host/state.h"
#include "runtime/host/view/resolve.h"
#include "runtime/io/steer/steer.h"
#include "runtime/kernel/loaded.h"
#include "runtime/parent/between/starter.h"
#include "runtime/parent/dns/dns.h"
#include "runtime/parent/parent.h"
#include "runtime/parent/request.h"

/* User that the service becomes, if it exists */
#define PARENT_USER "prey"

struct parent {
    const struct options *o;
    struct state *state;
    unsigned ifindex[OPTIONS_IFACES]; /* last known ifindex of each interface; 0: never found */
    struct io_maker maker;            /* maker of sockets, with the steering programs */
    struct parent_steer {
        bool lent;
        int fds[STEER_LENT];
    } lent[OPTIONS_IFACES];           /* steering programs of the instance before, until STEER */
    uint64_t too_long[IO_PORTS_MOST]; /* frames too long for earlier steering programs */
    bool in_kernel;                   /* the service will ask for the kernel executor */
    uint32_t bare;                    /* bit i: interface i has no Ethernet, as set for its programs */
    uint32_t by_tc;                   /* bit i: packets of interface i reach it by traffic control, not XDP */
    struct kernel *kernel;            /* the kernel executor; NULL: not asked for yet */
    struct loaded loaded;             /* kernel executor from before the fork, until the service asks for it */
    struct judge *judge;              /* judge that is prepared, not in force */
    struct hooked hooked[OPTIONS_IFACES];
    bool hooks;                /* some entries of `hooked` were set */
    struct resolver *resolver; /* resolver of neighbours; NULL: no neighbour asked for yet */
    struct aside *check_stack; /* stack for checks through services; NULL: see no_check_stack */
    char no_check_stack[200];
    bool furnished;             /* CHECK_STACK was granted */
    struct aside *inline_stack; /* stack for inline connections; NULL: see no_inline_stack */
    char no_inline_stack[200];
    bool made_inline_stack; /* INLINE_STACK was granted, or the stack is another instance's */
    int stack_ns;           /* namespace of another instance's stack, until it is entered */
    bool takes_stack;
    bool here;               /* rules for the proxy's addresses are set */
    bool told_gate;          /* the start has printed that no gate is possible */
    bool no_gate;            /* no gate at some port, and this is printed */
    bool guarded;            /* the table of guard rules exists */
    bool unshut;             /* parent_shut has failed */
    bool opens;              /* the end undoes everything, regardless of --on-exit */
    bool borrows;            /* the record of changes is another instance's, which goes on until TAKEN */
    bool yielded;            /* another instance has the record of changes now, and undoes it at its end */
    bool drains;             /* only connections that end here go on, so few requests are still allowed */
    int streams_taken[2];    /* standard output and error of the former instance, until TAKEN; -1: none */
    struct guard_shut *shut; /* devices that guard rules shut; owned */
    unsigned shut_count;
    struct host_kept kept; /* requested ports that stay with the host */
    int fd, signal_fd;
    struct access_logs *access_logs;
    struct stream_dirs *streams;
    struct middle_sockets *middle_sockets;
    struct past_files *past_files;
    struct dns_held dns; /* the process that looks up names */
    int recordings;      /* directory of recordings; -1: not asked for yet */
    pid_t child;
    uint64_t keep_until_ns; /* deadline for the service to answer if it can be kept; 0: not asked */
    bool keeps;             /* this process is the keeper (keeper.h), and the service is not its child */
    bool kept_over;         /* keeper_step was true */
    bool left;              /* the service has reported its exit status: left_status */
    int left_status, kept_end, child_fd;
    uint64_t kept_until_ns;
    int heir; /* socket to the process that the manager started, until that has named this one (parent_is_heir); -1:
               * none */
    struct starter starter;      /* process that starts the service again after a crash */
    struct last *last;           /* the service's last state; NULL: no memory for it */
    uint64_t served_ns;          /* time when the service began */
    uint32_t crashes;            /* crashes in a row, each soon after its start */
    bool broke;                  /* the service made an unknown request */
    bool ended;                  /* an end was asked for */
    const struct tuples *tuples; /* tuples of inline connections; NULL: no memory for them */
};

/* Return the ifindex of an interface by its name, or the last known ifindex if the name is gone (renamed). 0: never
 * found. */
unsigned parent_ifindex(struct parent *p, uint32_t port);
/* Set missing filters on a port again. Return their number, or a negative errno with one line in err. */
int parent_keep_hooks(struct parent *p, unsigned port, char *err, size_t err_len);
void parent_kernel_fini(struct parent *p);
/* Send a signal to the service */
void parent_signal(const struct parent *p, int number);
/* Make the process that the manager started name this one as the main process, and wait for its end. */
void parent_named(struct parent *p);

/* Load a steering program for a port, over a lent one, if any. NULL: one line in err. */
struct steer *lent_steer(struct parent *p, unsigned port, unsigned frame_most, char *err, size_t err_len);
void lent_fini(struct parent *p);
/* Process name of a parent whose service still serves connections after a takeover (preyctl waits for it) */
#define PARENT_BEFORE "preyrun-before"
/* True if such a service may make the request. */
bool grant_drained(enum request_kind kind);

/* A request of valid size, with contents not yet validated */
struct request {
    const void *body, *elements;
    uint32_t count;
};

/* False if the service never makes such a request, whatever the parent's state: each row's body and elements have a
 * function of their shape (sound.c). */
bool request_is_sound(const struct parent *p, enum request_kind kind, const struct request *r);

/* Result of a handler for a request that the service never makes in this state */
enum { NEVER = INT_MIN };

/* Return the result of a handler that gives one descriptor, or a negative errno. Return that of one that gives two,
 * or the reason why it can't (second function) */
static inline int given(int fd) { return fd < 0 ? fd : 1; }
static inline int pair_given(int failed) { return failed ? failed : 2; }

/* Handlers of the rows of request.def: the request and the bytes behind it, the answer to fill, and room for
 * IO_FDS_MOST descriptors, which the caller closes. Each returns the number of descriptors; a negative errno, for
 * which a->err may have one line; or NEVER. */
#define REQUEST(ident, asks, behind, gives, doc)                                                                       \
    int grant_##ident(struct parent *p TAKES_##asks GETS_##behind, struct answer *a, int fds[]);
#include "runtime/parent/request.def"

/* Carry out a request, whose contents may be hostile. fds: room for IO_FDS_MOST descriptors for the answer, which
 * the caller closes. False if the service never makes such a request. */
bool grant(struct parent *p, enum request_kind kind, const struct request *r, struct answer *a, int fds[]);
