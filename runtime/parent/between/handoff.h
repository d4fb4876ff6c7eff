/* Messages between a running preyrun and the one that takes over from it, over a stream socket that comes with the
 * question `takeover` (runtime/ctl/question.def). Each waits HANDOFF_PATIENCE_NS for the other at most, the old one
 * for all from LUGGAGE on; a minute for the messages before NOW, while the new one looks and loads, and a second for
 * NAMED. The one that runs goes on as if nothing had been asked if the other is late, or gone, before it has heard
 * YOURS.
 *
 *     new   BEGIN    with a file in memory, for all that is longer than a message
 *     old   HELLO    what the new one must be made with; descriptors that change nothing by being given
 *     old   KERNEL   its executor in the kernel, if it has that and the new one's maps are laid out alike: maps by
 *                    descriptor (runtime/kernel/pass/)
 *     old   LENT     with XDP, one for each interface and each worker: what is its parent's
 *     old   WIRE     with connections in the wire, one for each worker: the inline stack, by its descriptors
 *     new   EARLY    it would map rings before
 *     old   their number; a PORT each, as far as rings can be mapped twice
 *     new   PARTS    it can have more descriptors
 *     old   PARTS with their numbers; a LISTENER each, then a BEFORE each: sockets of proxy loops, processes before it
 *           that still serve sessions
 *     new   MORE     again and again: it wants flows in advance
 *     old   ADVANCE  those that have changed since it gave them, while its workers judge (advance.h)
 *     new   NOW      it could judge
 *     old   LUGGAGE  its workers are paused; the state in the file, then a PORT each
 *     new   READY    it has all of it
 *     old   YOURS    it lets go: the new one judges
 *     new   NAMED    its control socket has the name
 *     old   KEPT     where its writing of observed connections was late: what is known of them, in the file
 *
 * The socket stays open as long as the old one still serves sessions: it sends SERVES whenever their number has
 * changed, TARGET and END where one of them asks something of the worker that it had,
 * and the new one says STANDS once its own guard rules and gate are in force, LOGS when logs are turned, and TOLD
 * what a worker reports such a connection. The end of
 * either process is the end of the socket, and with the new one's those sessions end.
 *
 * The new one is told by root, and reads what the old one says as hostile: that has read strangers' packets.
 *
 * Either may be the older version, so each of these structs, and each word, is the body of a message that may grow
 * (message.h). Rules for changes:
 *     - A field is added at the end only, and means at 0 what held without it: one who does not know it sends 0, and
 *       does not read it.
 *     - Nothing else changes: no field goes, moves, or gets another type, meaning or unit; no array another bound, but
 *       the last field of a message; no word, descriptor or LEND_ another number. There are no holes: those have no
 *       defined bytes.
 *     - What is an element of an array (struct handoff_part) can't grow: take another array, at the end.
 *     - More descriptors than before go with a message only to who said that it knows them: who does not refuses them.
 *     - A new word ends the talk with who does not know it, unless it has MESSAGE_NOTICE, and asks for no answer. After
 *       NAMED words are left where they are unknown.
 *     - What can't be said so is another form: HANDOFF_FORM grows, and the one before is spoken as long as
 *       HANDOFF_FORM_LEAST says. BEGIN says what the new one can, HELLO what is spoken.
 *     - States in the file are of RECORD_VERSION, as recordings are: the new one reads them from RECORD_HANDED on.
 * tests/golden/layouts/ holds where each field is, and fails if one has moved. */
#pragma once

#include <stdint.h>

#include "runtime/base/options/run_options.h"
#include "runtime/io/io.h"
#include "runtime/kernel/pass/passed.h"
#include "runtime/parent/between/message.h"
#include "runtime/parent/between/yielded.h"
#include "runtime/worker/worker.h"

#define HANDOFF_MAGIC       UINT64_C(0x35766f6579657270) /* "preyeov5"; it changes no more */
#define HANDOFF_PATIENCE_NS UINT64_C(5000000000)
#define HANDOFF_FILE_MOST   (UINT64_C(1) << 32) /* bytes of the file; only written ones take memory */

enum { HANDOFF_FORM_LEAST = 1, HANDOFF_FORM = 1 }; /* forms of the protocol supported by this version */

enum handoff_word {
    HANDOFF_NOW = 1,
    HANDOFF_READY,
    HANDOFF_YOURS,
    HANDOFF_MORE,
    HANDOFF_EARLY,
    HANDOFF_PARTS,
    HANDOFF_STANDS,
    HANDOFF_LOGS,
    HANDOFF_TOLD
};
enum {
    HANDOFF_LISTENERS_MOST = 1 << 20,
    HANDOFF_BEFORE_MOST = 16 /* most processes that still serve sessions; with this many no takeover is possible */
};

struct handoff_begin {
    uint64_t magic;
    uint64_t file;             /* length of the file in memory */
    uint32_t form_least, form; /* forms of the talk that it can have */
    int32_t process;           /* the parent that takes over */
    uint32_t zero;
    uint8_t layout[PBC_DIGEST_LEN]; /* digest of the contents of its maps in the kernel (kernel_layout); 0: no maps */
    uint64_t drain_ns;              /* the same as in NAMED, which may come too late */
};

/* Descriptors of HELLO: those of YIELD, then the TUN device and the socket of --stats */
enum { HANDOFF_TUN = YIELD_FDS, HANDOFF_STATS, HANDOFF_FDS };

struct handoff_hello {
    uint64_t magic;
    uint32_t form;                                         /* form of the protocol from here on; 0: refused */
    uint32_t version;                                      /* RECORD_VERSION: of states as bytes */
    char refused[304];                                     /* a line: why there is no hand-over; empty: it may go on */
    uint64_t seed, owners_seed, flows, half_open, program; /* program: length of its text, at the file's beginning */
    uint64_t former;               /* length of the remains of earlier programs (takeover/former.h), behind that text */
    uint64_t hops;                 /* length of the list of next hops in use (world/hops.h), behind these */
    uint64_t flow_bytes, present;  /* most memory of a worker's flows (vm_flow_bytes); memory of the present file */
    int32_t process;               /* its parent */
    uint32_t workers, ifaces, has; /* has: bit i: descriptor i of HANDOFF_FDS is present, in that order */
    uint32_t tun_ifindex;
    uint32_t in_kernel;                 /* 1: it judges in the kernel; 0: in user space */
    uint32_t kernel;                    /* 1: KERNEL follows; 0: the contents of its maps come in LUGGAGE */
    struct kernel_passed_hooks hooks;   /* hooks of its interfaces, in the kernel */
    uint32_t slots, bound;              /* size of its flow table there; 1: with room for bound flows */
    uint32_t mark;                      /* mark of packets that its sockets send (kernel_world.ours) */
    uint32_t xdp;                       /* 1: --io xdp; 0: --io packet */
    uint32_t frame_most, generic, lent; /* xdp: struct worker_ports; number of LENT messages that follow */
    uint32_t crashes; /* 0: a running service hands over; else the parent of a service that crashed this many times in a
                         row */
    uint32_t wire;    /* descriptors of each WIRE message; 0: no inline stack */
    char names[OPTIONS_IFACES][OPTIONS_DEVICE_MOST];
    char name[4096];                     /* the program's */
    char stats[128];                     /* --stats as given; empty: not given */
    uint8_t file_digest[PBC_DIGEST_LEN]; /* digest of the command line's file, as last read */
    uint64_t table;                      /* flows for which a worker's table has room; 0: unknown */
};

/* Behind HELLO, with descriptors as kernel_pass gives them. */
struct handoff_kernel {
    struct kernel_passed_says says;
};

enum { HANDOFF_LENT_MOST = OPTIONS_IFACES + WORKERS_MOST };
struct handoff_lent {
    uint32_t what, at;          /* enum lend; descriptors of its answer come with the message; none: absent */
    uint32_t slots, slot_bytes; /* LEND_MEMORY */
};

struct handoff_wire {
    uint32_t worker; /* with its descriptors */
    uint32_t memory; /* 1: one more, of memory shared by its loop and its worker */
};

struct handoff_part { /* in other messages only: it can't grow */
    uint64_t at, len; /* in the file */
};

struct handoff_advance {
    uint32_t round, over; /* nonzero: a round over all flows ends here; no more flows are given in advance */
    struct handoff_part workers[WORKERS_MOST];
};

struct handoff_luggage {
    struct handoff_part state;
    uint32_t ports; /* number of PORT messages that follow */
    uint32_t rest;  /* nonzero: flows given in advance, and unchanged since, are left out */
    uint32_t whole; /* nonzero: the contents of the kernel's maps, which don't pass, are written, too */
    uint32_t zero;
    struct handoff_part workers[WORKERS_MOST];
};

struct handoff_port {
    uint32_t worker, at;
    uint32_t fds;            /* descriptors that come with the message; 0: the interface is absent */
    uint32_t slots, ring;    /* as in struct io_made */
    struct io_handed handed; /* struct io_handed can't grow */
};

/* Behind EARLY. */
struct handoff_early {
    uint32_t ports; /* number of PORT messages that follow */
};

struct handoff_parts {
    uint32_t listeners, before;
};

struct handoff_listener { /* with its descriptor */
    uint32_t worker, v6, port, addr[4];
};

struct handoff_before { /* with the socket to it */
    int32_t process;
    uint32_t sessions;
};

struct handoff_named {
    uint64_t drain_ns; /* longest time for which sessions go on; 0: unlimited */
};

struct handoff_kept {
    struct handoff_part part; /* len 0: nothing is known */
};

/* To an old process that serves sessions: a worker's report on a handed-over connection in the wire, which may be
 * that process's (struct inline_told). */
struct handoff_told {
    uint32_t word; /* HANDOFF_TOLD */
    uint32_t worker, number, port, kind, why;
};

/* From an old process that serves sessions. TARGET and END are for handed-over connections in the wire, whose worker
 * is now the new process's (vm/flow/spliced.h). */
enum handoff_says { HANDOFF_SERVES = 1, HANDOFF_TARGET, HANDOFF_END };
struct handoff_said {
    uint32_t what;               /* enum handoff_says */
    uint32_t n;                  /* SERVES: number of sessions; else the worker */
    uint32_t number, port;       /* the connection, as struct inline_ask has it */
    uint32_t addr[4], at, keeps; /* TARGET: destination; its port; 1: it sees the client's address and port */
};
