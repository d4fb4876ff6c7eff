/* A list in order of arrival, tried again when a server's connection ends, and by a timer */
#include "runtime/proxy/queue.h"

#include <stddef.h>
#include <stdlib.h>

#include "runtime/proxy/connect.h"

#define LOOKS_NS UINT64_C(50000000)

/* Let each waiting session try once, in order; after a failure skip others of its branch */
static void stirred(struct task *t)
{
    struct proxy *p = (struct proxy *)((char *)t - offsetof(struct proxy, queue.stirs));
    struct queue *q = &p->queue;
    q->times++;
    for (struct session *s = q->first, *next; s; s = next) {
        next = s->queue_next;
        if (q->tried[s->branch] != q->times && !connect_again(s)) q->tried[s->branch] = q->times;
    }
    if (p->queue.first) timer_set(&p->loop.wheel, &p->queue.looks, p->loop.now_ns + LOOKS_NS);
}

static void queue_due(struct timer *t)
{
    queue_stir((struct proxy *)((char *)t - offsetof(struct proxy, queue.looks)));
}

void queue_stir(struct proxy *p)
{
    if (p->queue.first) loop_again(&p->loop, &p->queue.stirs);
}

uint32_t *queue_room(const struct program *p)
{
    return calloc((size_t)p->services_count + p->branches_count + 1, sizeof(uint32_t));
}

void queue_set(struct proxy *p, uint32_t *room)
{
    struct queue *q = &p->queue;
    queue_fini(p);
    q->of_service = room;
    q->tried = room + p->program->services_count;
    q->times = 0;
    if (!q->last) q->last = &q->first;
    q->stirs.run = stirred;
    q->looks.due = queue_due;
    for (const struct session *s = q->first; s; s = s->queue_next) room[s->service]++;
}

void queue_fini(struct proxy *p) { free(p->queue.of_service); }

bool queue_join(struct session *s)
{
    struct proxy *p = s->proxy;
    struct queue *q = &p->queue;
    const struct pbc_proxy *says = proxy_says(p, s->service);
    if (q->of_service[s->service] >= says->queue) return false;
    q->of_service[s->service]++;
    s->queue_next = NULL;
    s->queue_link = q->last;
    *q->last = s;
    q->last = &s->queue_next;
    count_up(&session_counts(s)->queued, 1);
    session_wait(s, says->queue_ms * UINT64_C(1000000));
    if (!q->looks.link) timer_set(&p->loop.wheel, &q->looks, p->loop.now_ns + LOOKS_NS);
    return true;
}

void queue_leave(struct session *s)
{
    struct queue *q = &s->proxy->queue;
    if (!s->queue_link) return;
    *s->queue_link = s->queue_next;
    if (s->queue_next)
        s->queue_next->queue_link = s->queue_link;
    else
        q->last = s->queue_link;
    s->queue_link = NULL;
    q->of_service[s->service]--;
}
