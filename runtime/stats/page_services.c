/* Services, pools and servers, as the page shows them. */
#include <string.h>

#include "runtime/report/document/item.h"
#include "runtime/stats/html.h"
#include "runtime/stats/page_priv.h"

/* Write the texts of a list; `between`: what stands before the first. Return what stands before the next. */
static const char *list_write(FILE *out, const cJSON *list, const char *between)
{
    const cJSON *one;
    cJSON_ArrayForEach(one, list)
    {
        fputs(between, out);
        html_text(out, cJSON_IsString(one) ? one->valuestring : "");
        between = ", ";
    }
    return between;
}

static void list_cell(FILE *out, const cJSON *row, const char *key)
{
    fputs("<td>", out);
    list_write(out, item(row, key), "");
    fputs("</td>", out);
}

/* Write a service's pools, and where else it leads. */
static void pools_cell(FILE *out, const cJSON *row, const char *key)
{
    fputs("<td>", out);
    list_write(out, item(row, "others"), list_write(out, item(row, key), ""));
    fputs("</td>", out);
}

/* True if left by an earlier program and without flows. */
static bool is_over(const cJSON *one) { return item_true(one, "past") && !item_number(one, "flows"); }

static void unserved_cell(FILE *out, const cJSON *service, const char *key)
{
    page_number(out, item(service, key), "packets");
}

static void health_cell(FILE *out, const cJSON *server, const char *key)
{
    const char *health = item_text(server, key);
    fprintf(out, "<td><span class=\"health h-%s\">%s</span>", health, health);
    if (item_true(server, "backup")) fputs(" <span class=\"tag\">backup</span>", out);
    /* "good": drained, or some more good answers are due. */
    if (!strcmp(health, "down") && strcmp(item_text(server, "why"), "good") != 0)
        html_fill(out, server, " <span class=\"why\">{why}</span>");
    fputs("</td>", out);
}

static void by_hand(FILE *out, const cJSON *set)
{
    if (!cJSON_IsObject(set)) return;
    html_fill(out, set, " <span class=\"tag warn\">{state} by hand");
    if (item_known(set, "left_s")) html_fill(out, set, ", {~left_s} left");
    fputs("</span>", out);
}

/* Write the weight, and its source if that is not the file. */
static void weight_cell(FILE *out, const cJSON *server, const char *key)
{
    html_fill(out, server, "<td class=\"n\">{#weight}");
    if (item_number(server, key) != item_number(server, "weight_of_file"))
        html_fill(out, server, " <small>of {#weight_of_file}</small>");
    by_hand(out, item(server, "by_hand"));
    fputs("</td>", out);
}

static void latency_cell(FILE *out, const cJSON *server, const char *key)
{
    const uint64_t us = item_number(server, key);
    if (!us || !strcmp(item_text(server, "health"), "down"))
        fputs("<td class=\"n zero\">–</td>", out);
    else
        fprintf(out, us < 10000 ? "<td class=\"n\">%.1f&nbsp;ms</td>" : "<td class=\"n\">%.0f&nbsp;ms</td>",
                (double)us / 1000);
}

static void address_cell(FILE *out, const cJSON *server, const char *key)
{
    html_fill(out, server, "<td>{address}");
    if (item_number(server, "port")) html_fill(out, server, " <small>:{port}</small>");
    fputs("</td>", out);
}

static void pool_table(FILE *out, const cJSON *pool, unsigned number)
{
    static const struct column columns[] = {
        {"Server", page_name, "name"},       {"Address", address_cell, "address"},
        {"Health", health_cell, "health"},   {"#Weight", weight_cell, "weight"},
        {"#Flows", page_number, "flows"},    {"#Packets/s", page_rate, "packets_per_s"},
        {"#Rate", page_bits, "bytes_per_s"}, {"#Check", latency_cell, "latency_us"},
        {"Last change", page_time, "since"}, {NULL, NULL, NULL}};
    char id[32];
    const cJSON *server;
    html_fill(out, pool, "<h3>{pool} <small>{balance}, {servers_up} of {servers_count} up</small></h3>");
    snprintf(id, sizeof id, "pool-%u", number);
    page_table(out, id, "Servers of a pool", columns);
    cJSON_ArrayForEach(server, item(pool, "servers"))
    {
        const bool past = !strcmp(item_text(server, "health"), "past");
        if (!past || item_number(server, "flows")) page_row(out, server, columns);
    }
    page_table_end(out);
}

/* Write the mode, and that the service drains, with how many connections are left. */
static void mode_cell(FILE *out, const cJSON *service, const char *key)
{
    html_fill(out, service, "<td>{mode}");
    by_hand(out, item(service, "by_hand"));
    const cJSON *proxy = item(service, "proxy");
    if (item_true(service, "drains"))
        html_fill(out, proxy ? proxy : service,
                  proxy ? " <small>{#now} left</small>" : " <small>{#flows} left</small>");
    fputs("</td>", out);
}

void page_services(FILE *out, const cJSON *root)
{
    static const struct column columns[] = {{"Service", page_name, "service"},
                                            {"On", list_cell, "endpoints"},
                                            {"Mode", mode_cell, "mode"},
                                            {"Pools", pools_cell, "pools"},
                                            {"#Flows", page_number, "flows"},
                                            {"#Packets/s", page_rate, "packets_per_s"},
                                            {"#Rate", page_bits, "bytes_per_s"},
                                            {"#No server", unserved_cell, "no_server"},
                                            {NULL, NULL, NULL}};
    const cJSON *one, *services = item(root, "services");
    unsigned number = 0;
    page_section(out, "services", "Services, pools and servers");
    if (!services || !services->child) {
        fputs("<p class=\"none\">The rules have no service.</p></section>", out);
        return;
    }
    page_table(out, "services", "Services", columns);
    cJSON_ArrayForEach(one, services) if (!is_over(one)) page_row(out, one, columns);
    page_table_end(out);
    cJSON_ArrayForEach(one, item(root, "pools")) if (!is_over(one)) pool_table(out, one, number++);
    fputs("</section>", out);
}
