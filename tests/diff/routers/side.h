/* One of the sibling routers: a network namespace with TAP devices, whose other ends this process holds, and the
 * program that translates and judges there. What a packet causes has come out when a probe that was sent behind it
 * has. */
#ifndef TESTS_DIFF_ROUTERS_SIDE_H
#define TESTS_DIFF_ROUTERS_SIDE_H

#include <sys/types.h>

#include "tests/diff/routers/packet.h"
#include "tests/diff/routers/world.h"

enum side_kind { SIDE_NETFILTER, SIDE_USER, SIDE_TC, SIDE_XDP, SIDES };
enum { GOT_MOST = 24, SAID_MOST = 8192 };

struct side {
    enum side_kind kind;
    bool on; /* takes part in the router of now */
    int netns, taps[IFS_MOST];
    bool bare[IFS_MOST]; /* a TUN device: frames are told from it, and to it, behind a header without addresses */
    pid_t pid;           /* of preyrun; 0: none */
    int said;            /* its output */
    char text[SAID_MOST];
    size_t text_len;
    uint32_t probes; /* that were sent */
    bool strict;     /* a probe counts by its way of now only */
    struct frame got[GOT_MOST];
    unsigned got_count;
};

const char *side_name(enum side_kind kind);

/* Mounts of this process only: the programs' file system and a /run, with a folder below it. False where it may not. */
bool sides_begin(const char *dir);

/* A namespace with the site's devices. False with a line printed. */
bool side_open(struct side *s, enum side_kind kind, const struct world *w);
void side_close(struct side *s, const struct world *w);
/* End preyrun there, if it runs. */
void side_end_prey(struct side *s);
/* Put the router's addresses, routes and rules there. */
bool side_route(struct side *s, const struct world *w);
/* Make a change. */
bool side_change(struct side *s, const struct world *w, const struct change *c);
/* Have netfilter translate and judge; anew: without any flow from before. */
bool side_set_nft(struct side *s, const struct world *w, bool anew);
/* Have prey do so: start it with the program, or load that. False with its output after a failure. */
bool side_set_prey(struct side *s, const struct world *w, const char *program);

/* Run a command there with `input`; false, after printing its output, if it fails. quiet: a failure is expected. */
bool side_command(struct side *s, const char *const argv[], const char *input, bool quiet);

/* Send a frame, without waiting. */
void side_send(struct side *s, const struct frame *f);
/* Wait for all effects so far: got[]. False if a probe that came in by `iface` was lost. */
bool side_settle(struct side *s, const struct world *w, unsigned iface);
/* Print preyrun's latest output. */
void side_tell(struct side *s);
/* Wait up to `ms` for something more: true if it came. What waits for its next hop, or for a first fragment, is behind
 * no probe. */
bool side_wait(struct side *s, const struct world *w, int ms);
/* Wait until probes come through by their way of now: all facts of this router are known. */
bool side_knows(struct side *s, const struct world *w);

#endif
