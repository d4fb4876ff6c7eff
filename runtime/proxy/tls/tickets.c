/* The current key, the former one, and one being made, exchanged under a lock */
#include "runtime/proxy/tls/tickets.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct tickets {
    unsigned refs; /* atomic */
    pthread_mutex_t lock;
    uint64_t since_ns;       /* start of keys[0]'s time */
    struct ticket_key *keys; /* [3], secure heap: current, former, being made */
    bool before;             /* keys[1] is valid */
};

/* Make a key in the secure heap */
static bool ticket_make(struct ticket_key *k) { return RAND_priv_bytes((unsigned char *)k, sizeof *k) == 1; }

struct tickets *tickets_new(uint64_t now_ns)
{
    struct tickets *t = calloc(1, sizeof *t);
    if (t) t->keys = OPENSSL_secure_zalloc(3 * sizeof *t->keys);
    if (!t || !t->keys || !ticket_make(t->keys)) {
        if (t) OPENSSL_secure_clear_free(t->keys, 3 * sizeof *t->keys);
        free(t);
        return NULL;
    }
    t->refs = 1;
    t->since_ns = now_ns;
    pthread_mutex_init(&t->lock, NULL);
    return t;
}

struct tickets *tickets_get(struct tickets *t)
{
    __atomic_add_fetch(&t->refs, 1, __ATOMIC_RELAXED);
    return t;
}

void tickets_put(struct tickets *t)
{
    if (!t || __atomic_sub_fetch(&t->refs, 1, __ATOMIC_ACQ_REL)) return;
    pthread_mutex_destroy(&t->lock);
    OPENSSL_secure_clear_free(t->keys, 3 * sizeof *t->keys);
    free(t);
}

/* Replace keys that have expired. False if no new key can be made. */
static bool tickets_turn(struct tickets *t, uint64_t now_ns)
{
    const uint64_t age = now_ns > t->since_ns ? now_ns - t->since_ns : 0;
    if (age < TICKETS_TURN_NS) return true;
    if (!ticket_make(&t->keys[2])) return false;
    t->before = age < 2 * TICKETS_TURN_NS;
    t->since_ns = t->before ? t->since_ns + TICKETS_TURN_NS : now_ns;
    t->keys[1] = t->keys[t->before ? 0 : 2];
    t->keys[0] = t->keys[2];
    return true;
}

bool tickets_give(struct tickets *t, uint64_t now_ns, struct ticket_key *key)
{
    pthread_mutex_lock(&t->lock);
    const bool good = tickets_turn(t, now_ns);
    if (good) *key = t->keys[0];
    pthread_mutex_unlock(&t->lock);
    return good;
}

bool tickets_take(struct tickets *t, uint64_t now_ns, const uint8_t name[TICKET_NAME], struct ticket_key *key,
                  bool *old)
{
    pthread_mutex_lock(&t->lock);
    bool found = tickets_turn(t, now_ns) && !memcmp(name, t->keys[0].name, TICKET_NAME);
    *old = !found && t->before && !memcmp(name, t->keys[1].name, TICKET_NAME);
    found = found || *old;
    if (found) *key = t->keys[*old];
    pthread_mutex_unlock(&t->lock);
    return found;
}
