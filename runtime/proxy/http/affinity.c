/* Affinity by cookie: what the client is told. */
#include "runtime/proxy/http/affinity.h"

#include <stdio.h>

#include "runtime/proxy/core.h"

void affinity_say(const struct session *s, char line[AFFINITY_COOKIE_MAX])
{
    const struct pbc_proxy *says = proxy_says(s->proxy, s->service);
    line[0] = 0;
    if (!(says->flags & PBC_PROXY_AFFINITY_COOKIE)) return;
    const uint64_t cookie = chooser_cookie(s->proxy->chooser, s->chosen);
    if (cookie == s->affinity) return;
    char age[40] = "";
    if (says->affinity_ns)
        snprintf(age, sizeof age, "; Max-Age=%llu", (unsigned long long)(says->affinity_ns / 1000000000));
    const int n = snprintf(line, AFFINITY_COOKIE_MAX, "Set-Cookie: %s=%016llx; Path=/; HttpOnly%s%s\r\n",
                           program_str(s->proxy->program, says->affinity_name), (unsigned long long)cookie,
                           s->client.ops == &side_plain ? "" : "; Secure", age);
    if (n >= AFFINITY_COOKIE_MAX) line[0] = 0;
}
