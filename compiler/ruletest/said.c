/* Write the first bytes of a test's connection as a client would, and read them as the proxy does (ruletest_priv.h). */
#include <stdlib.h>
#include <string.h>

#include "compiler/ruletest/ruletest_priv.h"
#include "vm/forward/service.h"
#include "vm/stream/first.h"

enum {
    HELLO_ROOM = 1024, /* two names of 255 bytes, and the rest */
    RANDOM = 32,
    EXT_SNI = 0,
    EXT_ALPN = 16,
    EXT_VERSIONS = 43,
    TLS_AES_128_GCM_SHA256 = 0x1301,
};

static uint8_t *payload_put(uint8_t *at, const void *bytes, size_t n)
{
    memcpy(at, bytes, n);
    return at + n;
}

static uint8_t *put16(uint8_t *at, size_t v) { return payload_put(at, (uint8_t[]){(uint8_t)(v >> 8), (uint8_t)v}, 2); }

/* Fill in a length of two bytes once its end is known. */
static void fill16(uint8_t *at, const uint8_t *end) { put16(at, (size_t)(end - at - 2)); }

static uint8_t *put_sni(uint8_t *at, struct str name)
{
    at = put16(at, EXT_SNI);
    at = put16(at, name.len + 5);
    at = put16(at, name.len + 3);
    *at++ = 0; /* name type host_name */
    at = put16(at, name.len);
    return payload_put(at, name.s, name.len);
}

static uint8_t *put_alpn(uint8_t *at, struct str protocol)
{
    at = put16(at, EXT_ALPN);
    at = put16(at, protocol.len + 3);
    at = put16(at, protocol.len + 1);
    *at++ = (uint8_t)protocol.len;
    return payload_put(at, protocol.s, protocol.len);
}

/* Write a ClientHello of TLS 1.3 in one record (RFC 8446, 4.1.2). tests/diff/first_bytes has another writer, made from
 * the standard. */
static uint8_t *put_hello(uint8_t *at, const struct test_said *said)
{
    uint8_t *const record = at + 3, *const message = at + 7;
    at = payload_put(at, (const uint8_t[]){22, 3, 1, 0, 0, 1, 0, 0, 0, 3, 3}, 11);
    memset(at, 0, RANDOM + 1); /* the byte behind: an empty session id */
    at = put16(at + RANDOM + 1, 2);
    at = put16(at, TLS_AES_128_GCM_SHA256);
    at = payload_put(at, (const uint8_t[]){1, 0}, 2); /* one compression method: none */
    uint8_t *const extensions = at;
    at += 2;
    if (said->sni.s) at = put_sni(at, said->sni);
    if (said->alpn.s) at = put_alpn(at, said->alpn);
    at = put16(at, EXT_VERSIONS);
    at = payload_put(at, (const uint8_t[]){0, 3, 2, 3, 4}, 5);
    fill16(extensions, at);
    fill16(message, at);
    fill16(record, at);
    return at;
}

static uint8_t *put_str(uint8_t *at, struct str s) { return payload_put(at, s.s, s.len); }
static uint8_t *put_text(uint8_t *at, const char *s) { return payload_put(at, s, strlen(s)); }

/* Write a request; without `host` in HTTP/1.0, which needs none (RFC 9112, 3.2). */
static uint8_t *put_request(uint8_t *at, const struct test_said *said)
{
    at = said->method.s ? put_str(at, said->method) : put_text(at, "GET");
    at = put_text(at, " ");
    at = said->path.s ? put_str(at, said->path) : put_text(at, "/");
    at = put_text(at, said->host.s ? " HTTP/1.1\r\nhost: " : " HTTP/1.0");
    if (said->host.s) at = put_str(at, said->host);
    for (uint32_t i = 0; i < said->headers; i++) {
        at = put_text(at, "\r\n");
        at = put_str(at, said->header[i][0]);
        at = put_text(at, ": ");
        at = put_str(at, said->header[i][1]);
    }
    return put_text(at, "\r\n\r\n");
}

void said_write(struct arena *a, struct test_said *said)
{
    size_t room = HELLO_ROOM + 64 + said->host.len + said->path.len + said->method.len;
    for (uint32_t i = 0; i < said->headers; i++) room += said->header[i][0].len + said->header[i][1].len + 4;
    uint8_t *at = said->bytes = arena_alloc(a, room);
    if (said->sni.s || said->alpn.s) at = put_hello(at, said);
    said->hello = (uint32_t)(at - said->bytes);
    if (said->host.s || said->path.s || said->method.s || said->headers) at = put_request(at, said);
    said->request = (uint32_t)(at - said->bytes) - said->hello;
}

static struct view text_view(struct str s) { return (struct view){(const uint8_t *)s.s, (uint32_t)s.len}; }

struct heard {
    const struct test_said *said;
    struct first *first;
    struct first_at at;
    const uint8_t *bytes;
    uint32_t n, wants;
    bool tls_ends; /* the proxy ends TLS, and has the names from its handshake */
    struct view alpn;
};

/* Read the first bytes up to `end`; READ_BAD: h->first->reason gives the reason. */
static enum stream_read read_on(struct heard *h, enum first_end end)
{
    static const struct test_said nothing;
    const struct test_said *said = h->said ? h->said : &nothing;
    const struct first_asked asked = {.wants = h->wants, .end = (uint8_t)end};
    const enum stream_read got = first_read(h->first, &h->at, h->bytes, h->n, &asked);
    if (h->tls_ends) first_tls(h->first, text_view(said->sni), h->alpn);
    return got;
}

/* Return the branch; PBC_NONE if the proxy closes the connection, for the reason *why. */
static uint32_t branch_of(struct test_run *r, struct heard *h, const struct key *key, const char **why)
{
    uint32_t branch = STREAM_MORE;
    for (enum first_end end = FIRST_OPEN; end <= FIRST_LATE && branch == STREAM_MORE; end++) {
        if (read_on(h, end) == READ_BAD) {
            *why = stream_reason_doc((enum stream_reason)r->first->reason);
            return PBC_NONE;
        }
        branch = program_stream(r->program, key, h->first);
    }
    if (branch == STREAM_MORE || branch == PBC_NONE) return PBC_NONE;
    if (!program_refuses(r->program, branch, h->first)) return branch;
    *why = stream_reason_doc(STREAM_INSTRUCTION_REFUSED);
    return PBC_NONE;
}

static struct heard said_hear(const struct test_run *r, const struct test_said *said,
                              const struct frame_payload *payload, uint32_t service, uint8_t alpn[256])
{
    const struct program *p = r->program;
    struct heard h = {.said = said, .first = r->first, .bytes = payload->bytes, .n = payload->len};
    h.wants = program_wants(p, service) | (mode_is(p->services[service].mode, MODE_REQUESTS) ? FIRST_HTTP : 0u);
    h.tls_ends = p->proxies[p->services[service].proxy - 1].cert_count > 0;
    if (h.tls_ends) h.wants &= ~(uint32_t)FIRST_TLS;
    if (!said) return h;
    const uint32_t from = h.tls_ends ? said->hello : 0, all = said->hello + said->request;
    if (all > from) h.bytes = said->bytes + from, h.n = all - from;
    const bool agreed =
        !mode_is(p->services[service].mode, MODE_REQUESTS) || (said->alpn.s && str_is(said->alpn, "http/1.1"));
    if (said->alpn.s && (agreed || !h.tls_ends)) {
        alpn[0] = (uint8_t)said->alpn.len;
        memcpy(alpn + 1, said->alpn.s, said->alpn.len);
        h.alpn = (struct view){alpn, (uint32_t)said->alpn.len + 1};
    }
    return h;
}

uint32_t said_branch(struct program *p, uint32_t service, const struct test_said *said, const struct key *key,
                     const char **why)
{
    const struct frame_payload nothing = {0};
    struct test_run r = {.program = p, .first = calloc(1, sizeof(*r.first))};
    uint8_t alpn[256];
    uint32_t branch = PBC_NONE;
    *why = r.first ? "no `when` matches, and the service has no `else`" : "out of memory";
    if (r.first) {
        struct heard h = said_hear(&r, said, &nothing, service, alpn);
        branch = branch_of(&r, &h, key, why);
    }
    free(r.first);
    return branch == PBC_NONE || branch_goes(&p->branches[branch]) == PBC_GOES_NOWHERE ? PBC_NONE : branch;
}

bool said_give(struct test_run *r, struct chooser *chooser, uint32_t branch, const struct key *key, uint64_t affinity,
               struct verdict *v, struct served *served)
{
    const struct vm_in in = {.mono_ns = r->now_ns, .facts = &r->facts};
    *served = (struct served){.branch = branch, .pool = PBC_NONE, .server = PBC_NONE};
    chooser_facts(chooser, &in);
    const struct choice c = chooser_pick(chooser, branch, key, affinity);
    served->pool = c.pool;
    v->reason = (uint8_t)c.reason;
    if (c.server == PBC_NONE || !chooser_begin(chooser, branch, c.server, key)) return false;
    served->server = v->server = c.server;
    return true;
}

bool said_connect(struct test_run *r, const struct test_said *said, const struct frame_payload *payload,
                  const struct key *key, struct verdict *v, struct served *served)
{
    const struct program *p = r->program;
    const char *why = "no `when` matches, and the service has no `else`";
    uint8_t alpn[256];
    bool known;
    if (v->action != ACTION_FORWARD || v->service >= p->services_count || !p->services[v->service].proxy) return true;
    struct heard h = said_hear(r, said, payload, v->service, alpn);
    memset(r->first, 0, sizeof(*r->first));
    uint32_t branch = PBC_NONE;
    if (chooser_admit(r->chooser, v->service, key, &known) != REASON_NONE)
        why = "`max flows` is reached";
    else
        branch = branch_of(r, &h, key, &why);
    *served = (struct served){.branch = branch, .pool = PBC_NONE, .server = PBC_NONE};
    const enum pbc_goes goes = branch == PBC_NONE ? PBC_GOES_NOWHERE : branch_goes(&p->branches[branch]);
    if (goes == PBC_GOES_NOWHERE) {
        served->branch = PBC_NONE;
        snprintf(served->how, sizeof(served->how), "%s", why);
        return false;
    }
    if (goes != PBC_GOES_POOLS) return true;
    return said_give(r, r->chooser, branch, key, chooser_affinity(r->chooser, v->service, r->first), v, served);
}
