/* Services, pools and servers, as the page shows them. */
#include <string.h>

#include "runtime/report/document/item.h"
#include "runtime/stats/html.h"
#include "runtime/stats/page_priv.h"

/* The setting by hand. */
#define BY_HAND "{/by_hand  <span class=\"tag warn\">{state} by hand{?left_s? , {~left_s} left}</span>}"

/* Write the weight, and that of the file if they differ. */
static void weight_cell(FILE *out, const cJSON *server)
{
    html_fill(out, server, "{#weight}");
    if (item_number(server, "weight") != item_number(server, "weight_of_file"))
        html_fill(out, server, " <small>of {#weight_of_file}</small>");
}

static void latency_cell(FILE *out, const cJSON *server)
{
    const uint64_t us = item_number(server, "latency_us");
    if (!us || !strcmp(item_text(server, "health"), "down"))
        fputs(CELL_NONE, out);
    else
        fprintf(out, us < 10000 ? "%.1f&nbsp;ms" : "%.0f&nbsp;ms", (double)us / 1000);
}

static void pool_table(FILE *out, const cJSON *pool, unsigned number)
{
    static const struct column columns[] = {
        {"Server", "{name} <small>{?address {address}{?port  :{port}}}{!address {host}}</small>", NULL},
        /* "good": the server is drained, or needs some more good replies. */
        {"*Health",
         "<span class=\"health h-{health}\">{health}</span>{?backup  <span class=\"tag\">backup</span>}" BY_HAND
         "{?health=down {!why=good  <span class=\"why\">{why}</span>}}",
         NULL},
        {"#Weight", NULL, weight_cell},
        {"#Flows", CELL_NUMBER("flows"), NULL},
        {"#Packets/s", CELL_RATE("packets_per_s"), NULL},
        {"#Rate", CELL_RATE("bytes_per_s"), NULL},
        {"#Check took", NULL, latency_cell},
        {"*Health since", "{@since}{!since " CELL_NONE "}", NULL},
        {NULL, NULL, NULL}};
    char id[32];
    const cJSON *server;
    const uint64_t up = item_number(pool, "servers_up"), count = item_number(pool, "servers_count");
    const bool slows = up < count || item_number(pool, "servers_draining");
    const char *class = page_down(pool) ? "bad" : slows ? "warn" : "good";
    html_fill(out, pool, "<h3>Pool {pool} ");
    fprintf(out, "<span class=\"tag %s\">", class);
    html_fill(out, pool,
              "{#servers_up} of {#servers_count} up{?servers_draining , {#servers_draining} draining}</span> "
              "<small>{balance}</small></h3>");
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
        {"Service", CELL_TEXT("service"), NULL},
        {"*On", "{*endpoints||, |{.}}", NULL},
        {"Mode", "{mode}" BY_HAND "{?drains  <small>{?proxy? {#proxy.now}}{!proxy? {#flows}} left</small>}", NULL},
        {"Pools", "{*pools||, |{.}}{*others|{?pools , }|, |{.}}", NULL},
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
    cJSON_ArrayForEach(one, services) if (!page_is_past(one)) page_row(out, one, columns);
    page_table_end(out);
    cJSON_ArrayForEach(one, item(root, "pools")) if (!page_is_past(one)) pool_table(out, one, number++);
    fputs("</section>", out);
}
