/* Connections that end at proxy services, as the page shows them. */
#include <string.h>

#include "runtime/report/document/item.h"
#include "runtime/stats/html.h"
#include "runtime/stats/page_priv.h"

/* Write a table of an object's names whose numbers are not 0. */
static void numbers(FILE *out, const cJSON *object, const char *id, const char *name, const char *count)
{
    const struct column columns[] = {{name, "{$}", NULL}, {count, CELL_NUMBER("."), NULL}, {NULL, NULL, NULL}};
    const cJSON *one;
    bool any = false;
    cJSON_ArrayForEach(one, object)
    {
        if (!value_number(one)) continue;
        if (!any) page_table(out, id, name, columns);
        any = true;
        page_row(out, one, columns);
    }
    if (any) page_table_end(out);
}

static void ended_early(FILE *out, const cJSON *service)
{
    const cJSON *proxy = item(service, "proxy");
    page_count(out, item_number(proxy, "ended") - item_number(item(proxy, "ended_by"), "done"));
}

/* Write requests per second, for services that parse requests. */
static void requests_cell(FILE *out, const cJSON *service)
{
    const bool http =
        !strcmp(item_text(service, "mode"), "proxy http") || !strcmp(item_text(service, "mode"), "proxy inline http");
    html_fill(out, service, http ? CELL_RATE("proxy.requests_per_s") : CELL_NONE);
}

/* Write the table of counts by service. */
static void of_services(FILE *out, const cJSON *services, uint64_t accepted)
{
    static const struct column columns[] = {{"Service", CELL_TEXT("service"), NULL},
                                            {"#Connections", CELL_NUMBER("proxy.now"), NULL},
                                            {"#Accepted", CELL_NUMBER("proxy.sessions"), NULL},
                                            {"#Accepted/s", CELL_RATE("proxy.sessions_per_s"), NULL},
                                            {"#Requests/s", NULL, requests_cell},
                                            {"#In", CELL_RATE("proxy.up_bytes_per_s"), NULL},
                                            {"#Out", CELL_RATE("proxy.down_bytes_per_s"), NULL},
                                            {"#Ended early", NULL, ended_early},
                                            {NULL, NULL, NULL}};
    const cJSON *one;
    page_table(out, "proxy-services", "Proxy services", columns);
    cJSON_ArrayForEach(one, services)
    {
        const cJSON *proxy = item(one, "proxy");
        if (!cJSON_IsObject(proxy) || (item_true(one, "past") && !item_number(proxy, "now"))) continue;
        accepted -= item_number(proxy, "sessions");
        page_row(out, one, columns);
    }
    if (accepted) {
        /* The row for services that the rules no longer name. */
        fputs("<tr role=\"row\"><th scope=\"row\" role=\"rowheader\">services that are gone</th><td role=\"cell\"></td>"
              "<td class=\"n\" role=\"cell\" data-label=\"Accepted\">",
              out);
        page_count(out, accepted);
        fputs("</td></tr>\n", out);
    }
    page_table_end(out);
}

void page_proxy(FILE *out, const cJSON *root)
{
    const cJSON *proxy = item(root, "proxy");
    if (!cJSON_IsObject(proxy)) return;
    page_section(out, "proxy", "Proxy services");
    html_fill(out, proxy,
              "<p>{#now|connection} now, {#sessions} accepted in all; {#up_bytes|byte} from clients, {#down_bytes} to "
              "clients; {#connects|connection} to servers, {#retried|retry|retries} among them.</p>"
              "{?spliced <p>{#spliced|connection} spliced, {#spliced_now} of them still open.</p>}");
    of_services(out, item(root, "services"), item_number(proxy, "sessions"));
    /* Write the histograms of durations. */
    const cJSON *took = item(proxy, "took");
    fputs("<div class=\"took-all\">", out);
    histogram_write(out, "Connect to a server", item(took, "connect"));
    histogram_write(out, "Choosing a branch by the first bytes", item(took, "decide"));
    histogram_write(out, "First byte of a response", item(took, "answer"));
    histogram_write(out, "A whole request", item(took, "request"));
    fputs("</div>", out);
    numbers(out, item(proxy, "ended_by"), "proxy-ended", "Ended", "#Connections");
    numbers(out, item(proxy, "refused"), "proxy-refused", "Refused", "#Times");
    numbers(out, item(proxy, "stays"), "proxy-stays", "Not spliced, because", "#Times");
    numbers(out, item(proxy, "http"), "proxy-http", "HTTP", "#Times");
    numbers(out, item(proxy, "tls"), "proxy-tls", "TLS", "#Handshakes");
    fputs("</section>", out);
}
