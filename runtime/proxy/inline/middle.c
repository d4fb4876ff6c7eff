/* Four moves per turn, two for each direction: end to program, program to end */
#include "runtime/proxy/inline/middle.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/proxy/inline/inline.h"
#include "vm/packet/wire.h"
#include "vm/stream/first.h"

/* TLVs of the header, in the range that the PROXY protocol leaves to applications */
enum tlv { TLV_WAY = 0xe0, TLV_NUMBER, TLV_CLIENT_MAC, TLV_SERVER_MAC, TLV_VLANS, TLV_IFACE };
enum { TLV_HEAD = 3, LENGTH_AT = 14, V2_HEAD = 16, MAC_BYTES = 6, IFACE_MOST = 64, HEAD_MOST = 256, NUMBER_BYTES = 8 };

struct head {
    uint8_t bytes[HEAD_MOST];
    uint32_t len;
};

static uint8_t *tlv(struct head *h, enum tlv type, uint32_t len)
{
    uint8_t *at = h->bytes + h->len;
    at[0] = (uint8_t)type;
    wire_put16(at + 1, (uint16_t)len);
    h->len += TLV_HEAD + len;
    return at + TLV_HEAD;
}

static void add_mac(struct head *h, enum tlv type, uint64_t mac)
{
    if (!mac) return;
    uint8_t *at = tlv(h, type, MAC_BYTES);
    for (unsigned i = 0; i < MAC_BYTES; i++) at[i] = (uint8_t)(mac >> 8 * (MAC_BYTES - 1 - i));
}

/* Write the header of a stream. The number is the same in both streams of a connection, and in no other's. */
static void head_write(struct head *h, const struct session *s, enum middle_way way)
{
    const struct inline_facts *in = s->inlined;
    const struct stream_addr service = session_service(s);
    const uint64_t number = (uint64_t)s->proxy->cfg.vm.worker << 56 | s->number;
    h->len = proxy_header_write(h->bytes, 2, &s->peer, &service);
    *tlv(h, TLV_WAY, 1) = (uint8_t)(way + 1);
    uint8_t *at = tlv(h, TLV_NUMBER, NUMBER_BYTES);
    wire_put32(at, (uint32_t)(number >> 32));
    wire_put32(at + 4, (uint32_t)number);
    add_mac(h, TLV_CLIENT_MAC, in->client_mac);
    add_mac(h, TLV_SERVER_MAC, in->server_mac);
    const unsigned tags = in->vlan[0] == VLAN_UNTAGGED ? 0 : in->vlan[1] == VLAN_UNTAGGED ? 1 : 2;
    at = tags ? tlv(h, TLV_VLANS, 2 * tags) : NULL;
    for (unsigned i = 0; i < tags; i++) wire_put16(at + 2 * i, in->vlan[i]);
    const char *name =
        s->proxy->cfg.iface_name && in->port < s->proxy->iface_count ? s->proxy->cfg.iface_name[in->port] : NULL;
    const size_t len = name ? strnlen(name, IFACE_MOST) : 0;
    if (len) memcpy(tlv(h, TLV_IFACE, (uint32_t)len), name, len);
    wire_put16(h->bytes + LENGTH_AT, (uint16_t)(h->len - V2_HEAD));
}

/* Connect both streams and send their headers, for which a new socket has room. Return 0 or a negative errno. */
static int streams_open(struct session *s, int fds[MIDDLE_WAYS])
{
    struct proxy *p = s->proxy;
    const char *path = program_str(p->program, p->program->branches[s->branch].share_count);
    struct head h;
    int failed = p->cfg.middle ? p->cfg.middle(p->cfg.with, path, fds) : -ENOTSUP;
    if (failed) return failed;
    for (unsigned way = 0; way < MIDDLE_WAYS && !failed; way++) {
        head_write(&h, s, (enum middle_way)way);
        failed = send(fds[way], h.bytes, h.len, MSG_NOSIGNAL) == (ssize_t)h.len ? 0 : -EIO;
    }
    for (unsigned way = 0; way < MIDDLE_WAYS && failed; way++) close(fds[way]);
    return failed;
}

bool middle_begin(struct session *s)
{
    struct proxy *p = s->proxy;
    int fds[MIDDLE_WAYS], failed = 0;
    struct middle *m = slab_take(&p->middles);
    if (!m) return false;
    if (streams_open(s, fds)) {
        slab_give(&p->middles, m);
        return false;
    }
    memset(m, 0, sizeof *m);
    s->middle = m;
    for (unsigned way = 0; way < MIDDLE_WAYS; way++)
        failed |= side_open(&m->streams[way], &p->loop, fds[way], &s->task);
    for (unsigned way = 0; way < MIDDLE_WAYS; way++)
        m->in[way] = (struct way){.to = &m->streams[way], .pipes = &p->pipes, .left = WAY_ALL};
    m->in[MIDDLE_UP].from = &s->client;
    m->in[MIDDLE_UP].buffer = s->up.buffer; /* the first bytes, by which the branch was chosen */
    m->in[MIDDLE_DOWN].from = s->server;
    s->up.buffer = NULL;
    s->up.from = &m->streams[MIDDLE_UP];
    s->down.from = &m->streams[MIDDLE_DOWN];
    return !failed;
}

/* Move bytes from an end to the program. A program that has ended its output may close, and then wants no more
 * input. */
static bool move_in(struct session *s, enum middle_way way)
{
    struct middle *m = s->middle;
    if (m->shut[way]) return true;
    if (way == MIDDLE_UP && !name_heard(s)) return s->ended == SESSION_ENDS;
    switch (way_move(&m->in[way], &s->proxy->buffers)) {
    case WAY_AGAIN: session_again(s); return true;
    case WAY_NO_BUFFER: session_end(s, SESSION_FULL); return false;
    case WAY_FROM: session_end(s, way == MIDDLE_UP ? SESSION_CLIENT_RESET : SESSION_SERVER_RESET); return false;
    case WAY_TO:
        m->shut[way] = m->streams[way].flags & SIDE_ENDED;
        if (!m->shut[way]) session_end(s, SESSION_PROGRAM);
        return m->shut[way];
    default: return true;
    }
}

/* Move bytes from the program to an end. *done: all is written. */
static bool move_out(struct session *s, enum middle_way way, bool *done)
{
    const bool up = way == MIDDLE_UP;
    struct way *w = up ? &s->up : &s->down;
    const uint64_t before = w->moved;
    const enum way_result r = way_move(w, &s->proxy->buffers);
    struct proxy_counters *c = session_counts(s);
    count_up(up ? &c->up_bytes : &c->down_bytes, w->moved - before);
    *done = r == WAY_DONE;
    switch (r) {
    case WAY_AGAIN: session_again(s); return true;
    case WAY_NO_BUFFER: session_end(s, SESSION_FULL); return false;
    case WAY_FROM: session_end(s, SESSION_PROGRAM); return false;
    case WAY_TO: session_end(s, up ? SESSION_SERVER_RESET : SESSION_CLIENT_RESET); return false;
    default: return true;
    }
}

bool middle_move(struct session *s)
{
    struct middle *m = s->middle;
    bool done[MIDDLE_WAYS];
    for (unsigned way = 0; way < MIDDLE_WAYS; way++) {
        /* The program closed a stream without an orderly end, before it learned of the end of its input, so its
         * output may be cut short. */
        if (m->streams[way].flags & SIDE_HUNG && !(m->streams[way].flags & (SIDE_FIN | SIDE_ENDED | SIDE_SHUT))) {
            session_end(s, SESSION_PROGRAM);
            return false;
        }
        if (!move_in(s, (enum middle_way)way) || !move_out(s, (enum middle_way)way, &done[way])) return false;
    }
    if (done[MIDDLE_UP] && done[MIDDLE_DOWN]) session_end(s, SESSION_DONE);
    return s->ended == SESSION_ENDS;
}

void middle_fini(struct session *s)
{
    struct middle *m = s->middle;
    if (!m) return;
    for (unsigned way = 0; way < MIDDLE_WAYS; way++) {
        way_fini(&m->in[way], &s->proxy->buffers);
        side_close(&m->streams[way]);
    }
    slab_give(&s->proxy->middles, m);
    s->middle = NULL;
    s->up.from = s->down.from = NULL;
}
