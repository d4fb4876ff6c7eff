/* Checks of the contents of requests, as the parent gets them. There is a function for each shape, called for each
 * body and each element before a handler sees it, so that no handler can forget it: texts end, numbers have bounds,
 * and interfaces are those of the command line. The contents are hostile. */
#include <string.h>
#include <sys/socket.h>

#include "runtime/host/manager.h"
#include "runtime/parent/parent_priv.h"

static bool is_port(const struct parent *p, uint32_t port) { return port < p->o->iface_count; }
static bool is_family(uint32_t family) { return family == 4 || family == 6; }

/* True if a text ends within its room */
#define ENDS(text)   (memchr(text, 0, sizeof(text)) != NULL)

#define SHAPE(shape) static bool sound_##shape(const struct parent *p, const struct request_##shape *r)

SHAPE(program) { return program_bounds_fit(r->flows, r->half_open); }
SHAPE(guard) { return r->routed <= 1; }
SHAPE(at) { return is_port(p, r->port); }
SHAPE(offloads) { return is_port(p, r->port); }
SHAPE(steer) { return is_port(p, r->port); }
SHAPE(take) { return is_port(p, r->port); }
SHAPE(world) { return is_port(p, r->port); }
SHAPE(notify) { return r->word < MANAGER_WORDS; }
SHAPE(address) { return is_port(p, r->port) && is_family(r->addr.family); }
SHAPE(listen) { return r->port && r->port <= UINT16_MAX && is_family(r->addr.family); }
SHAPE(family) { return is_family(r->family); }
SHAPE(keypair) { return ENDS(r->cert) && ENDS(r->key); }
SHAPE(addresses) { return ENDS(r->path) && r->hurry <= 1 && r->most <= PBC_LIVE_SIZE_MAX; }
SHAPE(path) { return ENDS(r->path); }
SHAPE(stream) { return ENDS(r->dir) && ENDS(r->name) && r->how < STREAM_HOWS && r->again <= 1; }
SHAPE(turn) { return ENDS(r->path) && r->turn <= 1 && !r->zero; }
SHAPE(name) { return ENDS(r->name); }
SHAPE(recording) { return r->number && r->what <= RECORDING_SHORTEN && !r->zero; }
SHAPE(file) { return r->file < HISTORY_FILES; }
SHAPE(left) { return r->status <= 255; }
SHAPE(lend) { return r->what < LENDS && (r->what == LEND_PORT ? is_port(p, r->at) : r->at < IO_WORKERS_MOST); }
SHAPE(process) { return true; } /* the service may ask about any process who logged in */

SHAPE(port)
{
    const struct io_ask *ask = &r->ask;
    return is_port(p, ask->port) && ask->worker < IO_WORKERS_MOST && ask->group <= UINT16_MAX &&
           ask->ring_bytes >= OPTIONS_RING_LEAST && ask->ring_bytes <= p->o->ring;
}

SHAPE(inline_stack)
{
    const struct inline_stack_ask *ask = &r->ask;
    return ask->workers && ask->workers <= INLINE_WORKERS && ask->mtu >= INLINE_STACK_MTU_LEAST &&
           ask->mtu <= INLINE_STACK_MTU_MOST && ask->whole <= 1;
}

SHAPE(check_socket)
{
    return is_family(r->from.family) && (r->type == SOCK_STREAM || r->type == SOCK_DGRAM || r->type == SOCK_RAW);
}

/* Elements, and a function that decides whether all of them make sense */
#define ELEMENT(thing)                                                                                                 \
    static bool is_##thing(const struct thing *);                                                                      \
    static bool are_##thing(const struct thing all[], uint32_t count)                                                  \
    {                                                                                                                  \
        for (uint32_t i = 0; i < count; i++)                                                                           \
            if (!is_##thing(&all[i])) return false;                                                                    \
        return true;                                                                                                   \
    }                                                                                                                  \
    static bool is_##thing(const struct thing *e)

ELEMENT(host_ports) { return e->lo <= e->hi && e->yields <= 1 && e->grows <= 1; }
ELEMENT(guard_shut) { return guard_shut_valid(e); }
ELEMENT(guard_match) { return guard_match_valid(e); }
ELEMENT(dns_name)
{
    static const char may[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
    return ENDS(e->host) && *e->host && *e->host != '.' && e->host[strspn(e->host, may)] == '\0';
}
ELEMENT(own_address) { return true; } /* any 16 bytes are a valid address */

/* The tests of a row */
#define BODY_NO_BODY           true
#define BODY_BODY(shape)       sound_##shape(p, r->body)
#define BODY_PATH(of)          sound_path(p, r->body)
#define EACH_ALONE             true
#define EACH_BYTES(most)       true
#define EACH_LIST(thing, most) are_##thing(r->elements, r->count)

bool request_is_sound(const struct parent *p, enum request_kind kind, const struct request *r)
{
#define REQUEST(ident, asks, behind, gives, doc)                                                                       \
    if (kind == REQUEST_##ident) return (BODY_##asks) && (EACH_##behind);
#include "runtime/parent/request.def"
    return false;
}
