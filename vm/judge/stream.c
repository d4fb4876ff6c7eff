/* Connections to proxy services: their key, and what their services ask of the first bytes. */
#include <string.h>

#include "vm/judge/decide.h"
#include "vm/packet/key.h"

unsigned program_wants(const struct program *p, uint32_t service)
{
    const uint32_t proxy = p->services[service].proxy;
    return proxy ? p->proxies[proxy - 1].wants : 0;
}

struct key stream_key(unsigned family, const uint32_t src[4], uint16_t sport, const uint32_t dst[4], uint16_t dport,
                      bool from_self, bool to_self, uint32_t schedules)
{
    struct key key = {.kind = (family == 4 ? KIND_IP4 : KIND_IP6) | KIND_TCP | KIND_PORTS | KIND_PROTO | KIND_FRAG_NO |
                              KIND_IN | (from_self ? KIND_SRC_SELF : 0) | (to_self ? KIND_DST_SELF : 0),
                      .marks = schedules << MARK_SCHEDULES,
                      .src_port = sport,
                      .dst_port = dport,
                      .proto = 6,
                      .iface = IFACE_NONE};
    memcpy(key.src, src, sizeof key.src);
    memcpy(key.dst, dst, sizeof key.dst);
    return key;
}
