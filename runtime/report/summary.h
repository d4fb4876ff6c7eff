/* Sums common to text and JSON: frames by decider. Each frame is counted where it is decided; if the sum equals
 * `total`, no frame was lost or counted twice. */
#pragma once

#include "runtime/counters/totals.h"
#include "runtime/report/subject.h"
#include "vm/vm.h"

struct decided {
    struct counter rules, defaults, total;
#define DECIDED(field, ...) struct counter field;
#include "runtime/counters/decided.def"
};
/* Return the number of log events over their rules' rates. */
uint64_t logs_limited(const struct program *p, const struct vm_counters *c);

/* Write a line of the summary: its subject, or "" for the previous one, and the text. */
void note(FILE *out, const char *what, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

struct cJSON;
struct table;
/* Write rows for frames that neither a rule nor a default decided, if there are any. */
void undecided_rows(const struct table *t, const struct decided *d);

/* Write the first lines: capture, program, and missing inputs. */
void what_was_read(FILE *out, const struct subject *r, const struct totals *t);

/* Write the lines about flows and fragments, if the program keeps them (tracked.c). */
void tracked_text(FILE *out, const struct cJSON *root, const struct vm_counters *c);

/* Parts of every JSON object, and printing (summary_json.c). json_root_print prints and deletes root. `write` (or NULL)
 * prints the value of a last member `key` that is too long to be built first. Return 0, or -1: out of memory. */
typedef void json_write_fn(FILE *out, const void *arg);
void json_sources(struct cJSON *root, const struct subject *r, const struct totals *t, const char *fault);
void json_decided(struct cJSON *root, const struct subject *r, const struct vm_counters *c, const struct totals *t);
int json_root_print(FILE *out, struct cJSON *root, const char *key, json_write_fn *write, const void *arg);

struct decided decided_sum(const struct program *p, const struct vm_counters *c, const struct totals *t);

struct streams;

/* Times of --repeat, in nanoseconds per packet. */
struct timing {
    double first, best, median, worst;
    uint64_t passes; /* number of complete passes */
};

/* Return the summary's document, which the caller completes and prints or frees (report_json). It lists no rules if
 * options ask for text. timing may be NULL. fault: why the rest of the capture could not be read, or "". NULL: out
 * of memory. */
struct cJSON *summary_document(const struct subject *r, const struct vm_counters *c, const struct totals *t,
                               const struct timing *timing, const char *fault);
/* Write the same numbers as text. The caller also prints the list of --flows. */
void summary_text(FILE *out, const struct cJSON *root, const struct subject *r, const struct vm_counters *c,
                  const struct totals *t, const struct timing *timing, const char *fault);

/* Write tables of packets by service and by server. */
void services_text(const struct table *table, const struct subject *r, const struct vm_counters *c,
                   const struct totals *t);
/* Return all packets to a server: those that the vm sent there, and those of proxied connections. */
struct counter server_served(const struct vm_counters *c, const struct totals *t, uint32_t server);

/* Write the connections that end at a proxy. */
void said_text(FILE *out, const struct subject *r, const struct streams *s);
void said_json(struct cJSON *root, const struct streams *s);
