/* Connections that are observed, packets that are copied, and live sets, as the page shows them. */
#include "runtime/report/document/item.h"
#include "runtime/stats/html.h"
#include "runtime/stats/page_priv.h"

void page_observed(FILE *out, const cJSON *root)
{
    static const struct column columns[] = {{"Service", CELL_TEXT("service"), NULL},
                                            {"#Open", CELL_NUMBER("live"), NULL},
                                            {"#Total", CELL_NUMBER("sessions"), NULL},
                                            {"#Bytes", CELL_NUMBER("bytes"), NULL},
                                            {"#Holes", CELL_NUMBER("holes"), NULL},
                                            {"#Retransmitted", CELL_NUMBER("retransmissions"), NULL},
                                            {"Sessions to", CELL_TEXT("sessions_to"), NULL},
                                            {"Stream to", CELL_TEXT("stream_to"), NULL},
                                            {NULL, NULL, NULL}};
    const cJSON *services = item(root, "observe_services");
    if (!services || !services->child) return;
    page_section(out, "observed", "Observed connections");
    html_fill(out, item(root, "observed"),
              "<p>{#live} now, {#sessions} in all; {#bytes|byte} in order, {#holes|hole}, {#differs|overlap that "
              "differs|overlaps that differ}.</p>");
    html_fill(out, item(root, "observed_files"),
              "<p>In files: {#sessions|session}, {#files|file}, {#bytes|byte}; lost {#lost-events|event}, "
              "{#lost-sessions|session}, {#lost-bytes|byte}.</p>");
    page_list(out, "observed", "Services that observe", columns, services);
    fputs("</section>", out);
}

/* Copies that rules with `mirror` make. */

void page_copies(FILE *out, const cJSON *root)
{
    static const struct column columns[] = {{"Rule", CELL_TEXT("rule"), NULL},
                                            {"*To", "{to} {target}{?sent  <small>as they leave</small>}", NULL},
                                            {"#Copies", CELL_NUMBER("packets"), NULL},
                                            {"#Bytes", CELL_NUMBER("bytes"), NULL},
                                            {"#Lost", CELL_NUMBER("lost"), NULL},
                                            {"*Why", "{*lost_by?.||, |{$} {#.}}", NULL},
                                            {NULL, NULL, NULL}};
    const cJSON *mirrors = item(root, "mirrors");
    if (!mirrors || !mirrors->child) return;
    page_section(out, "copies", "Copies of packets");
    page_list(out, "copies", "Rules that copy", columns, mirrors);
    fputs("</section>", out);
}

/* Live sets. */

void page_sets(FILE *out, const cJSON *root)
{
    static const struct column columns[] = {
        {"Set", CELL_TEXT("set"), NULL},
        {"#Members", "{#members} <small>of {#size}</small>{?ranges  <small>and {#ranges|range}</small>}", NULL},
        {"#Added", CELL_NUMBER("added"), NULL},
        {"#Renewed", CELL_NUMBER("renewed"), NULL},
        {"#Removed", CELL_NUMBER("removed"), NULL},
        {"#Expired", CELL_NUMBER("expired"), NULL},
        {"#Evicted", CELL_NUMBER("evicted"), NULL},
        {"#Refused",
         "{?full,lengths,refused <span class=\"h-unknown\">{#full+lengths+refused}</span>}"
         "{!full {!lengths {!refused <span class=\"zero\">0</span>}}}",
         NULL},
        {"*State",
         "{?fault <span class=\"health h-down\">failing</span> <span class=\"why\">{fault}</span>}"
         "{!fault <span class=\"health h-up\">in force</span>}",
         NULL},
        {NULL, NULL, NULL}};
    const cJSON *sets = item(root, "sets");
    if (!sets || !sets->child) return;
    page_section(out, "sets", "Live sets");
    page_list(out, "sets", "Live sets", columns, sets);
    fputs("</section>", out);
}
