/* What proxies count, as the summary and JSON show it: by the tables of runtime/proxy/. */
#ifndef RUNTIME_LIVE_PROXIED_SEEN_H
#define RUNTIME_LIVE_PROXIED_SEEN_H

#include <stdio.h>

struct cJSON;
struct proxy_counters;

void proxied_text(FILE *out, const struct proxy_counters *c);
/* `proxy` of the document; c NULL: it is null. */
void proxied_json(struct cJSON *root, const struct proxy_counters *c);

#endif
