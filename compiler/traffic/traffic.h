/* Command-line requests about captures and packets. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "runtime/report/given/given_routes.h"

struct program;

/* The captures of a command, and options about them. */
struct traffic {
    const char *const *pcaps, *const *maps, *const *selves; /* values of --pcap, --map, --self */
    unsigned pcap_count, map_count, self_count;
    struct route_options routes; /* values of --route, --routes */
    const char *on;
    bool json;
};

/* preyc --against. Print each pair of rules, or defaults, that decides frames of the captures differently, and each
 * pair of servers that gets the same frames. For each pair, print the numbers of frames and flows, and the first
 * frame. Return 0 if all frames are judged and sent alike, 1 if not, -1 after a line on standard error. names: of
 * the files. */
int against(struct program *old, struct program *new, const char *const names[2], const struct traffic *t, FILE *out);

/* preyc --suggest. Write a rule file that drops by default and lets in connections that began and, with TCP, were
 * answered, by service and by source networks, none wider than these prefixes. The file compiles, its tests pass, and
 * it has judged the captures if they can be read twice: the first lines give the result. Return 0, or -1 after a line
 * on standard error. */
int suggest(const struct traffic *t, uint8_t width4, uint8_t width6, FILE *out);

/* Options of preyc --ask: a packet's fate, and its reasons. */
struct asked {
    const char *const *packets, *const *selves; /* values of --ask, --self */
    unsigned count, self_count;
    const char *at;              /* value of --at, or NULL */
    struct route_options routes; /* values of --route, --routes */
    const char *serves;          /* -i: devices that preyrun serves, with commas; NULL: all that packets name */
    const char *const *allows;   /* --allow-unjudged: devices that stay open, with commas */
    unsigned allow_count;
    bool json;
};

/* Explain each packet (in the notation of tests, with `on IF` and `out on IF`) as if it were the first that this
 * machine meets; `-` means packets from standard input, one per line, without empty lines and comments (#). The
 * machine's addresses are those of `selves`, or of tests; the time is `at` (written_time), or that of tests. If no
 * firewall judges a packet because of its device, the output shows that instead. It is text, or with `json` one
 * object per line. Return 0, or -EINVAL after lines on standard error: some packet was invalid, and the others were
 * explained. */
int ask(struct program *p, const struct asked *asked, FILE *out);
