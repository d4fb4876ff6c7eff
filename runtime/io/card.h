/* A network card, or a device in the place of one, as `xdp` sees it. */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

struct card {
    char name[IFNAMSIZ];
    char kind[16]; /* kind of a software device: "veth", "bridge", …; empty: a card, of this machine or of its host */
    char driver[32];        /* empty: not known */
    unsigned receive, send; /* number of queues */
    unsigned most;          /* pairs of queues that virtio_net may have; 0: another driver */
    unsigned cpus;          /* number of CPUs that there may be */
    unsigned stuck;         /* bits of enum offload that change arriving frames, are on, and cannot be turned off */
};

/* Fill in name, driver, queues and offloads; the caller sets `kind`. False: the interface does not exist. */
bool card_of(unsigned ifindex, struct card *c);

/* Return the number of queues that both receive and send; each worker needs at least one. */
unsigned card_queues(const struct card *c);

/* True if an XDP program may run on the card, and receive and send all its frames. False, for virtio_net with some
 * numbers of queues: `why` has the fault, and the remedy, if any. */
bool card_runs_programs(const struct card *c, char *why, size_t len);

/* True if `xdp` sees each frame, as it was on the wire. False: `why` lists the missing frames. */
bool card_is_plain(const struct card *c, char *why, size_t len);

/* True if `xdp` is the better way (table in README.md). workers: requested number; 0: any. False: reason in `why`. */
bool card_suits(const struct card *c, unsigned workers, char *why, size_t len);
