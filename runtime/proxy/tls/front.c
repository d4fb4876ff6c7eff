/* See tls.h: a context of the library for each certificate. The name in the ClientHello chooses among them, an exact
 * name before a wildcard, the first certificate where none fits (RFC 6066, 3; RFC 6125, 6.4). */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/proxy/tls/tls_priv.h"

struct tls_front {
    unsigned refs; /* atomic */
    unsigned count;
    bool only;
    unsigned protocols_len;
    uint8_t *protocols;
    SSL_CTX *all[]; /* [count] */
};

/* ---- what a ClientHello chooses ---- */

static SSL_CTX *fits(const struct tls_front *f, const char *name, unsigned flags)
{
    for (unsigned i = 0; i < f->count; i++)
        if (X509_check_host(SSL_CTX_get0_certificate(f->all[i]), name, 0, flags, NULL) == 1) return f->all[i];
    return NULL;
}

static int choose(SSL *ssl, int *alert, void *arg)
{
    const struct tls_front *f = arg;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    (void)alert;
    if (!name || f->count < 2) return SSL_TLSEXT_ERR_OK;
    SSL_CTX *ctx = fits(f, name, X509_CHECK_FLAG_NO_WILDCARDS);
    if (!ctx) ctx = fits(f, name, 0);
    ERR_clear_error();
    if (ctx) SSL_set_SSL_CTX(ssl, ctx);
    return SSL_TLSEXT_ERR_OK;
}

/* The first of ours that the client offers, too. */
static int agree(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in, unsigned in_len,
                 void *arg)
{
    const struct tls_front *f = arg;
    unsigned char *found;
    (void)ssl;
    if (SSL_select_next_proto(&found, out_len, f->protocols, f->protocols_len, in, in_len) == OPENSSL_NPN_NEGOTIATED) {
        *out = found;
        return SSL_TLSEXT_ERR_OK;
    }
    return f->only ? SSL_TLSEXT_ERR_ALERT_FATAL : SSL_TLSEXT_ERR_NOACK;
}

struct view tls_front_protocol(const struct tls_front *f, const uint8_t *name, unsigned len)
{
    for (unsigned i = 0; i < f->protocols_len; i += 1u + f->protocols[i])
        if (f->protocols[i] == len && !memcmp(f->protocols + i + 1, name, len))
            return (struct view){f->protocols + i, len + 1};
    return (struct view){NULL, 0};
}

/* ---- making ---- */

static SSL_CTX *context(const struct keypair *k)
{
    SSL_CTX *ctx = tls_context(TLS_server_method());
    if (!ctx) return NULL;
    SSL_CTX_set_num_tickets(ctx, 1);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* tickets alone: nothing is kept here */
    SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"prey", 4);
    if (SSL_CTX_use_certificate(ctx, k->cert) == 1 && SSL_CTX_set1_chain(ctx, k->chain) == 1 &&
        SSL_CTX_use_PrivateKey(ctx, k->key) == 1)
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}

/* Tickets that were given out before are taken by this one, too. */
static void keep_tickets(struct tls_front *f, const struct tls_front *before)
{
    unsigned char keys[256];
    const long len = SSL_CTX_get_tlsext_ticket_keys(f->all[0], NULL, 0);
    const SSL_CTX *from = before ? before->all[0] : f->all[0];
    if (len <= 0 || len > (long)sizeof keys || SSL_CTX_get_tlsext_ticket_keys((SSL_CTX *)from, keys, len) != 1) return;
    for (unsigned i = 0; i < f->count; i++) SSL_CTX_set_tlsext_ticket_keys(f->all[i], keys, len);
    OPENSSL_cleanse(keys, sizeof keys);
}

static bool fill(struct tls_front *f, const struct keypair pairs[], unsigned count)
{
    for (; f->count < count; f->count++) {
        SSL_CTX *ctx = f->all[f->count] = context(&pairs[f->count]);
        if (!ctx) return false;
        SSL_CTX_set_tlsext_servername_callback(ctx, choose);
        SSL_CTX_set_tlsext_servername_arg(ctx, f);
        if (f->protocols_len) SSL_CTX_set_alpn_select_cb(ctx, agree, f);
    }
    return true;
}

struct tls_front *tls_front_new(const struct keypair pairs[], unsigned count, const uint8_t *protocols,
                                unsigned protocols_len, bool only, const struct tls_front *before, char *err,
                                size_t err_len)
{
    struct tls_front *f = calloc(1, sizeof *f + count * sizeof *f->all);
    if (f) f->protocols = malloc(protocols_len + 1u);
    if (f && f->protocols) {
        f->refs = 1;
        f->only = only;
        f->protocols_len = protocols_len;
        if (protocols_len) memcpy(f->protocols, protocols, protocols_len);
        if (fill(f, pairs, count)) {
            keep_tickets(f, before);
            return f;
        }
    }
    snprintf(err, err_len, "certificate %u cannot be used: %s", f ? f->count + 1 : 1, tls_why());
    if (f) tls_front_put(f);
    return NULL;
}

struct tls_front *tls_front_get(struct tls_front *f)
{
    __atomic_add_fetch(&f->refs, 1, __ATOMIC_RELAXED);
    return f;
}

void tls_front_put(struct tls_front *f)
{
    if (!f || __atomic_sub_fetch(&f->refs, 1, __ATOMIC_ACQ_REL)) return;
    for (unsigned i = 0; i < f->count; i++) SSL_CTX_free(f->all[i]);
    free(f->protocols);
    free(f);
}

int tls_accept(struct side *s, struct tls_front *f)
{
    const int err = tls_side(s, f->all[0], f, NULL);
    if (!err) SSL_set_accept_state(s->tls);
    return err;
}
