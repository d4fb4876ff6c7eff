/* The table of limits, each with its present counter and its counter at the last report */
#include "runtime/live/control/document/limits.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/live/carry/kernel/in_kernel.h"
#include "runtime/live/carry/proxy/proxied.h"
#include "runtime/live/carry/steered.h"
#include "runtime/report/json.h"

#define EACH_NS UINT64_C(10000000000)

static const struct {
    enum told told;
    const char *key, *words;
} limits[LIMITS] = {
#define LIMIT(ident, key, told, words) {TOLD_##told, key, words},
#include "runtime/counters/limit.def"
};

/* Name some next hops that have not answered lately. */
static void silent_hops(const struct control *control, char *to, size_t len)
{
    const uint64_t now_ns = clock_ns(CLOCK_MONOTONIC), since_ns = now_ns > 2 * EACH_NS ? now_ns - 2 * EACH_NS : 0;
    const struct hop *hop;
    size_t used = 0;
    uint32_t at = 0;
    *to = 0;
    for (unsigned named = 0; named < 3 && (hop = hops_silent(&control->world->hops, since_ns, &at)); named++) {
        const struct host_addr a = host_addr_of(hop->key.addr, hop->key.family);
        char text[HOST_ADDR_TEXT];
        used += (size_t)snprintf(to + used, len - used, "%s%s on %.15s", named ? ", " : ", on the way to ",
                                 host_addr_text(&a, text), control->o->ifaces[hop->port]);
    }
}

/* Read the losses of ports and steering. Only this function does so, because reading resets some of the counters. */
static void of_ports(const struct control *control, uint64_t now[])
{
    struct io_stats s = {0}, all = {0};
    for (unsigned at = 0; at < control->o->iface_count; at++) steered_stats(control->carry, at, &all);
    for (unsigned i = 0; i < control->carry->worker_count; i++) {
        const struct worker *w = control->carry->workers[i];
        for (unsigned at = 0; at < w->egress.port_count; at++) {
            w->ports[at].ops->losses(w->ports[at].io, &s);
            io_stats_add(&all, &s);
            io_stats_add(&all, &w->ports[at].before);
        }
    }
    now[LIMIT_RING] = all.lost;
    now[LIMIT_TOO_LONG] = all.cut;
}

/* Read the number of times that each limit was reached since the start. */
static void reached(const struct control *control, uint64_t now[])
{
    for (unsigned i = 0; i < control->carry->worker_count; i++)
        for (unsigned k = 0; k < LIMITS; k++)
            now[k] += __atomic_load_n(&control->carry->workers[i]->limits[k], __ATOMIC_RELAXED);
    now[LIMIT_LOCAL_PORT] = proxied_portless(control->carry);
    now[LIMIT_BOUND] = control->carry->guard.ports.lost;
    if (control->carry->by_tc | control->carry->rings) now[LIMIT_RAISED] = in_kernel_more(control->carry).lost;
    of_ports(control, now);
}

void limits_add(const struct control *control, cJSON *root)
{
    uint64_t now[LIMITS] = {0};
    cJSON *list = cJSON_AddArrayToObject(root, "limits");
    reached(control, now);
    for (unsigned i = 0; i < LIMITS; i++) {
        cJSON *one = json_object(list);
        cJSON_AddStringToObject(one, "limit", limits[i].key);
        json_number(one, "reached", now[i]);
        cJSON_AddStringToObject(one, "words", limits[i].words);
    }
}

/* Name some of the ports bound last. */
static void bound_ports(const struct control *control, char *to, size_t len)
{
    const struct shared_ports *s = &control->carry->guard.ports;
    size_t used = 0;
    *to = 0;
    for (unsigned i = s->host.bound_count; i < s->all_count && i < s->host.bound_count + 3; i++)
        used += (size_t)snprintf(to + used, len - used, "%s%s %u", used ? ", " : ", ", s->all[i].udp ? "udp" : "tcp",
                                 s->all[i].port);
}

static void tell_one(struct control *control, unsigned limit, uint64_t more)
{
    char where[300] = "";
    if (limit == LIMIT_NEIGHBOUR) silent_hops(control, where, sizeof where);
    if (limit == LIMIT_BOUND) bound_ports(control, where, sizeof where);
    events_tell(&control->tell->events, limits[limit].told, "%s%s: %" PRIu64, limits[limit].words, where, more);
}

void limits_tell(struct control *control, bool last)
{
    uint64_t now[LIMITS] = {0};
    const uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
    reached(control, now);
    for (unsigned i = 0; i < LIMITS; i++) {
        struct limit_told *told = &control->limits[i];
        if (now[i] < told->count) told->count = now[i]; /* the counters of a new program began at 0 */
        if (now[i] == told->count || (told->count && !last && now_ns - told->at_ns < EACH_NS)) continue;
        tell_one(control, i, now[i] - told->count);
        *told = (struct limit_told){now[i], now_ns};
    }
}

void limits_go_on(struct control *control)
{
    uint64_t now[LIMITS] = {0};
    for (unsigned i = 0; i < control->carry->worker_count; i++)
        limits_publish(control->carry->workers[i], clock_ns(CLOCK_MONOTONIC));
    reached(control, now);
    for (unsigned i = 0; i < LIMITS; i++) control->limits[i].count = now[i];
}
