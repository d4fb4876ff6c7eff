/* Connections that end at proxy services, as the page shows them. */
#include "runtime/stats/html.h"
#include "runtime/stats/item.h"
#include "runtime/stats/page_priv.h"

static void sentence(FILE *out, const cJSON *of, const char *key, const char *words)
{
    html_number(out, item_number(of, key));
    fputs(words, out);
}

/* Names of an object whose numbers are not 0. */
static void numbers(FILE *out, const cJSON *object, const char *id, const char *const heads[2])
{
    const cJSON *one;
    bool any = false;
    cJSON_ArrayForEach(one, object)
    {
        const uint64_t n = strtoull(one->valuestring, NULL, 10);
        if (!n) continue;
        if (!any) page_table(out, id, heads[0], heads, 2);
        any = true;
        fputs("<tr>", out);
        page_name(out, one->string);
        page_number(out, n);
        fputs("</tr>", out);
    }
    if (any) page_table_end(out);
}

void page_proxy(FILE *out, const cJSON *proxy)
{
    static const char *const ended[] = {"Ended", "#Connections"}, *const refused[] = {"Refused", "#Times"},
                             *const http[] = {"HTTP", "#Times"}, *const tls[] = {"TLS", "#Handshakes"};
    if (!cJSON_IsObject(proxy)) return;
    page_section(out, "proxy", "Proxy services");
    fputs("<p>", out);
    sentence(out, proxy, "now", " connections now, ");
    sentence(out, proxy, "sessions", " accepted in all; ");
    sentence(out, proxy, "up_bytes", " bytes from clients, ");
    sentence(out, proxy, "down_bytes", " to them; ");
    sentence(out, proxy, "connects", " connects to servers, ");
    sentence(out, proxy, "retried", " of them after one that failed</p>");
    numbers(out, item(proxy, "ended_by"), "proxy-ended", ended);
    numbers(out, item(proxy, "refused"), "proxy-refused", refused);
    numbers(out, item(proxy, "http"), "proxy-http", http);
    numbers(out, item(proxy, "tls"), "proxy-tls", tls);
    fputs("</section>", out);
}
