/* The file of the command line, read again when it changes (--watch). */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct live;

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

/* From now on, if that was asked for. 0, or 2 after a line that says why not. */
int watch_begin(struct live *l);
/* Something happened in its folder. */
void watch_read(struct live *l, uint64_t now_ns);
/* What was refused while a program waited to be confirmed may be taken now: look, whatever the file was then. */
void watch_again(struct live *l);
/* Look, when that is due. */
void watch_step(struct live *l, uint64_t now_ns);
/* Until then; at most so long. */
int watch_wait_ms(const struct live *l, uint64_t now_ns, int most);
void watch_end(struct live *l);
