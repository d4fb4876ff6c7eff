/* What servers are told of a client. */
#include "runtime/proxy/http/told.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static void address_text(const struct stream_addr *a, char text[INET6_ADDRSTRLEN])
{
    uint32_t be[4];
    for (unsigned i = 0; i < 4; i++) be[i] = htonl(a->addr[i]);
    inet_ntop(a->v6 ? AF_INET6 : AF_INET, be, text, INET6_ADDRSTRLEN);
}

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
    char addr[INET6_ADDRSTRLEN], element[INET6_ADDRSTRLEN + 32];
    address_text(client, addr);
    /* An address of IPv6 stands in brackets, and so in quotes (RFC 7239, section 6). */
    snprintf(element, sizeof element, client->v6 ? "for=\"[%s]\";proto=%s" : "for=%s;proto=%s", addr,
             tls ? "https" : "http");
    uint16_t at = 0;
    put(t, &at, "X-Forwarded-For: ");
    t->client = put(t, &at, addr);
    put(t, &at, "\r\nForwarded: ");
    t->forwarded = put(t, &at, element);
    put(t, &at, "\r\n");
    t->via = put(t, &at, "Via: 1.1 prey\r\n\r\n");
}
