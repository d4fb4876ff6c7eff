/* Finds a client's address in a PROXY header. The header is peeked at in the socket, and no byte behind it is read:
 * TLS may follow. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "runtime/proxy/session.h"
#include "vm/stream/first.h"

static bool has_source(const struct session *s, uint32_t sets, uint32_t count, const struct key *key)
{
    for (uint32_t i = 0; i < count; i++)
        if (set_has(s->proxy->program, sets + i, key, false)) return true;
    return false;
}

/* True if the client's source may send a PROXY header */
static bool is_trusted(const struct session *s)
{
    const struct pbc_proxy *says = proxy_says(s->proxy, s->service);
    return has_source(s, says->accept_from, says->accept_count, &s->key);
}

/* Return an address that sends something, in the form for rules. */
static struct key peer_key(const struct stream_addr *a)
{
    return stream_key(a->v6 ? 6 : 4, a->addr, a->port, a->addr, a->port, 0, 0, 0);
}

static enum name_trust trust_of(const struct session *s, const struct key *from)
{
    const struct pbc_proxy *says = proxy_says(s->proxy, s->service);
    if (!says->trust_count) return NAME_TRUST_UNSAID;
    return has_source(s, says->trust_from, says->trust_count, from) ? NAME_TRUSTED : NAME_UNTRUSTED;
}

enum name_trust name_trust(const struct session *s)
{
    const struct key named = s->mixed ? peer_key(&s->named) : s->key;
    return trust_of(s, &named);
}

bool name_fronted(const struct session *s)
{
    const struct key front = s->tls_said ? peer_key(&s->peer) : s->key;
    return s->tls_said && trust_of(s, &front) == NAME_TRUSTED;
}

static void believe(struct session *s, const struct proxy_header *h)
{
    if (!h->known) return;
    s->tls_said = h->tls;
    s->named_port = h->dst.port;
    s->mixed = h->src.v6 != !!(s->key.kind & KIND_IP6);
    s->named = h->src;
    if (s->mixed) return; /* rules and balancing use the connection's own addresses */
    memcpy(s->key.src, h->src.addr, sizeof s->key.src);
    s->key.src_port = h->src.port;
}

static int header_refuse(struct session *s, enum stream_reason why)
{
    count_up(&session_counts(s)->refused[why], 1);
    session_end(s, SESSION_PROXY_HEADER);
    return -EPROTO;
}

/* Return the number of bytes that wait in the socket; 0: its end; -EAGAIN or another negative errno */
static ssize_t peek(struct session *s, uint8_t bytes[PROXY_V2_MAX])
{
    if (!(s->client.flags & SIDE_MAY_READ)) return -EAGAIN;
    const ssize_t n = recv(s->client.fd, bytes, PROXY_V2_MAX, MSG_PEEK);
    if (n < 0 && errno == EAGAIN) s->client.flags &= (uint16_t)~SIDE_MAY_READ;
    return n < 0 ? -errno : n;
}

bool name_heard(struct session *s)
{
    enum { TELLING = sizeof "PROXY " - 1 }; /* fewer bytes before the end aren't a header */
    uint8_t bytes[PROXY_V2_MAX];
    struct proxy_header h;
    if (!s->unheard) return true;
    const ssize_t n = peek(s, bytes);
    if (n == -EAGAIN) return false;
    const enum stream_read r = n > 0 ? proxy_header_read(&h, bytes, (uint32_t)n) : READ_OTHER;
    const bool whole = s->client.flags & SIDE_HUNG || n == sizeof bytes; /* no more of it will come */
    s->unheard = r == READ_MORE && !whole;
    if (s->unheard) s->client.flags &= (uint16_t)~SIDE_MAY_READ;
    if (r == READ_OTHER || (r == READ_MORE && n < TELLING)) return !s->unheard;
    if (!s->unheard) header_refuse(s, STREAM_PROXY_UNTRUSTED);
    return false;
}

int name_client(struct session *s)
{
    const struct program *program = s->proxy->program;
    uint8_t bytes[PROXY_V2_MAX];
    struct proxy_header h;
    s->unheard = !is_trusted(s) && !mode_is(program->services[s->service].mode, MODE_REQUESTS) &&
                 !proxy_tls(s->proxy, s->service).front;
    if (s->unheard) return 0;
    const ssize_t n = peek(s, bytes);
    if (n == -EAGAIN) return -EAGAIN;
    if (n <= 0) {
        session_end(s, SESSION_CLIENT_GONE);
        return -EPROTO;
    }
    switch (proxy_header_read(&h, bytes, (uint32_t)n)) {
    case READ_MORE:
        if (s->client.flags & SIDE_HUNG || n == sizeof bytes) return header_refuse(s, STREAM_PROXY_MALFORMED);
        s->client.flags &= (uint16_t)~SIDE_MAY_READ;
        return -EAGAIN;
    case READ_OTHER: return is_trusted(s) ? header_refuse(s, STREAM_PROXY_MISSING) : 0;
    case READ_WHOLE:
        if (!is_trusted(s)) return header_refuse(s, STREAM_PROXY_UNTRUSTED);
        if (recv(s->client.fd, bytes, h.len, 0) != (ssize_t)h.len) return header_refuse(s, STREAM_PROXY_MALFORMED);
        s->client.read += h.len;
        believe(s, &h);
        return 0;
    default: return header_refuse(s, is_trusted(s) ? STREAM_PROXY_MALFORMED : STREAM_PROXY_UNTRUSTED);
    }
}
