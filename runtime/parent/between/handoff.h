/* Messages between a running preyrun (the old one) and the one that takes over from it (the new one), over a stream
 * socket that comes with the question `takeover` (runtime/ctl/question.def). Each waits for the other at most
 * HANDOFF_PATIENCE_NS; for the old one, this is the time for all messages from LUGGAGE on. Before NOW, while the new
 * one looks and loads, a message may take a minute; NAMED may take a second. If the new one is late or gone before it
 * has received YOURS, the old one goes on as if nothing had been asked.
 *
 *     new   BEGIN    with a file in memory, for everything that is longer than a message
 *     old   HELLO    what the new one must be made with; descriptors that change nothing by being given
 *     old   KERNEL   its kernel executor, if it has one and the new one's maps have the same layout: maps by
 *                    descriptor (runtime/kernel/pass/)
 *     old   LENT     with XDP, one for each interface and each worker: descriptors of its parent
 *     old   WIRE     with connections in the wire, one for each worker: the inline stack, by its descriptors
 *     new   EARLY    it wants to map rings before NOW
 *     old   their number; a PORT for each, as far as rings can be mapped twice
 *     new   PARTS    it can have more descriptors
 *     old   PARTS with their numbers; then a LISTENER for each socket of a proxy loop, and a BEFORE for each earlier
 *           process that still serves sessions
 *     new   MORE     repeatedly: it wants flows in advance
 *     old   ADVANCE  flows that have changed since it last gave them, while its workers judge (advance.h)
 *     new   NOW      it is ready to judge
 *     old   LUGGAGE  its workers are paused; the state in the file, then a PORT for each port
 *     new   READY    it has all of it
 *     old   YOURS    it lets go: the new one judges
 *     new   NAMED    its control socket has the name
 *     old   KEPT     if its writing of observed connections was late: their state, in the file
 *
 * The socket stays open as long as the old one still serves sessions. The old one sends SERVES whenever their number
 * has changed, and TARGET and END if a session asks something of its former worker. The new one sends STANDS once its
 * own guard rules and gate are in force, LOGS when logs are turned, and TOLD with what a worker reports to such a
 * session. If either process ends, the socket ends; if the new one ends, those sessions end with it.
 *
 * Root gives the new one its orders. It treats the old one's messages as hostile, because the old one has read
 * strangers' packets.
 *
 * Either may be the older version, so each of these structs, and each word, is the body of a message that may grow
 * (message.h). Rules for changes:
 *     - A field is added at the end only. Its value 0 means what held without the field, because a version that does
 *       not know it sends 0 and does not read it.
 *     - Nothing else changes. No field is removed or moved, or gets another type, meaning or unit; no array gets
 *       another bound, except the last field of a message; no word, descriptor or LEND_ gets another number. There
 *       are no holes, because holes have undefined bytes.
 *     - An element of an array (struct handoff_part) can't grow: add another array at the end.
 *     - More descriptors than before may only be sent to a receiver that has announced that it knows them: others
 *       refuse them.
 *     - A new word ends the protocol with a receiver that does not know it, unless the word has MESSAGE_NOTICE and
 *       asks for no answer. After NAMED, unknown words are ignored.
 *     - A change that these rules don't allow is another form: HANDOFF_FORM grows, and earlier forms are supported
 *       down to HANDOFF_FORM_LEAST. BEGIN has the forms of the new one, HELLO the form that is used.
 *     - States in the file are of RECORD_VERSION, as recordings are: the new one reads them from RECORD_HANDED on.
 * tests/golden/layouts/ has the place of each field, and its test fails if one has moved. */
#pragma once

#include <stdint.h>

#include "runtime/base/options/run_options.h"
#include "runtime/io/io.h"
#include "runtime/kernel/pass/passed.h"
#include "runtime/parent/between/message.h"
#include "runtime/parent/between/yielded.h"
#include "runtime/worker/worker.h"

#define HANDOFF_MAGIC       UINT64_C(0x35766f6579657270) /* "preyeov5"; never changes */
#define HANDOFF_PATIENCE_NS UINT64_C(5000000000)
#define HANDOFF_FILE_MOST   (UINT64_C(1) << 32) /* bytes of the file; only written bytes take memory */

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
    uint32_t form_least, form; /* forms of the protocol that it supports */
    int32_t process;           /* pid of the parent that takes over */
    uint32_t zero;
    uint8_t layout[PBC_DIGEST_LEN]; /* digest of the contents of its maps in the kernel (kernel_layout); 0: no maps */
    uint64_t drain_ns;              /* longest time for sessions, as in NAMED, which may come too late */
};

/* Descriptors of HELLO: those of YIELD, then the TUN device and the socket of --stats */
enum { HANDOFF_TUN = YIELD_FDS, HANDOFF_STATS, HANDOFF_FDS };

struct handoff_hello {
    uint64_t magic;
    uint32_t form;     /* form of the protocol from here on; 0: refused */
    uint32_t version;  /* RECORD_VERSION of states as bytes */
    char refused[304]; /* reason why there is no hand-over, one line; empty: it may go on */
    uint64_t seed, owners_seed, flows, half_open, program; /* program: length of its text, at the file's beginning */
    uint64_t former;               /* length of the remains of earlier programs (takeover/former.h), behind that text */
    uint64_t hops;                 /* length of the list of next hops in use (world/hops.h), behind these */
    uint64_t flow_bytes, present;  /* most memory of a worker's flows (vm_flow_bytes); memory of the present file */
    int32_t process;               /* pid of its parent */
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
    char name[4096];                     /* name of the program */
    char stats[128];                     /* address of --stats as given; empty: not given */
    uint8_t file_digest[PBC_DIGEST_LEN]; /* digest of the command line's file, as last read */
    uint64_t table;                      /* flows for which a worker's table has room; 0: unknown */
};

/* Sent after HELLO, with descriptors as kernel_pass gives them. */
struct handoff_kernel {
    struct kernel_passed_says says;
};

enum { HANDOFF_LENT_MOST = OPTIONS_IFACES + WORKERS_MOST };
struct handoff_lent {
    uint32_t what, at;          /* enum lend; the descriptors come with the message; none: absent */
    uint32_t slots, slot_bytes; /* number and length of slots, for LEND_MEMORY */
};

struct handoff_wire {
    uint32_t worker; /* its descriptors come with the message */
    uint32_t memory; /* 1: one more descriptor, of memory shared by its loop and its worker */
};

struct handoff_part { /* used only inside messages, so it can't grow */
    uint64_t at, len; /* place and length in the file */
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
    uint32_t slots, ring;    /* slots and length of the ring, as in struct io_made */
    struct io_handed handed; /* struct io_handed can't grow */
};

/* Sent after EARLY. */
struct handoff_early {
    uint32_t ports; /* number of PORT messages that follow */
};

struct handoff_parts {
    uint32_t listeners, before;
};

struct handoff_listener { /* its descriptor comes with the message */
    uint32_t worker, v6, port, addr[4];
};

struct handoff_before { /* the socket to it comes with the message */
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
    uint32_t word; /* always HANDOFF_TOLD */
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
