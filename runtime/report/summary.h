/* Sums that text and JSON print alike: who decided about the frames. Each is counted where it is decided, so that all
 * together being `total` says that none was lost or counted twice. */
#pragma once

#include "runtime/counters/totals.h"
#include "runtime/report/subject.h"
#include "vm/vm.h"

struct decided {
    struct counter rules, defaults, total;
#define DECIDED(field, ...) struct counter field;
#include "runtime/counters/decided.def"
};
/* Log events that the rates of their rules left out. */
uint64_t logs_limited(const struct program *p, const struct vm_counters *c);

/* A line of the summary: what it is about, or "" to go on with the same, and what there is to say. */
void note(FILE *out, const char *what, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

struct table;
/* Rows of what neither a rule nor a default decided; none for none. */
void undecided_rows(const struct table *t, const struct decided *d);

/* The first lines: which capture, which program, and what neither says. */
void what_was_read(FILE *out, const struct subject *r, const struct totals *t);

/* tracked.c: the lines about flows and fragments, where the program keeps them. */
void tracked_text(FILE *out, const struct vm_counters *c);

/* json.c: the parts that every object has, and how one is printed: the text of root, which is deleted, and behind it
 * the key with what `write` writes, for that is too long to be built; write may be NULL. 0, or -1: no memory. */
struct cJSON;
typedef void json_write_fn(FILE *out, const void *arg);
void json_sources(struct cJSON *root, const struct subject *r, const struct totals *t, const char *fault);
void json_decided(struct cJSON *root, const struct subject *r, const struct vm_counters *c, const struct totals *t);
int json_root_print(FILE *out, struct cJSON *root, const char *key, json_write_fn *write, const void *arg);

struct decided decided_sum(const struct program *p, const struct vm_counters *c, const struct totals *t);

struct flow_list;
struct streams;
struct cJSON;

/* Times of --repeat, in nanoseconds a packet. */
struct timing {
    double first, best, median, worst;
    uint64_t passes; /* that were made whole */
};

/* The same numbers for a person and for a program. timing may be NULL; fault:
 * why the capture's rest could not be read, or "". list: of --flows, or NULL; for a person it is printed apart. */
void summary_text(FILE *out, const struct subject *r, const struct vm_counters *c, const struct totals *t,
                  const struct timing *timing, const char *fault);
int summary_json(FILE *out, const struct subject *r, const struct vm_counters *c, const struct totals *t,
                 const struct timing *timing, const char *fault, const struct flow_list *list);

/* Tables of packets by service and by server. */
void services_text(FILE *out, const struct subject *r, const struct vm_counters *c, const struct totals *t, int width);
/* All packets to a server: those that the vm sent there, and those of proxied connections. */
struct counter server_served(const struct vm_counters *c, const struct totals *t, uint32_t server);

/* Connections that end at a proxy. */
void said_text(FILE *out, const struct subject *r, const struct streams *s);
void said_json(struct cJSON *root, const struct streams *s);
