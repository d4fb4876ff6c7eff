/* Proxy counters as text and JSON, by the tables of runtime/counters/. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct cJSON;
struct proxy_counters;
struct tally;

/* Write the sums, then a line for each service, from the document, with the members of proxied_json; nothing without
 * loops. */
void proxied_text(FILE *out, const struct cJSON *root, const struct tally *t);
/* Add `proxy` to the document, or null without loops (runs), and to each service in a proxy mode. */
void proxied_json(struct cJSON *root, const struct tally *t, bool runs);
/* Return the number of open connections. */
uint64_t proxied_now(const struct proxy_counters *c);
