/* One of the sibling routers: a network namespace with TAP devices, whose other ends this process holds, and the
 * program that translates and judges there. All effects of a packet have come out when a probe sent after it has. */
#ifndef TESTS_DIFF_ROUTERS_SIDE_H
#define TESTS_DIFF_ROUTERS_SIDE_H

#include <sys/types.h>

#include "tests/diff/routers/packet.h"
#include "tests/diff/routers/world.h"

enum side_kind { SIDE_NETFILTER, SIDE_USER, SIDE_TC, SIDE_XDP, SIDES };
enum { GOT_MOST = 24, SAID_MOST = 8192 };

struct side {
    enum side_kind kind;
    bool on; /* takes part in the current router */
    int netns, taps[IFS_MOST];
    bool bare[IFS_MOST]; /* a TUN device: frames have a header without addresses */
    pid_t pid;           /* preyrun's; 0: none */
    int said;            /* descriptor of its output */
    char text[SAID_MOST];
    size_t text_len;
    uint32_t probes; /* number of probes sent */
    bool strict;     /* accept a probe only by its current route */
    struct frame got[GOT_MOST];
    unsigned got_count;
};

const char *side_name(enum side_kind kind);

/* Mount the programs' file system and a /run, with a folder below it, for this process only. False without the
 * permission. */
bool sides_begin(const char *dir);

/* Open a namespace with the site's devices. Prints a line and returns false on a failure. */
bool side_open(struct side *s, enum side_kind kind, const struct world *w);
void side_close(struct side *s, const struct world *w);
/* End preyrun in this side if it runs. */
void side_end_prey(struct side *s);
/* Set up the router's addresses, routes and policy rules. */
bool side_route(struct side *s, const struct world *w);
/* Make a change in this side. */
bool side_change(struct side *s, const struct world *w, const struct change *c);
/* Let netfilter translate and judge; anew: without any earlier flow. */
bool side_set_nft(struct side *s, const struct world *w, bool anew);
/* Let prey do the same: start it with the program, or load the program. After a failure, prints its output and
 * returns false. */
bool side_set_prey(struct side *s, const struct world *w, const char *program);

/* Run a command in the namespace with `input`. If it fails, prints its output and returns false. quiet: a failure is
 * expected. */
bool side_command(struct side *s, const char *const argv[], const char *input, bool quiet);

/* Send a frame without waiting. */
void side_send(struct side *s, const struct frame *f);
/* Wait for all effects so far, in got[]. False if a probe that arrived by `iface` was lost. */
bool side_settle(struct side *s, const struct world *w, unsigned iface);
/* Print preyrun's latest output. */
void side_tell(struct side *s);
/* Wait up to `ms` for another frame: true if one came. Frames that wait for a next hop, or for a first fragment,
 * aren't covered by a probe. */
bool side_wait(struct side *s, const struct world *w, int ms);
/* Wait until probes come through by their current route: then the side knows all facts of this router. */
bool side_knows(struct side *s, const struct world *w);

#endif
