/* `https … [sni "h"] [verify off|ca "f"]`: http.c over TLS. The name to verify is sni, else host (RFC 6125). */
#include <errno.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/check/probe.h"
#include "runtime/host/file/certificates.h"

SSL_CTX *https_context(const struct program *p, const struct pbc_check *c, SSL_CTX *like, int ca_fd, char *err,
                       size_t err_len)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    if (!ctx) {
        snprintf(err, err_len, "out of memory");
        return NULL;
    }
    /* No session is resumed, because each probe must test the complete handshake */
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_IGNORE_UNEXPECTED_EOF);
    if (c->flags & PBC_CHECK_NO_VERIFY) return ctx;
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    if (like) SSL_CTX_set1_cert_store(ctx, SSL_CTX_get_cert_store(like));
    if (like || certificates_trust(ca_fd, SSL_CTX_get_cert_store(ctx))) return ctx;
    snprintf(err, err_len, "check `%.60s`: no certificate can be read from %.200s", program_str(p, c->name),
             c->ca ? program_str(p, c->ca) : "the system's trusted certificates");
    SSL_CTX_free(ctx);
    return NULL;
}

/* Set the name that the certificate must have */
static bool expect_name(struct probe *p)
{
    const uint32_t name = p->check->sni ? p->check->sni : p->check->host;
    const char *text = name ? program_str(p->program, name) : "";
    if (p->check->sni && !SSL_set_tlsext_host_name(p->ssl, text)) return false;
    if (!p->check->sni && *text && !SSL_set_tlsext_host_name(p->ssl, text)) return false;
    return p->check->flags & PBC_CHECK_NO_VERIFY || !*text || SSL_set1_host(p->ssl, text);
}

static enum probe_result https_begin(struct probe *p)
{
    http_talk(p);
    const enum probe_result r = stream_begin(p);
    if (r != PROBE_GOES_ON) return r;
    p->ssl = SSL_new(p->tls);
    if (!p->ssl || !expect_name(p) || !SSL_set_fd(p->ssl, p->fd)) return probe_errno(p, ENOMEM);
    return r;
}

const struct probe_ops probe_https = {.begin = https_begin, .step = stream_step};
