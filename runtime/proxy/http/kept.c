/* Buckets by server, the newest taken first; each entry has a task for its socket and a timer for its end */
#include "runtime/proxy/http/kept.h"

#include <errno.h>
#include <stddef.h>

struct kept_one {
    struct task task;
    struct timer timer;
    struct kept *kept;
    struct side *side;
    struct kept_key key;
    struct kept_one *next, **link;   /* its bucket's list */
    struct kept_one *later, **since; /* list of all */
};

static unsigned bucket(struct kept_key key)
{
    return (key.service * 31 + key.server + (uint32_t)key.session) % KEPT_BUCKETS;
}

static void unlink_one(struct kept_one *o)
{
    struct kept *k = o->kept;
    *o->link = o->next;
    if (o->next) o->next->link = o->link;
    *o->since = o->later;
    if (o->later)
        o->later->since = o->since;
    else
        k->newest = o->since;
    timer_stop(&k->loop->wheel, &o->timer);
}

/* Free a kept connection; if its task is still to run, the task frees it */
static void kept_give_back(struct kept_one *o)
{
    o->side = NULL;
    if (!o->task.waits) slab_give(&o->kept->ones, o);
}

static void kept_end(struct kept_one *o)
{
    struct side *s = o->side;
    unlink_one(o);
    side_close(s);
    slab_give(o->kept->sides, s);
    kept_give_back(o);
}

/* True if the server has sent nothing, and has not closed. Messages of TLS itself do not count. */
static bool side_is_silent(struct side *s)
{
    uint8_t byte;
    side_look(s);
    return side_read(s, &byte, 1) == -EAGAIN;
}

static void changed(struct task *t)
{
    struct kept_one *o = (struct kept_one *)t;
    if (!o->side)
        slab_give(&o->kept->ones, o);
    else if (!side_is_silent(o->side)) {
        o->kept->lost++;
        kept_end(o);
    }
}

static void kept_due(struct timer *t) { kept_end((struct kept_one *)((char *)t - offsetof(struct kept_one, timer))); }

void kept_init(struct kept *k, struct loop *l, struct slab *sides, uint32_t most)
{
    *k = (struct kept){.loop = l, .sides = sides};
    k->newest = &k->oldest;
    slab_init(&k->ones, sizeof(struct kept_one), most);
}

void kept_flush(struct kept *k)
{
    while (k->oldest) kept_end(k->oldest);
}

void kept_fini(struct kept *k)
{
    kept_flush(k);
    slab_fini(&k->ones);
}

struct kept_one *kept_room(struct kept *k)
{
    struct kept_one *o = slab_take(&k->ones);
    if (!o && k->oldest) {
        kept_end(k->oldest);
        o = slab_take(&k->ones);
    }
    if (o) *o = (struct kept_one){.task.run = changed, .timer.due = kept_due, .kept = k};
    return o;
}

struct task *kept_task(struct kept_one *one) { return &one->task; }

void kept_put(struct kept *k, struct kept_one *one, struct kept_key key, struct side *side, uint64_t ns)
{
    struct kept_one **head = &k->buckets[bucket(key)];
    one->key = key;
    one->side = side;
    one->next = *head;
    one->link = head;
    if (*head) (*head)->link = &one->next;
    *head = one;
    one->later = NULL;
    one->since = k->newest;
    *k->newest = one;
    k->newest = &one->later;
    timer_set(&k->loop->wheel, &one->timer, k->loop->now_ns + ns);
}

static struct kept_one *kept_find(const struct kept *k, struct kept_key key)
{
    for (struct kept_one *o = k->buckets[bucket(key)]; o; o = o->next)
        if (o->key.service == key.service && o->key.server == key.server && o->key.session == key.session) return o;
    return NULL;
}

struct side *kept_take(struct kept *k, struct kept_key key, struct task *task)
{
    for (struct kept_one *o; (o = kept_find(k, key));) {
        struct side *s = o->side;
        if (!side_is_silent(s)) {
            k->lost++;
            kept_end(o);
            continue;
        }
        unlink_one(o);
        kept_give_back(o);
        s->task = task;
        k->taken++;
        return s;
    }
    return NULL;
}
