/* Sending frames into the sides' devices, reading them from there, and probes behind them */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "tests/diff/routers/side.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/wire.h"

enum { PROBE_MAGIC = 0x70726f62, LOST_MS = 20000, TRY_MS = 20 };

void side_send(struct side *s, const struct frame *f)
{
    const unsigned skip = s->bare[f->iface] ? ETHER_LEN : 0;
    if (write(s->taps[f->iface], f->bytes + skip, f->len - skip) != f->len - (int)skip)
        printf("# %s: e%u takes no frame: %s\n", side_name(s->kind), f->iface, strerror(errno));
}

/* True for a router's own messages, regardless of the program: ARP, neighbour discovery, group membership. */
static bool is_small_talk(const struct frame *f)
{
    const uint8_t *ip = f->bytes + 14;
    const unsigned type = wire_get16(f->bytes + 12);
    if (type != 0x0800 && type != 0x86dd) return true;
    if (type == 0x0800) return ip[9] == 2;
    return ip[6] == 0 || (ip[6] == IPPROTO_NR_ICMP6 && ip[40] >= 130 && ip[40] <= 143);
}

static bool is_probe(const struct frame *f, uint32_t *number)
{
    if (f->len < 14 + 28 + 8 || wire_get16(f->bytes + 12) != 0x0800 || f->bytes[14 + 9] != IPPROTO_NR_UDP) return false;
    if (wire_get32(f->bytes + 14 + 28) != PROBE_MAGIC) return false;
    *number = wire_get32(f->bytes + 14 + 32);
    return true;
}

/* Read the frames that have come out. True if the last probe is among them. */
static bool take(struct side *s, const struct world *w)
{
    bool over = false;
    for (unsigned i = 0; i < w->ifs; i++)
        for (;;) {
            struct frame *f = &s->got[s->got_count];
            uint32_t number;
            const unsigned skip = s->bare[i] ? ETHER_LEN : 0;
            const ssize_t n = read(s->taps[i], f->bytes + skip, FRAME_MOST - skip);
            if (n <= 0) break;
            f->iface = (uint8_t)i;
            f->len = (uint16_t)(n + skip);
            memset(f->bytes, 0, skip);
            if (skip) wire_put16(f->bytes + ETHER_TYPE_AT, f->bytes[skip] >> 4 == 4 ? ETHER_IP4 : ETHER_IP6);
            if (is_probe(f, &number))
                over = over || (number == s->probes && (!s->strict || i == w->probe_out));
            else if (!is_small_talk(f) && s->got_count < GOT_MOST - 1)
                s->got_count++;
        }
    return over;
}

static void send_probe(struct side *s, const struct world *w, unsigned iface)
{
    struct packet p = {.proto = IPPROTO_NR_UDP, .ttl = 64, .dst_port = 9, .payload = 12};
    struct frame f;
    s->probes++;
    world_mac(iface, HOST_ROUTER, p.to_mac);
    world_mac(iface, HOST_GATEWAY, p.from_mac);
    memcpy(p.src, (uint8_t[4]){192, 0, 3, 9}, 4);
    world_probe_addr(w, s->probes, p.dst);
    p.src_port = (uint16_t)(1024 + s->probes % 60000);
    packet_build(&p, (uint8_t)iface, &f);
    uint8_t *udp = f.bytes + 14 + 20;
    wire_put32(udp + 8, PROBE_MAGIC);
    wire_put32(udp + 12, s->probes);
    wire_put16(udp + 6, 0);
    wire_put16(udp + 6, packet_sum_upper(f.bytes + 14, udp, 20, IPPROTO_NR_UDP));
    side_send(s, &f);
}

static bool await_probe(struct side *s, const struct world *w, int ms)
{
    struct pollfd polls[IFS_MOST];
    for (unsigned i = 0; i < w->ifs; i++) polls[i] = (struct pollfd){s->taps[i], POLLIN, 0};
    for (;;) {
        if (take(s, w)) return true;
        if (poll(polls, w->ifs, ms) <= 0) return false;
    }
}

/* Wait for two probes. A worker sends a batch by one interface after the other, so the second probe comes out after
 * all frames before the first. */
bool side_settle(struct side *s, const struct world *w, unsigned iface)
{
    if (s->kind == SIDE_NETFILTER) {
        take(s, w);
        return true;
    }
    if (!w->iface[iface].served || w->iface[iface].down)
        for (iface = 0; !w->iface[iface].served || w->iface[iface].down;) iface++;
    for (unsigned n = 0; n < 2; n++) {
        send_probe(s, w, iface);
        if (!await_probe(s, w, LOST_MS)) return false;
    }
    return true;
}

bool side_wait(struct side *s, const struct world *w, int ms)
{
    struct pollfd polls[IFS_MOST];
    const unsigned before = s->got_count;
    for (unsigned i = 0; i < w->ifs; i++) polls[i] = (struct pollfd){s->taps[i], POLLIN, 0};
    while (s->got_count == before) {
        if (poll(polls, w->ifs, ms) <= 0) return false;
        take(s, w);
    }
    return true;
}

bool side_knows(struct side *s, const struct world *w)
{
    bool known = false;
    unsigned first = 0;
    while (!w->iface[first].served || w->iface[first].down) first++;
    s->strict = true;
    for (int tries = 0; tries < LOST_MS / TRY_MS && !known; tries++) {
        send_probe(s, w, first);
        known = await_probe(s, w, TRY_MS);
    }
    s->strict = false;
    s->got_count = 0;
    return known;
}
