/* Services, pools and servers, as the page shows them. */
#include <string.h>

#include "runtime/stats/html.h"
#include "runtime/stats/item.h"
#include "runtime/stats/page_priv.h"

static void list_text(FILE *out, const cJSON *list)
{
    const cJSON *one;
    cJSON_ArrayForEach(one, list)
    {
        if (one != list->child) fputs(", ", out);
        html_text(out, cJSON_IsString(one) ? one->valuestring : "");
    }
}

/* What a program before this one left, and nobody uses any more. */
static bool is_over(const cJSON *one) { return item_true(one, "past") && !item_number(one, "flows"); }

static void service_row(FILE *out, const cJSON *service)
{
    fputs("<tr>", out);
    page_name(out, item_text(service, "service"));
    fputs("<td>", out);
    list_text(out, item(service, "endpoints"));
    fputs("</td>", out);
    page_text(out, item_text(service, "mode"));
    fputs("<td>", out);
    list_text(out, item(service, "pools"));
    fputs("</td>", out);
    page_number(out, item_number(service, "flows"));
    page_rate(out, service, "packets_per_s");
    page_bits(out, service, "bytes_per_s");
    page_number(out, item_number(item(service, "no_server"), "packets"));
    fputs("</tr>", out);
}

static void health_cell(FILE *out, const cJSON *server)
{
    const char *health = item_text(server, "health");
    fprintf(out, "<td><span class=\"health h-%s\">%s</span>", health, health);
    if (item_true(server, "backup")) fputs(" <span class=\"tag\">backup</span>", out);
    /* "good": it drained, or has yet to answer well some times more. */
    if (!strcmp(health, "down") && strcmp(item_text(server, "why"), "good") != 0) {
        fputs(" <span class=\"why\">", out);
        html_text(out, item_text(server, "why"));
        fputs("</span>", out);
    }
    fputs("</td>", out);
}

static void by_hand(FILE *out, const cJSON *set)
{
    if (!cJSON_IsObject(set)) return;
    fputs(" <span class=\"tag warn\">", out);
    html_text(out, item_text(set, "state"));
    fputs(" by hand", out);
    if (item_known(set, "left_s")) {
        fputs(", ", out);
        html_time(out, item_number(set, "left_s"));
        fputs(" left", out);
    }
    fputs("</span>", out);
}

/* Weight, and who says so where it is not the file. */
static void weight_cell(FILE *out, const cJSON *server)
{
    const uint64_t weight = item_number(server, "weight"), file = item_number(server, "weight_of_file");
    fputs("<td class=\"n\">", out);
    html_number(out, weight);
    if (weight != file) {
        fputs(" <small>of ", out);
        html_number(out, file);
        fputs("</small>", out);
    }
    by_hand(out, item(server, "by_hand"));
    fputs("</td>", out);
}

static void latency_cell(FILE *out, const cJSON *server)
{
    const uint64_t us = item_number(server, "latency_us");
    if (!us || !strcmp(item_text(server, "health"), "down"))
        fputs("<td class=\"n zero\">–</td>", out);
    else
        fprintf(out, us < 10000 ? "<td class=\"n\">%.1f&nbsp;ms</td>" : "<td class=\"n\">%.0f&nbsp;ms</td>",
                (double)us / 1000);
}

static void server_row(FILE *out, const cJSON *server)
{
    fputs("<tr>", out);
    page_name(out, item_text(server, "name"));
    fputs("<td>", out);
    html_text(out, item_text(server, "address"));
    if (item_number(server, "port")) fprintf(out, " <small>:%u</small>", (unsigned)item_number(server, "port"));
    fputs("</td>", out);
    health_cell(out, server);
    weight_cell(out, server);
    page_number(out, item_number(server, "flows"));
    page_rate(out, server, "packets_per_s");
    page_bits(out, server, "bytes_per_s");
    latency_cell(out, server);
    page_time(out, item_text(server, "since"));
    fputs("</tr>", out);
}

static void pool_table(FILE *out, const cJSON *pool, unsigned number)
{
    static const char *const heads[] = {"Server",     "Address", "Health", "#Weight",    "#Flows",
                                        "#Packets/s", "#Rate",   "#Check", "Last change"};
    char id[32];
    const cJSON *server;
    fputs("<h3>", out);
    html_text(out, item_text(pool, "pool"));
    fprintf(out, " <small>%s, %u of %u up</small></h3>", item_text(pool, "balance"),
            (unsigned)item_number(pool, "servers_up"), (unsigned)item_number(pool, "servers_count"));
    snprintf(id, sizeof id, "pool-%u", number);
    page_table(out, id, "Servers of a pool", heads, sizeof heads / sizeof *heads);
    cJSON_ArrayForEach(server, item(pool, "servers"))
    {
        const bool past = !strcmp(item_text(server, "health"), "past");
        if (!past || item_number(server, "flows")) server_row(out, server);
    }
    page_table_end(out);
}

void page_services(FILE *out, const cJSON *root)
{
    static const char *const heads[] = {"Service", "On",         "Mode",  "Pools",
                                        "#Flows",  "#Packets/s", "#Rate", "#No server"};
    const cJSON *one, *services = item(root, "services");
    unsigned number = 0;
    page_section(out, "services", "Services, pools and servers");
    if (!services || !services->child) {
        fputs("<p class=\"none\">The rules have no service.</p></section>", out);
        return;
    }
    page_table(out, "services", "Services", heads, sizeof heads / sizeof *heads);
    cJSON_ArrayForEach(one, services) if (!is_over(one)) service_row(out, one);
    page_table_end(out);
    cJSON_ArrayForEach(one, item(root, "pools")) if (!is_over(one)) pool_table(out, one, number++);
    fputs("</section>", out);
}
