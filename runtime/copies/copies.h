/* Copies of packets: `mirror` in the rules.
 *
 *      worker        copying_copy (vm_copies.copy), copying_sent: puts a copy on its tape, or counts it as lost
 *      thread        copies_begin: takes copies from all tapes, and writes them to devices, files and sockets
 *      main thread   copies_program: slots and sinks of a program; copies_device: facts about devices
 *
 * No worker waits for a copy: copies without room on the tape are counted as lost. A worker pays for the bytes that
 * it copies, and makes no system call. Without a thread (in a replay) the caller calls copies_turn. */
#pragma once

#include "runtime/exchange/tape.h"
#include "vm/keyed/keyed.h"
#include "vm/program/program.h"
#include "vm/vm.h"

enum copy_loss {
#define COPY_LOSS(ident, key, words) COPY_##ident,
#include "runtime/copies/loss.def"
    COPY_LOSSES
};
extern const char *const copy_loss_keys[COPY_LOSSES], *const copy_loss_words[COPY_LOSSES];

enum {
    COPY_TAPE_BYTES = 1 << 24, /* size of a worker's tape */
    COPY_SLOTS = 1024,         /* most mirrors of all programs of a run together */
};

struct copy_sink;

/* A mirror of the rules, common to all programs of a run that have it. Counters are atomic, and only grow. */
struct copy_slot {
    char *rule; /* name of the mirror, or LIST:LINE */
    uint32_t number, snap;
    uint8_t flags; /* enum pbc_mirror_flag */
    struct copy_sink *sink;
    uint64_t packets, bytes, lost[COPY_LOSSES];
};

/* The slots of a program's mirrors, by number; programs with the same slots share a table. */
struct copies_table {
    unsigned count;
    struct copy_slot *slot[PBC_MIRRORS_MAX];
    struct copies_table *older;
};

/* Copying of one worker. */
struct copying {
    struct tape tape;
    const struct copies_table *table; /* table of the worker's program; NULL: the program has no mirrors */
    uint64_t now_ns;                  /* time of the batch */
    struct copies *turned;            /* without a thread: copies to flush when the tape is full; else NULL */
};

/* Functions that open sinks, in the thread or in copies_program. Each returns a descriptor, or a negative errno and a
 * line in err. */
struct copies_ways {
    int (*device)(void *arg, char *err, size_t err_len); /* open a packet socket, bound to nothing */
    int (*file)(void *arg, const char *path, bool turn, char *err,
                size_t err_len);                                           /* turn: PATH becomes PATH.1 first */
    int (*listen)(void *arg, const char *name, char *err, size_t err_len); /* open a listening socket */
    /* In a replay, instead of the three functions above: open a file for a target of any kind; -ENOENT: its copies
     * are only counted. */
    int (*keep)(void *arg, enum pbc_mirror_to to, const char *target, bool turn, char *err, size_t err_len);
    void *arg;
};

struct copies_cfg {
    unsigned workers;
    const char *const *names; /* [devices]: port i belongs to device i % devices; valid as long as the copies */
    unsigned devices;
    const char *rest; /* name for packets without a device; NULL: "host" */
    struct copies_ways ways;
    uint64_t ahead_ns; /* without a thread: wall clock minus the workers' clock */
    uint64_t from_ns;  /* wall time before which nothing is copied */
    bool takes;        /* another process writes to the files until copies_again */
};

/* Return the copies' state, or NULL if memory is out. */
struct copies *copies_new(const struct copies_cfg *cfg);
void copies_free(struct copies *c);
struct copying *copies_worker(struct copies *c, unsigned worker);

/* Make slots and sinks for a program; those shared with an earlier program continue. *table lives as long as
 * the copies; NULL: the program has no mirrors. Return 0, or a negative errno with a line in err. */
int copies_program(struct copies *c, const struct program *p, const struct copies_table **table, char *err,
                   size_t err_len);

/* Ask for the number of each device that is a target; 0: missing. */
void copies_devices(struct copies *c, unsigned (*ifindex)(void *arg, const char *device), void *arg);

/* Begin and end the thread. */
int copies_begin(struct copies *c);
void copies_end(struct copies *c);
/* Wait until the content of the tapes is written, at most until until_ns; workers must not add copies meanwhile.
 * False: it took too long. */
bool copies_settle(struct copies *c, uint64_t until_ns);
/* Write the counters of a program's mirrors to an archive, or add those read from it; table NULL: no mirrors. */
void copies_archive(const struct copies_table *table, struct archive *a);
/* If cfg.takes is set: write to the files from now on, continuing those of the other process. */
void copies_again(struct copies *c);
/* Write the content of the tapes. True: there was some. */
bool copies_turn(struct copies *c);
/* Return the errno of the last write to a file that failed, and the file's target; 0: none failed. */
int copies_failed(const struct copies *c, const char **target);

/* Copy a packet as it arrived (struct vm_copies). arg: struct copying. */
void copying_copy(void *arg, unsigned mirror, const struct pkt *pkt);
/* Copy a packet that leaves, for each mirror of pkt->mirrors. */
void copying_all(struct copying *c, const struct pkt *pkt);
static inline void copying_sent(struct copying *c, const struct pkt *pkt)
{
    if (__builtin_expect(c && c->table && pkt->mirrors, 0)) copying_all(c, pkt);
}

/* Copy a packet that leaves by a port of the worker, for each of its mirrors. */
static inline void copying_left(struct copying *c, struct pkt *pkt, uint8_t port)
{
    const uint64_t came = pkt->cookie;
    if (__builtin_expect(!c || !c->table || !pkt->mirrors, 1)) return;
    pkt->cookie = port;
    copying_all(c, pkt);
    pkt->cookie = came;
}

/* Add counts from the kernel or another process to a slot. */
void copies_add(struct copy_slot *s, uint64_t packets, uint64_t bytes, const uint64_t lost[COPY_LOSSES]);

/* Counters of a slot's copies, as they are now. */
struct copy_count {
    const char *rule, *target;
    const char *to; /* kind of target: "device", "file", "socket" */
    bool sent;
    uint64_t packets, bytes, lost[COPY_LOSSES];
};
void copies_count(const struct copy_slot *s, struct copy_count *count);
