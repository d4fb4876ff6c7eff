/* Services, pools and servers, as the page shows them. */
#include <string.h>

#include "runtime/report/document/item.h"
#include "runtime/stats/html.h"
#include "runtime/stats/page_priv.h"

/* True if left by an earlier program and without flows. */
static bool is_past_over(const cJSON *one) { return item_true(one, "past") && !item_number(one, "flows"); }

/* The setting by hand. */
#define BY_HAND "{/by_hand  <span class=\"tag warn\">{state} by hand{?left_s? , {~left_s} left}</span>}"

/* Write the weight, and its source if that is not the file. */
static void weight_cell(FILE *out, const cJSON *server)
{
    html_fill(out, server, "<td class=\"n\">{#weight}");
    if (item_number(server, "weight") != item_number(server, "weight_of_file"))
        html_fill(out, server, " <small>of {#weight_of_file}</small>");
    html_fill(out, server, BY_HAND "</td>");
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

static void pool_table(FILE *out, const cJSON *pool, unsigned number)
{
    static const struct column columns[] = {
        {"Server", CELL_NAME("name"), NULL},
        {"Address", "<td>{address}{?port  <small>:{port}</small>}</td>", NULL},
        /* "good": it is drained, or some more good answers are due. */
        {"Health",
         "<td><span class=\"health h-{health}\">{health}</span>{?backup  <span class=\"tag\">backup</span>}"
         "{?health=down {!why=good  <span class=\"why\">{why}</span>}}</td>",
         NULL},
        {"#Weight", NULL, weight_cell},
        {"#Flows", CELL_NUMBER("flows"), NULL},
        {"#Packets/s", CELL_RATE("packets_per_s"), NULL},
        {"#Rate", CELL_RATE("bytes_per_s"), NULL},
        {"#Check", NULL, latency_cell},
        {"Last change", CELL_TEXT("@since"), NULL},
        {NULL, NULL, NULL}};
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

void page_services(FILE *out, const cJSON *root)
{
    static const struct column columns[] = {
        {"Service", CELL_NAME("service"), NULL},
        {"On", "<td>{*endpoints||, |{.}}</td>", NULL},
        {"Mode", "<td>{mode}" BY_HAND "{?drains  <small>{?proxy? {#proxy.now}}{!proxy? {#flows}} left</small>}</td>",
         NULL},
        {"Pools", "<td>{*pools||, |{.}}{*others|{?pools , }|, |{.}}</td>", NULL},
        {"#Flows", CELL_NUMBER("flows"), NULL},
        {"#Packets/s", CELL_RATE("packets_per_s"), NULL},
        {"#Rate", CELL_RATE("bytes_per_s"), NULL},
        {"#No server", CELL_NUMBER("no_server.packets"), NULL},
        {NULL, NULL, NULL}};
    const cJSON *one, *services = item(root, "services");
    unsigned number = 0;
    page_section(out, "services", "Services, pools and servers");
    if (!services || !services->child) {
        fputs("<p class=\"none\">The rules have no service.</p></section>", out);
        return;
    }
    page_table(out, "services", "Services", columns);
    cJSON_ArrayForEach(one, services) if (!is_past_over(one)) page_row(out, one, columns);
    page_table_end(out);
    cJSON_ArrayForEach(one, item(root, "pools")) if (!is_past_over(one)) pool_table(out, one, number++);
    fputs("</section>", out);
}
