/* A note needs a parse, so only the needed fields are read */
#include "runtime/worker/drops.h"

#include <string.h>

#include "vm/packet/key.h"
#include "vm/packet/wire.h"

int drops_init(struct drops *d) { return ring_init(&d->notes, DROPS_NOTED, sizeof(struct drop_note)); }
void drops_fini(struct drops *d) { ring_fini(&d->notes); }

static struct packet_end end_of_station(const uint8_t *mac)
{
    return (struct packet_end){{wire_get16(mac), wire_get32(mac + 2)}, END_MAC};
}

static struct packet_end end_of_address(const uint32_t addr[4], uint32_t kind)
{
    struct packet_end end = {.kind = kind & KIND_IP4 ? END_IP4 : END_IP6};
    memcpy(end.addr, addr, sizeof end.addr);
    return end;
}

void packet_ends_read(const struct pkt *pkt, struct packet_ends *ends)
{
    enum { MACS = 12 };
    struct pkt seen = *pkt;
    struct key key;
    pkt_parse(&seen, NULL, &key);
    *ends = (struct packet_ends){.dst_port = key.dst_port, .has_port = key.kind & KIND_PORTS};
    if (key.kind & KIND_IP && !address_equal(key.dst, (const uint32_t[4]){0})) {
        ends->src = end_of_address(key.src, key.kind);
        ends->dst = end_of_address(key.dst, key.kind);
    } else if (pkt->link == LINK_ETHER && pkt->cap_len >= MACS) {
        ends->src = end_of_station(pkt->data + MACS / 2);
        ends->dst = end_of_station(pkt->data);
    }
}

void drops_note(struct drops *d, const struct pkt *pkt, const struct verdict *v, bool watched, uint64_t program,
                uint64_t now_ns)
{
    const uint32_t stands = thin_take(&d->thins.of[thins_at(v->rule, v->firewall, v->reason)], now_ns, THIN_DROPS);
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
                          .watched = watched};
    packet_ends_read(pkt, &n.ends);
    if (!ring_put(&d->notes, &n)) __atomic_store_n(&d->unnoted, d->unnoted + stands, __ATOMIC_RELAXED);
}
