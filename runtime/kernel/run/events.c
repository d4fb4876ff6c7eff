/* libbpf's ring buffer; lengths are checked, because others may map the ring */
#include "runtime/kernel/run/events.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>

struct kernel_events {
    struct ring_buffer *ring;
    kernel_event_fn *fn;
    void *arg;
    unsigned left; /* most records to take */
};

/* Return the least length of a record. The stages write no shorter ones, but others that map the ring might. */
static size_t record_least(uint32_t kind)
{
    if (kind == KERNEL_EVENT_SAMPLE) return sizeof(struct kernel_event_sample);
    if (kind == KERNEL_EVENT_ADD) return sizeof(struct kernel_event_add);
    return kind == KERNEL_EVENT_FLOW ? sizeof(struct kernel_event_flow) : sizeof(struct kernel_event_packet);
}

static int event_take_one(void *arg, void *data, size_t len)
{
    struct kernel_events *e = arg;
    const struct kernel_event *event = data;
    if (len >= sizeof *event && len >= record_least(event->kind)) e->fn(e->arg, event, len);
    return --e->left ? 0 : -EAGAIN;
}

struct kernel_events *kernel_events_new(int map, kernel_event_fn *fn, void *arg)
{
    struct kernel_events *e = calloc(1, sizeof *e);
    if (!e) return NULL;
    *e = (struct kernel_events){.fn = fn, .arg = arg};
    e->ring = ring_buffer__new(map, event_take_one, e, NULL);
    if (e->ring) return e;
    const int failed = errno;
    free(e);
    errno = failed;
    return NULL;
}

void kernel_events_free(struct kernel_events *e)
{
    if (!e) return;
    ring_buffer__free(e->ring);
    free(e);
}

int kernel_events_fd(const struct kernel_events *e) { return ring_buffer__epoll_fd(e->ring); }

bool kernel_events_there(const struct kernel_events *e)
{
    struct pollfd some = {.fd = kernel_events_fd(e), .events = POLLIN};
    return poll(&some, 1, 0) > 0;
}

int kernel_events_take(struct kernel_events *e) { return kernel_events_some(e, UINT_MAX); }

int kernel_events_some(struct kernel_events *e, unsigned most)
{
    e->left = most;
    const int taken = ring_buffer__consume(e->ring);
    return taken == -EAGAIN ? (int)most : taken;
}
