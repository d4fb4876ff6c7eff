/* The document over HTTP: the page, /stats.json, /metrics, /healthz. Read-only, and depends on one JSON document
 * only. It has no thread and never blocks: the caller polls web_fd and calls web_step. */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A document (runtime/live/control/document/document.h), valid until the next is asked for. */
struct web_seen {
    uint64_t number; /* a different number: the content may have changed */
    const cJSON *root;
    const char *text; /* the same document as JSON on one line */
    size_t len;
};

struct web_cfg {
    int fd;            /* listening non-blocking TCP socket, owned by the web from then on */
    const char *hosts; /* names that `Host` may hold beside addresses and localhost, with commas between; NULL: none */
    struct web_seen (*see)(void *with); /* returns the document; root NULL: not available now */
    void *with;
};

struct web;
/* Return a server, or NULL if memory or descriptors are out. On failure the socket is closed. */
struct web *web_new(const struct web_cfg *cfg);
void web_free(struct web *w);

/* Return the descriptor to poll for reading. */
int web_fd(const struct web *w);
/* Return the listening socket, which stays the web's. */
int web_listener(const struct web *w);
/* Return the time in milliseconds after which web_step is due, at most `most`. */
int web_wait_ms(const struct web *w, int most);
/* Handle all ready connections. */
void web_step(struct web *w);
