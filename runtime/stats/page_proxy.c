/* Connections that end at proxy services, as the page shows them. */
#include "runtime/report/document/item.h"
#include "runtime/stats/histogram.h"
#include "runtime/stats/html.h"
#include "runtime/stats/page_priv.h"

/* Write a row that is a number itself. */
static void own_number(FILE *out, const cJSON *row, const char *key)
{
    page_count(out, strtoull(row->valuestring, NULL, 10));
}

/* Write a table of an object's names whose numbers are not 0. */
static void numbers(FILE *out, const cJSON *object, const char *id, const char *name, const char *count)
{
    const struct column columns[] = {{name, page_key, NULL}, {count, own_number, NULL}, {NULL, NULL, NULL}};
    const cJSON *one;
    bool any = false;
    cJSON_ArrayForEach(one, object)
    {
        if (!strtoull(one->valuestring, NULL, 10)) continue;
        if (!any) page_table(out, id, name, columns);
        any = true;
        page_row(out, one, columns);
    }
    if (any) page_table_end(out);
}

/* Write the row for services that the rules no longer name. */
static void rest(FILE *out, uint64_t accepted)
{
    if (!accepted) return;
    fputs("<tr><td>services that are gone</td><td></td>", out);
    page_count(out, accepted);
    fputs("<td></td><td></td><td></td><td></td><td></td></tr>", out);
}

static void not_done(FILE *out, const cJSON *proxy, const char *key)
{
    page_count(out, item_number(proxy, key) - item_number(item(proxy, "ended_by"), "done"));
}

/* Write the table of counts by service. */
static void of_services(FILE *out, const cJSON *services, uint64_t accepted)
{
    static const struct column columns[] = {{"Service", page_name, "service"},
                                            {"#Connections", page_number, "now"},
                                            {"#Accepted", page_number, "sessions"},
                                            {"#Accepted/s", page_rate, "sessions_per_s"},
                                            {"#Requests/s", page_rate, "requests_per_s"},
                                            {"#In", page_bits, "up_bytes_per_s"},
                                            {"#Out", page_bits, "down_bytes_per_s"},
                                            {"#Not done", not_done, "ended"},
                                            {NULL, NULL, NULL}};
    const cJSON *one;
    page_table(out, "proxy-services", "Proxy services", columns);
    cJSON_ArrayForEach(one, services)
    {
        const cJSON *proxy = item(one, "proxy");
        if (!cJSON_IsObject(proxy) || (item_true(one, "past") && !item_number(proxy, "now"))) continue;
        accepted -= item_number(proxy, "sessions");
        fputs("<tr>", out);
        page_name(out, one, "service");
        page_cells(out, proxy, columns + 1);
        fputs("</tr>", out);
    }
    rest(out, accepted);
    page_table_end(out);
}

/* Write the histograms of durations. */
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
    if (!cJSON_IsObject(proxy)) return;
    page_section(out, "proxy", "Proxy services");
    html_fill(
        out, proxy,
        "<p>{#now} connections now, {#sessions} accepted in all; {#up_bytes} bytes from clients, {#down_bytes} to "
        "them; {#connects} connects to servers, {#retried} of them after one that failed</p>");
    if (item_number(proxy, "spliced"))
        html_fill(out, proxy,
                  "<p>{#spliced} connections left their sockets, {#spliced_now} of them go on in packets</p>");
    of_services(out, item(root, "services"), item_number(proxy, "sessions"));
    times(out, item(proxy, "took"));
    numbers(out, item(proxy, "ended_by"), "proxy-ended", "Ended", "#Connections");
    numbers(out, item(proxy, "refused"), "proxy-refused", "Refused", "#Times");
    numbers(out, item(proxy, "stays"), "proxy-stays", "Stays with its sockets", "#Times");
    numbers(out, item(proxy, "http"), "proxy-http", "HTTP", "#Times");
    numbers(out, item(proxy, "tls"), "proxy-tls", "TLS", "#Handshakes");
    fputs("</section>", out);
}
