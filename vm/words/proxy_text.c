/* Proxy services in words (words.h). */
#include "vm/words/text_priv.h"
#include "vm/words/words.h"

void text_put_name(const char *name, FILE *out)
{
    for (; *name; name++) fputc((unsigned char)*name < 0x20 || *name == 0x7f ? '?' : *name, out);
}

void text_put_quoted(const char *text, FILE *out)
{
    fputc('"', out);
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') fputc('\\', out);
        if (c == '\n' || c == '\t')
            fputs(c == '\n' ? "\\n" : "\\t", out);
        else if (c < 0x20 || c == 0x7f)
            fprintf(out, "\\x%02x", c);
        else
            fputc(c, out);
    }
    fputc('"', out);
}

static void put_duration(const char *before, uint64_t ns, FILE *out)
{
    char line[64];
    struct text t = text_of(line, sizeof line);
    text_add_duration(&t, ns);
    fprintf(out, "%s%s", before, line);
}

static void put_sets(const struct program *p, uint32_t first, uint32_t count, FILE *out)
{
    const char *between = " ";
    for (uint32_t s = first; s < first + count; s++) {
        const struct pbc_set *set = &p->sets[s];
        for (uint32_t i = 0; i < set->count4 + set->count6; i++, between = ", ") {
            fputs(between, out);
            if (i < set->count4)
                range4_print(&p->set4[set->first4 + i], out);
            else
                range6_print(&p->set6[set->first6 + i - set->count4], out);
        }
    }
}

static void put_pattern(const struct pbc_pattern *pattern, FILE *out)
{
    char line[512];
    struct text t = text_of(line, sizeof line);
    text_add_pattern(&t, pattern);
    fprintf(out, " %s", line);
}

void stream_cond_print(const struct program *p, const struct pbc_cond *c, FILE *out)
{
    const char *negated = c->flags & PBC_COND_NOT ? " not" : "";
    if (c->flags & PBC_COND_REPLY) fputs("reply ", out);
    fputs(cond_info[c->kind].name, out);
    if (c->kind == COND_BYTES) {
        put_pattern(&p->patterns[c->first], out);
        return;
    }
    if (c->kind == COND_INSTRUCTION) {
        if (c->arg) fputs(" ack", out), put_pattern(&p->patterns[c->arg - 1], out);
        fprintf(out, " to%s", c->count ? negated : " any");
        put_sets(p, c->first, c->count, out);
        return;
    }
    if (c->kind == COND_HEADER) fputc(' ', out), text_put_quoted(program_str(p, c->arg), out);
    const struct pbc_names *l = &p->names[c->first];
    fputs(negated, out);
    for (uint32_t i = 0; i < l->count; i++) {
        fputs(i ? ", " : " ", out);
        text_put_quoted(program_str(p, p->hosts[l->first + i]), out);
    }
}

static void put_mode(const struct program *p, const struct pbc_proxy *x, const char *between, FILE *out)
{
    if (x->flags & PBC_PROXY_TRANSPARENT) fprintf(out, "%stransparent", between);
    if (x->flags & PBC_PROXY_SEND_V1) fprintf(out, "%ssend proxy v1", between);
    if (x->flags & PBC_PROXY_SEND_V2) fprintf(out, "%ssend proxy v2", between);
    if (x->flags & PBC_PROXY_ACCEPT)
        fprintf(out, "%saccept proxy from", between), put_sets(p, x->accept_from, x->accept_count, out);
    if (mode_is(p->services[x->service].mode, MODE_INLINE)) {
        fprintf(out, "%s%s first", between, x->flags & PBC_PROXY_SERVER_FIRST ? "server" : "bytes");
        if (x->flags & PBC_PROXY_OVERLOAD_PASS) fprintf(out, "%son overload pass", between);
    }
    if (x->first_ns) fputs(between, out), put_duration("first bytes within ", x->first_ns, out);
}

static void put_tls(const struct program *p, const struct pbc_proxy *x, const char *between, FILE *out)
{
    for (uint32_t i = x->certs; i < x->certs + x->cert_count; i++) {
        fprintf(out, "%stls cert ", between);
        text_put_quoted(program_str(p, p->certs[i].cert), out);
        fputs(" key ", out);
        text_put_quoted(program_str(p, p->certs[i].key), out);
    }
    if (!(x->flags & PBC_PROXY_TLS_TO_SERVER)) return;
    fprintf(out, "%stls to server", between);
    if (x->server_sni) fputs(" sni ", out), text_put_quoted(program_str(p, x->server_sni), out);
    if (x->flags & PBC_PROXY_TLS_NO_VERIFY) fputs(" verify off", out);
    if (x->server_ca) fputs(" verify ca ", out), text_put_quoted(program_str(p, x->server_ca), out);
}

static void put_affinity(const struct program *p, const struct pbc_proxy *x, const char *between, FILE *out)
{
    if (!x->affinity_name) return;
    fprintf(out, "%saffinity %s ", between, x->flags & PBC_PROXY_AFFINITY_COOKIE ? "cookie" : "header");
    text_put_quoted(program_str(p, x->affinity_name), out);
    if (x->affinity_ns) put_duration(" ", x->affinity_ns, out);
}

void proxy_print(const struct program *p, uint32_t service, const char *between, FILE *out)
{
    if (!p->services[service].proxy) return;
    const struct pbc_proxy *x = &p->proxies[p->services[service].proxy - 1];
    put_mode(p, x, between, out);
    put_tls(p, x, between, out);
    put_affinity(p, x, between, out);
    if (x->trust_count)
        fprintf(out, "%strust forwarded from", between), put_sets(p, x->trust_from, x->trust_count, out);
    if (x->flags & PBC_PROXY_SPLICE) fprintf(out, "%ssplice packets", between);
    if (x->connect_ns) fputs(between, out), put_duration("connect within ", x->connect_ns, out);
    if (x->client_ns) fputs(between, out), put_duration("idle client ", x->client_ns, out);
    if (x->server_ns) fputs(between, out), put_duration("idle server ", x->server_ns, out);
    if (x->age_ns) fputs(between, out), put_duration("max age ", x->age_ns, out);
    if (x->queue) {
        fprintf(out, "%squeue %u within ", between, x->queue);
        put_duration("", x->queue_ms * UINT64_C(1000000), out);
    }
    if (x->flags & (PBC_PROXY_LOG_COMMON | PBC_PROXY_LOG_JSON)) {
        fprintf(out, "%saccess log %s ", between, x->flags & PBC_PROXY_LOG_JSON ? "json" : "common");
        if (x->log_file)
            text_put_quoted(program_str(p, x->log_file), out);
        else
            fputs("syslog", out);
    }
    if (x->flags & PBC_PROXY_RELOAD_CLOSE) fprintf(out, "%son reload close", between);
}
