/* See tls.h: an OpenSSL context for each certificate. The name in the ClientHello chooses: an exact name before a
 * wildcard, the first certificate if none fits (RFC 6066, 3; RFC 6125, 6.4). */
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/proxy/tls/cert_names.h"
#include "runtime/proxy/tls/tickets.h"
#include "runtime/proxy/tls/tls_priv.h"

struct tls_front {
    unsigned refs; /* atomic */
    unsigned count;
    bool only;
    struct cert_names names;
    struct tickets *tickets;
    unsigned protocols_len;
    uint8_t *protocols;
    SSL_CTX *all[]; /* [count] */
};

static int pair_choose(SSL *ssl, int *alert, void *arg)
{
    const struct tls_front *f = arg;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    const int which = name ? cert_names_find(&f->names, name) : 0;
    tls_one_of(ssl)->nameless = which < 0;
    if (which > 0) SSL_set_SSL_CTX(ssl, f->all[which]);
    return SSL_TLSEXT_ERR_OK;
}

/* Choose the first of the proxy's protocols that the client offers */
static int agree(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in, unsigned in_len,
                 void *arg)
{
    const struct tls_front *f = arg;
    unsigned char *found;
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

enum { AES_BLOCK = 16 };

static bool set_ciphers(EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, const unsigned char *iv, struct ticket_key *key,
                        int gives)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac, sizeof key->mac),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, "sha256", 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->cipher, iv, gives) == 1 &&
           EVP_MAC_CTX_set_params(mac, params) == 1;
}

/* Find the key for a ticket that OpenSSL gives or takes. Return 0: no key, so no ticket; 2: the ticket is good, and a
 * new one follows. */
static int find_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
                    int gives)
{
    struct tickets *t = tls_one_of(ssl)->front->tickets;
    struct ticket_key key;
    bool old = false;
    if (!(gives ? tickets_give(t, clock_ns(CLOCK_MONOTONIC), &key)
                : tickets_take(t, clock_ns(CLOCK_MONOTONIC), name, &key, &old)))
        return 0;
    if (gives) memcpy(name, key.name, TICKET_NAME);
    const bool good = (!gives || RAND_bytes(iv, AES_BLOCK) == 1) && set_ciphers(cipher, mac, iv, &key, gives);
    OPENSSL_cleanse(&key, sizeof key);
    if (!good) return -1;
    /* A used ticket is followed by a new one; TLS 1.3 tickets are for one connection each (RFC 8446, C.4). */
    return old || SSL_version(ssl) == TLS1_3_VERSION ? 2 : 1;
}

static SSL_CTX *context(const struct keypair *k)
{
    SSL_CTX *ctx = tls_context(TLS_server_method());
    if (!ctx) return NULL;
    SSL_CTX_set_num_tickets(ctx, 1);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* sessions are kept in tickets only */
    SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"prey", 4);
    if (SSL_CTX_use_certificate(ctx, k->cert) == 1 && SSL_CTX_set1_chain(ctx, k->chain) == 1 &&
        SSL_CTX_use_PrivateKey(ctx, k->key) == 1)
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}

static bool contexts_fill(struct tls_front *f, const struct keypair pairs[], unsigned count)
{
    for (; f->count < count; f->count++) {
        SSL_CTX *ctx = f->all[f->count] = context(&pairs[f->count]);
        if (!ctx || !cert_names_add(&f->names, pairs[f->count].cert, f->count)) return false;
        SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, find_key);
        SSL_CTX_set_tlsext_servername_callback(ctx, pair_choose);
        SSL_CTX_set_tlsext_servername_arg(ctx, f);
        if (f->protocols_len) SSL_CTX_set_alpn_select_cb(ctx, agree, f);
    }
    cert_names_sort(&f->names);
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
        f->tickets = before ? tickets_get(before->tickets) : tickets_new(clock_ns(CLOCK_MONOTONIC));
        if (f->tickets && contexts_fill(f, pairs, count)) return f;
    }
    snprintf(err, err_len, "certificate %u can't be used: %s", f ? f->count + 1 : 1, tls_why());
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
    cert_names_fini(&f->names);
    tickets_put(f->tickets);
    free(f->protocols);
    free(f);
}

int tls_accept(struct side *s, struct tls_front *f, uint64_t *counts)
{
    const int err = tls_side(s, f->all[0], &(struct tls_one){.front = f, .counts = counts});
    if (!err) SSL_set_accept_state(s->tls);
    return err;
}
