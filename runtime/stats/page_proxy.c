/* Connections that end at proxy services, as the page shows them. */
#include "runtime/stats/histogram.h"
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

/* What services have counted that the rules do not name any more. */
static void rest(FILE *out, uint64_t accepted)
{
    if (!accepted) return;
    fputs("<tr><td>services that are gone</td><td></td>", out);
    page_number(out, accepted);
    fputs("<td></td><td></td><td></td><td></td><td></td></tr>", out);
}

/* What each service has of it. */
static void of_services(FILE *out, const cJSON *services, uint64_t accepted)
{
    static const char *const heads[] = {"Service",     "#Connections", "#Accepted", "#Accepted/s",
                                        "#Requests/s", "#In",          "#Out",      "#Not done"};
    const cJSON *one;
    page_table(out, "proxy-services", "Proxy services", heads, sizeof heads / sizeof *heads);
    cJSON_ArrayForEach(one, services)
    {
        const cJSON *proxy = item(one, "proxy");
        if (!cJSON_IsObject(proxy) || (item_true(one, "past") && !item_number(proxy, "now"))) continue;
        fputs("<tr>", out);
        accepted -= item_number(proxy, "sessions");
        page_name(out, item_text(one, "service"));
        page_number(out, item_number(proxy, "now"));
        page_number(out, item_number(proxy, "sessions"));
        page_rate(out, proxy, "sessions_per_s");
        page_rate(out, proxy, "requests_per_s");
        page_bits(out, proxy, "up_bytes_per_s");
        page_bits(out, proxy, "down_bytes_per_s");
        page_number(out, item_number(proxy, "ended") - item_number(item(proxy, "ended_by"), "done"));
        fputs("</tr>", out);
    }
    rest(out, accepted);
    page_table_end(out);
}

/* How long things took. */
static void times(FILE *out, const cJSON *took)
{
    fputs("<div class=\"times\">", out);
    histogram_write(out, "Connecting to a server", item(took, "connect"));
    histogram_write(out, "First bytes, until they decide", item(took, "decide"));
    histogram_write(out, "First byte of an answer", item(took, "answer"));
    histogram_write(out, "A whole request", item(took, "request"));
    fputs("</div>", out);
}

void page_proxy(FILE *out, const cJSON *root)
{
    const cJSON *proxy = item(root, "proxy");
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
    of_services(out, item(root, "services"), item_number(proxy, "sessions"));
    times(out, item(proxy, "took"));
    numbers(out, item(proxy, "ended_by"), "proxy-ended", ended);
    numbers(out, item(proxy, "refused"), "proxy-refused", refused);
    numbers(out, item(proxy, "http"), "proxy-http", http);
    numbers(out, item(proxy, "tls"), "proxy-tls", tls);
    fputs("</section>", out);
}
