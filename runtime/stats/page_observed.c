/* Connections that are watched, and packets that are copied, as the page shows them. */
#include "runtime/report/document/item.h"
#include "runtime/stats/html.h"
#include "runtime/stats/page_priv.h"

void page_observed(FILE *out, const cJSON *root)
{
    static const struct column columns[] = {{"Service", page_name, "service"},
                                            {"#Open", page_number, "live"},
                                            {"#In all", page_number, "sessions"},
                                            {"#Bytes", page_number, "bytes"},
                                            {"#Holes", page_number, "holes"},
                                            {"#Retransmitted", page_number, "retransmissions"},
                                            {"Sessions to", page_text, "sessions_to"},
                                            {"Stream to", page_text, "stream_to"},
                                            {NULL, NULL, NULL}};
    const cJSON *services = item(root, "observe_services");
    if (!services || !services->child) return;
    page_section(out, "observed", "Connections that are watched");
    html_fill(out, item(root, "observed"),
              "<p>{#live} now, {#sessions} in all; {#bytes} bytes in order, {#holes} holes, {#differs} overlaps that "
              "differ.</p>");
    html_fill(out, item(root, "observed_files"),
              "<p>In files: {#sessions} sessions, {#files} files, {#bytes} bytes; lost {#lost-events} events, "
              "{#lost-sessions} sessions, {#lost-bytes} bytes.</p>");
    page_list(out, "observed", "Services that watch", columns, services);
    fputs("</section>", out);
}

/* Copies that rules with `mirror` make. */

static void target_cell(FILE *out, const cJSON *row, const char *key)
{
    fputs("<td>", out);
    html_fill(out, row, "{to} ");
    html_text(out, item_text(row, key));
    if (item_true(row, "sent")) fputs(" <small>as they leave</small>", out);
    fputs("</td>", out);
}

/* Write the reasons by which copies were lost, each with its count. */
static void lost_cell(FILE *out, const cJSON *row, const char *key)
{
    const char *before = "";
    const cJSON *by = item(row, key), *one;
    char form[80];
    fputs("<td>", out);
    cJSON_ArrayForEach(one, by)
    {
        if (!item_number(by, one->string)) continue;
        snprintf(form, sizeof form, "%s%s {#%s}", before, one->string, one->string);
        html_fill(out, by, form);
        before = ", ";
    }
    fputs("</td>", out);
}

void page_copies(FILE *out, const cJSON *root)
{
    static const struct column columns[] = {{"Rule", page_name, "rule"},
                                            {"To", target_cell, "target"},
                                            {"#Copies", page_number, "packets"},
                                            {"#Bytes", page_number, "bytes"},
                                            {"#Lost", page_number, "lost"},
                                            {"Why", lost_cell, "lost_by"},
                                            {NULL, NULL, NULL}};
    const cJSON *mirrors = item(root, "mirrors");
    if (!mirrors || !mirrors->child) return;
    page_section(out, "copies", "Copies of packets");
    page_list(out, "copies", "Rules that copy", columns, mirrors);
    fputs("</section>", out);
}
