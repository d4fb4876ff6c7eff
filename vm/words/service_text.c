/* Options of services, pools and checks in the words of the language (words.h). */
#include <string.h>

#include "vm/words/text_priv.h"
#include "vm/words/words.h"

enum { LINE = 512, RETRIES = 1 /* RETRIES: the default */ };
#define MS UINT64_C(1000000)

void duration_print(uint64_t ns, FILE *out)
{
    char line[LINE];
    struct text t = text_of(line, sizeof line);
    text_add_duration(&t, ns);
    fputs(line, out);
}

static void put_duration(const char *between, const char *what, uint64_t ns, FILE *out)
{
    if (!ns) return;
    fprintf(out, "%s%s ", between, what);
    duration_print(ns, out);
}

static void put_string(const struct program *p, const char *between, const char *what, uint32_t string, FILE *out)
{
    if (!string) return;
    fprintf(out, "%s%s ", between, what);
    text_put_quoted(program_str(p, string), out);
}

void service_print(const struct program *p, uint32_t service, const char *between, FILE *out)
{
    const struct pbc_service *s = &p->services[service];
    put_duration(between, "idle", s->idle_ns, out);
    put_duration(between, "affinity source", s->affinity_ns, out);
    if (s->flags & PBC_SERVICE_COOKIES) fprintf(out, "%ssyn cookies", between);
    if (s->mss == PBC_MSS_AUTO)
        fprintf(out, "%smss clamp auto", between);
    else if (s->mss)
        fprintf(out, "%smss clamp %u", between, s->mss);
    if (s->flags & PBC_SERVICE_ANNOUNCE) fprintf(out, "%sannounce", between);
    proxy_print(p, service, between, out);
}

void text_add_wire(struct text *t, const struct program *p, const struct pbc_endpoint *e)
{
    if (e->iface) {
        text_add(t, " on \"");
        text_add_name(t, program_str(p, p->ifaces[e->iface - 1].device));
        text_add(t, "\"");
    }
    if (e->wire == PBC_WIRE_VLAN)
        text_add(t, e->vlan_lo == e->vlan_hi ? " vlan %u" : " vlan %u-%u", e->vlan_lo, e->vlan_hi);
    if (e->wire == PBC_WIRE_TAGGED) text_add(t, " vlan any");
    if (e->wire == PBC_WIRE_UNTAGGED) text_add(t, " vlan none");
}

const char *endpoint_wire_text(const struct program *p, const struct pbc_endpoint *e, char buf[WIRE_TEXT])
{
    struct text t = text_of(buf, WIRE_TEXT);
    text_add_wire(&t, p, e);
    return buf;
}

const char *destination_text(const struct program *p, const struct pbc_branch *b, char buf[DESTINATION_TEXT])
{
    static const char *const words[PBC_GOES] = {[PBC_GOES_TARGET] = "target",
                                                [PBC_GOES_ORIGINAL] = "original",
                                                [PBC_GOES_REJECT] = "reject",
                                                [PBC_GOES_PASS] = "pass"};
    const enum pbc_goes goes = branch_goes(b);
    struct text t = text_of(buf, DESTINATION_TEXT);
    if (goes != PBC_GOES_PROGRAM) return words[goes];
    text_add(&t, "program \"");
    text_add_name(&t, program_str(p, b->share_count));
    text_add(&t, "\"");
    return buf;
}

void branch_print(const struct program *p, const struct pbc_branch *b, FILE *out)
{
    char buf[DESTINATION_TEXT];
    const char *goes = destination_text(p, b, buf);
    if (branch_goes(b) == PBC_GOES_PROGRAM)
        fputs("program ", out), text_put_quoted(program_str(p, b->share_count), out);
    else if (goes)
        fputs(goes, out);
    else if (!branch_shares(b))
        fputs("no server", out);
    for (uint32_t i = 0; i < branch_shares(b); i++) {
        const struct pbc_share *share = &p->shares[b->shares + i];
        if (i) fputs(", ", out);
        text_put_name(program_str(p, p->pools[share->pool].name), out);
        if (branch_shares(b) > 1) fprintf(out, " %u%%", share->percent);
    }
}

static void put_check(const struct program *p, uint32_t check, const char *between, FILE *out)
{
    if (check == PBC_NONE) return;
    fprintf(out, "%scheck ", between);
    text_put_name(program_str(p, p->checks[check].name), out);
}

void pool_print(const struct program *p, uint32_t pool, const char *between, FILE *out)
{
    const struct pbc_pool *v = &p->pools[pool];
    put_check(p, v->check, between, out);
    if (v->on_down == PBC_DOWN_KEEP) fprintf(out, "%son down keep", between);
    if (v->retries != RETRIES) fprintf(out, "%sretries %u", between, v->retries);
    if (v->keep_none) fprintf(out, "%skeep none", between);
    if (v->send_proxy) fprintf(out, "%ssend proxy v%u", between, v->send_proxy);
    put_duration(between, "drain", v->drain_ns, out);
    put_duration(between, "slow start", v->slow_start_ns, out);
}

void server_print(const struct program *p, uint32_t server, const char *between, FILE *out)
{
    const struct pbc_server *s = &p->servers[server];
    char line[LINE];
    struct text t = text_of(line, sizeof line);
    if (s->flags & PBC_SERVER_HAS_MAC) {
        text_add_mac(&t, s->mac);
        fprintf(out, "%smac %s", between, line);
    }
    if (s->flags & PBC_SERVER_HAS_VLAN) fprintf(out, "%svlan %u", between, s->vlan);
    if (s->flags & PBC_SERVER_HAS_INNER) fprintf(out, " inner %u", s->inner);
    put_check(p, s->check, between, out);
}

/* True for bytes that read better as a text than as hex */
static bool is_text(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((bytes[i] < 0x20 && bytes[i] != '\r' && bytes[i] != '\n' && bytes[i] != '\t') || bytes[i] >= 0x7f)
            return false;
    return true;
}

static void put_bytes(const uint8_t *bytes, size_t len, FILE *out)
{
    const bool text = is_text(bytes, len);
    fputs(text ? "\"" : "x\"", out);
    for (size_t i = 0; i < len; i++) {
        if (!text)
            fprintf(out, i ? " %02x" : "%02x", bytes[i]);
        else if (bytes[i] < 0x20)
            fputs(bytes[i] == '\r' ? "\\r" : bytes[i] == '\n' ? "\\n" : "\\t", out);
        else
            fprintf(out, bytes[i] == '"' || bytes[i] == '\\' ? "\\%c" : "%c", bytes[i]);
    }
    fputc('"', out);
}

static void put_step(const struct program *p, const struct pbc_check *c, const struct pbc_step *step, FILE *out)
{
    static const char *const names[PBC_STEP_KINDS] = {"send", "expect", "expect has", "header"};
    const bool http = c->kind == PBC_CHECK_HTTP || c->kind == PBC_CHECK_HTTPS;
    const uint8_t *bytes = p->said + step->bytes;
    size_t len = step->len;
    fprintf(out, "%s ", http && step->kind == PBC_STEP_HAS ? "body has" : names[step->kind]);
    if (step->kind == PBC_STEP_HEADER) {
        const size_t name = (size_t)((const uint8_t *)memchr(bytes, ':', len) - bytes);
        put_bytes(bytes, name, out);
        fputc(' ', out);
        bytes += name + 2;
        len -= name + 2;
    }
    put_bytes(bytes, len, out);
}

void check_print(const struct program *p, uint32_t check, const char *between, FILE *out)
{
    static const char *const kinds[PBC_CHECK_KINDS] = {"tcp", "http", "https", "icmp", "udp"};
    static const char *const methods[PBC_METHODS] = {"GET", "HEAD", "OPTIONS"};
    const struct pbc_check *c = &p->checks[check];
    char line[LINE];
    struct text t = text_of(line, sizeof line);
    fputs(kinds[c->kind], out);
    put_string(p, between, methods[c->method], c->path, out);
    put_string(p, between, "host", c->host, out);
    put_string(p, between, "sni", c->sni, out);
    put_string(p, between, "verify ca", c->ca, out);
    if (c->flags & PBC_CHECK_NO_VERIFY) fprintf(out, "%sverify off", between);
    for (uint32_t i = c->status; i < c->status + c->status_count; i++) {
        const struct pbc_range *r = &p->ranges[i];
        fprintf(out, i == c->status ? "%sexpect %u" : "%s%u", i == c->status ? between : ", ", r->lo);
        if (r->hi != r->lo) fprintf(out, "-%u", r->hi);
    }
    for (uint32_t i = c->steps; i < c->steps + c->step_count; i++)
        fputs(between, out), put_step(p, c, &p->steps[i], out);
    put_duration(between, "every", c->every_ms * MS, out);
    put_duration(between, "timeout", c->timeout_ms * MS, out);
    fprintf(out, "%srise %u%sfall %u", between, c->rise, between, c->fall);
    if (c->port) fprintf(out, "%sport %u", between, c->port);
    if (c->from_family) {
        text_add_address(&t, c->from, c->from_family == 6);
        fprintf(out, "%sfrom %s", between, line);
    }
    if (c->flags & PBC_CHECK_PASSIVE) fprintf(out, "%spassive", between);
    if (c->flags & PBC_CHECK_VIA_SERVICE) fprintf(out, "%svia service", between);
    if (c->flags & PBC_CHECK_WITHOUT_PROXY) fprintf(out, "%swithout proxy", between);
}

static void put_file(const struct program *p, const char *between, const char *what, uint32_t path, FILE *out)
{
    if (!path) return;
    fprintf(out, "%s%s ", between, what);
    text_put_quoted(program_str(p, path), out);
}

static void put_limit(uint64_t limit, FILE *out)
{
    char line[LINE];
    struct text t = text_of(line, sizeof line);
    if (!limit) return;
    text_add_bytes(&t, limit);
    fprintf(out, " limit %s", line);
}

void observe_print(const struct program *p, uint32_t observe, const char *between, FILE *out)
{
    const struct pbc_observe *o = &p->observes[observe];
    fprintf(out, "%smode observe overlaps %s", between, overlaps_name(o->overlaps));
    put_duration(" ", "first bytes within", o->first_ns, out);
    put_file(p, between, "sessions to", o->sessions, out);
    put_limit(o->sessions_limit, out);
    put_file(p, between, "stream to", o->stream, out);
    if (o->flags & PBC_OBSERVE_PCAPNG) fputs(" as pcapng", out);
    put_limit(o->stream_limit, out);
}
