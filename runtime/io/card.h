/* What a network card, or what stands for one, is to `xdp`. */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

struct card {
    char name[IFNAMSIZ];
    char kind[16];   /* of software: "veth", "bridge", …; empty: a card, of this machine or of the one around it */
    char driver[32]; /* empty: it says none */
    unsigned receive, send; /* queues */
    unsigned stuck;         /* enum offload, of those that change what arrives: on, and nobody can turn them off */
};

/* Name, driver, queues and offloads; kind is the caller's to say. False: there is no such interface. */
bool card_of(unsigned ifindex, struct card *c);

/* Queues that both receive and send: each worker has one at least. */
unsigned card_queues(const struct card *c);

/* Does `xdp` see each frame of it as it was on the wire? False: `why` says what it would not see. */
bool card_is_plain(const struct card *c, char *why, size_t len);

/* Is `xdp` the better way (README.md has the table)? workers: as many as were asked for; 0: any number. False: why. */
bool card_suits(const struct card *c, unsigned workers, char *why, size_t len);
