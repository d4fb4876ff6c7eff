/* What is seen, over HTTP: the page, /stats.json, /metrics, /healthz. It only reads, and knows nothing but one JSON
 * document. No thread of its own: the caller polls web_fd and goes on with web_step; nobody is waited for. */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A document (runtime/live/control/document/document.h), good until the next is asked for. */
struct web_seen {
    uint64_t number; /* another one: something may have changed */
    const cJSON *root;
    const char *text; /* the same, JSON on one line */
    size_t len;
};

struct web_cfg {
    int fd;        /* a listening TCP socket that does not block, the web's from now on */
    bool loopback; /* it listens there: then only names of the loopback may stand in `Host` (DNS rebinding) */
    struct web_seen (*see)(void *with); /* root NULL: it cannot be made now */
    void *with;
};

struct web;
/* NULL: memory or descriptors are out; the socket is closed. */
struct web *web_new(const struct web_cfg *cfg);
void web_free(struct web *w);

/* Polled for reading. */
int web_fd(const struct web *w);
/* At most so many milliseconds may pass until web_step. */
int web_wait_ms(const struct web *w, int most);
/* Go on with all that is ready. */
void web_step(struct web *w);
