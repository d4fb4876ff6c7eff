/* A note costs a parse, so only what is taken is read */
#include "runtime/worker/drops.h"

#include <string.h>

#include "vm/packet/key.h"
#include "vm/packet/wire.h"

int drops_init(struct drops *d) { return ring_init(&d->notes, DROPS_NOTED, sizeof(struct drop_note)); }
void drops_fini(struct drops *d) { ring_fini(&d->notes); }

/* A frame that is not IP, or is broken before its addresses, is its station's. */
static void read_station(struct drop_note *n, const struct pkt *pkt)
{
    enum { MAC_AT = 6, MAC_END = 12 };
    if (pkt->link != LINK_ETHER || pkt->cap_len < MAC_END) return;
    const uint8_t *mac = pkt->data + MAC_AT;
    n->from = DROP_FROM_MAC;
    n->src[0] = wire_get16(mac);
    n->src[1] = wire_get32(mac + 2);
}

void drop_note_read(struct drop_note *n, const struct pkt *pkt)
{
    struct pkt seen = *pkt;
    struct key key;
    pkt_parse(&seen, NULL, &key);
    n->from = DROP_FROM_NOBODY;
    if (key.kind & KIND_IP && !address_equal(key.src, (const uint32_t[4]){0})) {
        n->from = key.kind & KIND_IP4 ? DROP_FROM_IP4 : DROP_FROM_IP6;
        memcpy(n->src, key.src, sizeof n->src);
    } else {
        read_station(n, pkt);
    }
    if (key.kind & KIND_PORTS) {
        n->dst_port = key.dst_port;
        n->flags |= DROP_PORT;
    }
}

void drops_note(struct drops *d, const struct pkt *pkt, const struct verdict *v, bool watched, uint64_t program,
                uint64_t now_ns)
{
    const uint32_t stands = thin_take(&d->thins.of[thins_at(v->rule, v->firewall, v->reason)], now_ns);
    if (!stands) return;
    struct drop_note n = {.at_ns = now_ns,
                          .program = program,
                          .rule = v->rule,
                          .firewall = v->firewall,
                          .service = v->service,
                          .stands = stands,
                          .action = v->action,
                          .reason = v->reason,
                          .port = (uint8_t)pkt->cookie,
                          .flags = watched ? DROP_WATCHED : 0};
    drop_note_read(&n, pkt);
    if (!ring_put(&d->notes, &n)) __atomic_store_n(&d->unnoted, d->unnoted + stands, __ATOMIC_RELAXED);
}
