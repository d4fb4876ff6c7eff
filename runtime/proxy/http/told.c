/* What servers are told of a client. */
#include "runtime/proxy/http/told.h"

#include <stdio.h>
#include <string.h>

#include "runtime/proxy/told/log_line.h"

static struct view_span put(struct told *t, uint16_t *at, const char *text)
{
    const size_t len = strlen(text);
    memcpy(t->text + *at, text, len);
    const struct view_span s = {.at = *at, .len = (uint16_t)len};
    *at = (uint16_t)(*at + len);
    return s;
}

void told_make(struct told *t, const struct stream_addr *client, bool tls)
{
    char addr[LOG_ADDRESS_MAX], element[LOG_ADDRESS_MAX + 32];
    log_address(addr, client);
    /* An address of IPv6 stands in brackets, and so in quotes (RFC 7239, section 6). */
    snprintf(element, sizeof element, client->v6 ? "for=\"[%s]\";proto=%s" : "for=%s;proto=%s", addr,
             tls ? "https" : "http");
    uint16_t at = 0;
    t->proto = put(t, &at, tls ? "X-Forwarded-Proto: https\r\n" : "X-Forwarded-Proto: http\r\n");
    put(t, &at, "X-Forwarded-For: ");
    t->client = put(t, &at, addr);
    put(t, &at, "\r\nForwarded: ");
    t->forwarded = put(t, &at, element);
    put(t, &at, "\r\n");
    t->via = put(t, &at, "Via: 1.1 prey\r\n\r\n");
}
