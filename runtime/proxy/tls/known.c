/* Sets of a few places by a hash of the server's address, the oldest replaced, under one lock */
#include "runtime/proxy/tls/known.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct known {
    pthread_mutex_t lock;
    struct known_one {
        struct stream_addr server;
        SSL_SESSION *session; /* NULL: free */
        uint64_t since_ns;
    } of[KNOWN_SETS][KNOWN_WAYS];
};

struct known *known_new(void)
{
    struct known *k = calloc(1, sizeof *k);
    if (k) pthread_mutex_init(&k->lock, NULL);
    return k;
}

void known_free(struct known *k)
{
    if (!k) return;
    for (unsigned i = 0; i < KNOWN_SETS; i++)
        for (unsigned j = 0; j < KNOWN_WAYS; j++) SSL_SESSION_free(k->of[i][j].session);
    pthread_mutex_destroy(&k->lock);
    free(k);
}

static struct known_one *set_of(struct known *k, const struct stream_addr *server)
{
    uint32_t h = server->port;
    for (unsigned i = 0; i < 4; i++) h = (h ^ server->addr[i]) * 2654435761u;
    return k->of[(h >> 16) % KNOWN_SETS];
}

void known_put(struct known *k, const struct stream_addr *server, SSL_SESSION *session, uint64_t now_ns)
{
    pthread_mutex_lock(&k->lock);
    struct known_one *all = set_of(k, server), *to = all;
    for (unsigned i = 1; i < KNOWN_WAYS && to->session; i++)
        if (!all[i].session || all[i].since_ns < to->since_ns) to = &all[i];
    SSL_SESSION *gone = to->session;
    *to = (struct known_one){*server, session, now_ns};
    pthread_mutex_unlock(&k->lock);
    SSL_SESSION_free(gone);
}

SSL_SESSION *known_take(struct known *k, const struct stream_addr *server, uint64_t now_ns)
{
    struct known_one *newest = NULL;
    SSL_SESSION *session = NULL;
    pthread_mutex_lock(&k->lock);
    struct known_one *all = set_of(k, server);
    for (unsigned i = 0; i < KNOWN_WAYS; i++) {
        struct known_one *o = &all[i];
        if (!o->session || now_ns - o->since_ns > KNOWN_NS) continue;
        if (memcmp(o->server.addr, server->addr, sizeof server->addr) || o->server.port != server->port ||
            o->server.v6 != server->v6)
            continue;
        if (!newest || o->since_ns >= newest->since_ns) newest = o;
    }
    if (newest) session = newest->session;
    if (newest) newest->session = NULL;
    pthread_mutex_unlock(&k->lock);
    return session;
}
