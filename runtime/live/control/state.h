/* What is asked of a service that runs, and what it answers from. */
#pragma once

#include <sys/stat.h>

#include "runtime/live/rules/state.h"
#include "runtime/worker/worker.h"

struct ctl;
struct documents;
struct load;
struct onlookers;
struct walk;
struct web;

struct onfile {
    bool differs;    /* it holds another program than the one that runs, or none */
    char fault[300]; /* why it holds none; empty: it does */
    bool known;      /* of the file as this says: */
    uint8_t digest[PBC_DIGEST_LEN];
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec written, changed;
};

struct watch {
    int fd;             /* inotify; -1: it is not watched */
    bool linked;        /* the file is a link: what changes beside it may be meant */
    uint64_t due_ns;    /* it is looked at then; UINT64_MAX: nothing has happened */
    uint64_t most_ns;   /* and then at the latest, whatever else happens */
    struct watch_mark { /* of the file as it was when it was looked at last */
        dev_t dev;
        ino_t ino;
        off_t size;
        int64_t changed_ns;
    } mark;
    bool told; /* that it cannot be watched */
};

struct confirm {
    uint64_t until_ns;    /* monotonic; 0: nothing waits */
    struct program *back; /* held: it takes its place again; NULL: prey ends */
    char *back_name;      /* on the heap */
    bool saves;           /* once it is confirmed it replaces the file of the command line */
    bool goes_back;       /* the time was up, and the one before is on its way */
};

struct control {
    const struct options *o;
    struct tell *tell;
    struct carry *carry;
    struct world *world;
    struct rules *rules;
    struct ctl *ctl;             /* the control socket */
    struct load *load;           /* asked for over it, until it is made; NULL: none */
    struct confirm confirm;      /* what waits to be confirmed */
    struct watch watch;          /* of the file of the command line */
    struct onfile onfile;        /* and as it is now */
    struct walk *walks;          /* through flows, under way */
    struct onlookers *onlookers; /* NULL: nobody ever was */
    struct documents *documents; /* what is seen (document/document.h); NULL: nothing was asked yet */
    uint64_t begun_ns;           /* mono, when workers began */
    struct limit_told {
        uint64_t count, at_ns; /* of w->limits, when it was told last */
    } limits[LIMITS];
    struct web *web; /* statistics over HTTP; NULL: nobody asked for them */
};
