/* Proxies' counters, as the summary and JSON show them: by the tables of runtime/counters/. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct cJSON;
struct labels;
struct proxy_counters;
struct tally;

/* The whole, then a line a service. */
void proxied_text(FILE *out, const struct tally *t, const struct labels *labels);
/* `proxy` of the document, and of each service in a proxy mode. runs: there are loops; else the document's is null. */
void proxied_json(struct cJSON *root, const struct tally *t, bool runs);
/* Connections that go on. */
uint64_t proxied_now(const struct proxy_counters *c);
