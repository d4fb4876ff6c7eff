/* Reasons of failed handshakes, as rows of the counters' table */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <stddef.h>

#include "runtime/proxy/tls/tls_priv.h"

struct reason {
    int of; /* OpenSSL's reason */
    enum tls_count is;
};

/* An alert of the peer is its number plus SSL_AD_REASON_OFFSET (RFC 8446, 6.2) */
static const struct reason of_clients[] = {
    {SSL_R_UNEXPECTED_EOF_WHILE_READING, TLS_COUNT_CUT},
    {SSL_R_UNSUPPORTED_PROTOCOL, TLS_COUNT_NOT_VERSION},
    {SSL_R_VERSION_TOO_LOW, TLS_COUNT_NOT_VERSION},
    {SSL_R_NO_SHARED_CIPHER, TLS_COUNT_NOT_CIPHER},
    {SSL_R_NO_SUITABLE_KEY_SHARE, TLS_COUNT_NOT_CIPHER},
    {SSL_R_NO_SHARED_GROUPS, TLS_COUNT_NOT_CIPHER},
    {SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS, TLS_COUNT_NOT_CIPHER},
    {SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, TLS_COUNT_NOT_CIPHER},
    {SSL_R_NO_APPLICATION_PROTOCOL, TLS_COUNT_NOT_PROTOCOL},
    {SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, TLS_COUNT_NOT_LIKED},
    {SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE, TLS_COUNT_NOT_LIKED},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, TLS_COUNT_NOT_LIKED},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, TLS_COUNT_NOT_LIKED},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, TLS_COUNT_NOT_LIKED},
    {SSL_R_TLSV1_ALERT_UNKNOWN_CA, TLS_COUNT_NOT_LIKED},
};
static const struct reason of_servers[] = {
    {SSL_R_UNEXPECTED_EOF_WHILE_READING, TLS_COUNT_SERVER_CUT},
    {SSL_R_UNSUPPORTED_PROTOCOL, TLS_COUNT_SERVER_COMMON},
    {SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, TLS_COUNT_SERVER_COMMON},
    {SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, TLS_COUNT_SERVER_COMMON},
    {SSL_R_TLSV1_ALERT_INSUFFICIENT_SECURITY, TLS_COUNT_SERVER_COMMON},
};
static const struct reason of_certificates[] = {
    {X509_V_ERR_CERT_HAS_EXPIRED, TLS_COUNT_SERVER_TIME},
    {X509_V_ERR_CERT_NOT_YET_VALID, TLS_COUNT_SERVER_TIME},
    {X509_V_ERR_HOSTNAME_MISMATCH, TLS_COUNT_SERVER_NAME},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, TLS_COUNT_SERVER_CA},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, TLS_COUNT_SERVER_CA},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, TLS_COUNT_SERVER_CA},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, TLS_COUNT_SERVER_CA},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, TLS_COUNT_SERVER_CA},
    {X509_V_ERR_CERT_UNTRUSTED, TLS_COUNT_SERVER_CA},
};
#define FIND(all, of, other) fault_find(all, sizeof(all) / sizeof *(all), of, other)

static enum tls_count fault_find(const struct reason *all, size_t count, int of, enum tls_count other)
{
    for (size_t i = 0; i < count; i++)
        if (all[i].of == of) return all[i].is;
    return other;
}

enum tls_count tls_fault(const SSL *ssl, int err)
{
    const int reason = ERR_GET_REASON(ERR_peek_last_error());
    const bool server = !SSL_is_server(ssl), alert = reason > SSL_AD_REASON_OFFSET;
    if (err == -EMSGSIZE) return TLS_COUNT_TOO_LONG;
    if (err != -EPROTO) return server ? TLS_COUNT_SERVER_CUT : TLS_COUNT_CUT;
    if (!server) return FIND(of_clients, reason, alert ? TLS_COUNT_ALERTED : TLS_COUNT_BAD);
    if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED)
        return FIND(of_certificates, (int)SSL_get_verify_result(ssl), TLS_COUNT_SERVER_CERT);
    return FIND(of_servers, reason, alert ? TLS_COUNT_SERVER_ALERTED : TLS_COUNT_SERVER_BAD);
}
