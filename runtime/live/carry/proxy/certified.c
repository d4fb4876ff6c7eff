/* Certificates and keys. A key passes through here once, from the parent's descriptor into the library, which the
 * workers' loops use; the buffer is wiped. */
#include "runtime/live/carry/proxy/certified.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "runtime/host/file/certificates.h"
#include "runtime/live/carry/proxy/look_tls.h"
#include "runtime/live/tell/events.h"
#include "runtime/proxy/tls/tls.h"

static int read_pair(struct carry *carry, const struct pbc_cert *c, bool reloads, struct keypair *k, char *err,
                     size_t err_len)
{
    const struct program *p = carry->now.program;
    struct request_keypair asked = {0};
    char what[400];
    int fds[2];
    if (!ask_path_fits(asked.cert, sizeof asked.cert, program_str(p, c->cert), "a certificate or key", err, err_len) ||
        !ask_path_fits(asked.key, sizeof asked.key, program_str(p, c->key), "a certificate or key", err, err_len))
        return -ENAMETOOLONG;
    const int failed = ask_KEYPAIR(carry->tell->channel, &asked, fds, err, err_len);
    if (failed) return failed;
    const int bad = keypair_read(fds, k, what, sizeof what);
    close(fds[0]);
    close(fds[1]);
    if (bad) snprintf(err, err_len, "%.300s: %s", program_str(p, c->cert), what);
    /* A certificate outside its validity is used anyway. At a start look_at_tls has reported it. */
    if (!bad && reloads && look_at_time(k->cert, program_str(p, c->cert), what, sizeof what))
        events_tell(&carry->tell->events, TOLD_FAULT, "%s", what);
    return bad;
}

/* The protocols offered by ALPN, in the extension's format. */
struct offers {
    uint8_t bytes[1024]; /* protocols without room are left out */
    unsigned len;
};

static void offers_add(struct offers *o, const char *name)
{
    const size_t n = strlen(name);
    for (unsigned i = 0; i < o->len; i += 1u + o->bytes[i])
        if (o->bytes[i] == n && !memcmp(o->bytes + i + 1, name, n)) return;
    if (!n || n > 255 || o->len + 1 + n > sizeof o->bytes) return;
    o->bytes[o->len] = (uint8_t)n;
    memcpy(o->bytes + o->len + 1, name, n);
    o->len += 1u + (unsigned)n;
}

/* Add the protocols that the service's branches name, in their order. */
static void offer_asked(struct offers *o, const struct program *p, uint32_t service)
{
    for (uint32_t b = 0; b < p->branches_count; b++) {
        const struct pbc_branch *of = &p->branches[b];
        for (uint32_t c = of->conds; of->service == service && c < of->conds + of->cond_count; c++) {
            if (p->conds[c].kind != COND_ALPN) continue;
            const struct pbc_names *l = &p->names[p->conds[c].first];
            for (uint32_t i = 0; i < l->count; i++) offers_add(o, program_str(p, p->hosts[l->first + i]));
        }
    }
}

static struct tls_front *front(struct carry *carry, const struct pbc_service *s, bool reloads,
                               const struct tls_front *before, char *err, size_t err_len)
{
    const struct program *p = carry->now.program;
    const struct pbc_proxy *says = &p->proxies[s->proxy - 1];
    struct keypair *pairs = calloc(says->cert_count, sizeof *pairs);
    struct tls_front *f = NULL;
    const bool only = mode_is(s->mode, MODE_REQUESTS); /* offer only what the proxy can parse */
    struct offers offers = {.len = 0};
    int failed = pairs ? 0 : -ENOMEM;
    if (failed) snprintf(err, err_len, "out of memory");
    for (uint32_t i = 0; i < says->cert_count && !failed; i++)
        failed = read_pair(carry, &p->certs[says->certs + i], reloads, &pairs[i], err, err_len);
    if (only)
        offers_add(&offers, "http/1.1");
    else
        offer_asked(&offers, p, (uint32_t)(s - p->services));
    if (!failed) f = tls_front_new(pairs, says->cert_count, offers.bytes, offers.len, only, before, err, err_len);
    for (uint32_t i = 0; pairs && i < says->cert_count; i++) keypair_fini(&pairs[i]);
    free(pairs);
    return f;
}

static struct tls_back *back(struct carry *carry, const struct pbc_proxy *says, char *err, size_t err_len)
{
    const struct program *p = carry->now.program;
    const bool verify = !(says->flags & PBC_PROXY_TLS_NO_VERIFY);
    const char *ca = says->server_ca ? program_str(p, says->server_ca) : CERTIFICATES_TRUSTED;
    int fd = -1;
    if (verify && ask_CERTIFICATES(carry->tell->channel, ca, &fd, err, err_len)) return NULL;
    struct tls_back *b =
        tls_back_new(says->server_sni ? program_str(p, says->server_sni) : "", verify, fd, err, err_len);
    if (fd >= 0) close(fd);
    return b;
}

/* Return the earlier program's entry of the service; NULL: none. */
static const struct tls_front *earlier(const struct tls_table *before, const struct remap *r, uint32_t service)
{
    for (uint32_t i = 0; before && i < before->count; i++)
        if (r->service[i] == service && before->of[i].front) return before->of[i].front;
    return NULL;
}

struct tls_table *certified(struct carry *carry, const struct tls_table *before, const struct remap *r, char *err,
                            size_t err_len)
{
    const struct program *p = carry->now.program;
    struct tls_table *t = tls_table_new(p->services_count);
    if (!t) snprintf(err, err_len, "out of memory");
    for (uint32_t i = 0; t && i < (p->past ? p->past->services : p->services_count); i++) {
        const struct pbc_service *s = &p->services[i];
        const struct pbc_proxy *says = s->proxy ? &p->proxies[s->proxy - 1] : NULL;
        bool good = true;
        if (says && says->cert_count)
            good = (t->of[i].front = front(carry, s, before != NULL, earlier(before, r, i), err, err_len)) != NULL;
        if (says && good && says->flags & PBC_PROXY_TLS_TO_SERVER)
            good = (t->of[i].back = back(carry, says, err, err_len)) != NULL;
        if (good) continue;
        tls_table_put(t);
        t = NULL;
    }
    return t;
}
