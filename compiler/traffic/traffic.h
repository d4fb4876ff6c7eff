/* What the command line asks of captures and of packets. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "runtime/report/given/routes.h"

struct program;

/* The captures that it names, and what it says of them. */
struct traffic {
    const char *const *pcaps, *const *maps, *const *selves; /* --pcap, --map, --self */
    unsigned pcap_count, map_count, self_count;
    struct route_options routes; /* --route, --routes */
    const char *on;
    bool json;
};

/* preyc --against. Print each pair of rules, or defaults, that decides frames of the captures differently, and each
 * pair of servers that gets the same ones: how many frames and flows, and the first frame. Returns 0 where nothing is
 * judged or sent otherwise, 1 where something is, -1 after a line on standard error. names: of the files. */
int against(struct program *old, struct program *new, const char *const names[2], const struct traffic *t, FILE *out);

/* preyc --suggest. Write a rule file: by default all is dropped; let in is what was seen to begin and, of TCP, was
 * answered, by service and by source networks, none wider than these prefixes. It has been compiled, its tests have
 * passed, and where the captures can be read twice they have been judged by it: the first lines say what came of it. 0,
 * or -1 after a line on standard error. */
int suggest(const struct traffic *t, uint8_t width4, uint8_t width6, FILE *out);

/* preyc --ask: what would become of a packet, and why. */
struct asked {
    const char *const *packets, *const *selves; /* --ask, --self */
    unsigned count, self_count;
    const char *at;              /* --at, or NULL */
    struct route_options routes; /* --route, --routes */
    bool json;
};

/* Explain each packet (in the notation of tests, with `on IF` and `out on IF`) as if it were the first that this
 * machine meets; `-` stands for those that standard input has, a line each, where empty ones and those that begin with
 * # are passed over. The machine's addresses are those of `selves`, or of tests; the time is `at` (written_time), or
 * that of tests. Text, or with `json` an object a line. Returns 0, or -EINVAL after lines on standard error: a packet
 * was none, and the others were answered. */
int ask(struct program *p, const struct asked *asked, FILE *out);
