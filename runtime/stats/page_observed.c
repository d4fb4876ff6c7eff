/* Connections that are watched, as the page shows them. */
#include "runtime/stats/html.h"
#include "runtime/stats/item.h"
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
