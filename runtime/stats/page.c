/* See page.h. From top to bottom: the running program, traffic, services with pools and servers, rules, drops, the
 * machine, events. Each part is a section with a heading; its tables scroll by themselves. */
#include "runtime/stats/page.h"
#include "runtime/stats/page_priv.h"

#include <string.h>

#include "runtime/report/document/item.h"
#include "runtime/stats/html.h"

enum { RULES_SHOWN = 20 };

static const unsigned char css[] = {
#include "runtime/stats/page.css.inc"
};
static const unsigned char script[] = {
#include "runtime/stats/page.js.inc"
};

const struct page_file *page_file(const char *path)
{
    static const struct page_file files[] = {
        {"/page.css", "text/css; charset=utf-8", (const char *)css, sizeof css},
        {"/page.js", "text/javascript; charset=utf-8", (const char *)script, sizeof script},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (!strcmp(path, files[i].path)) return &files[i];
    return NULL;
}

void page_section(FILE *out, const char *id, const char *heading)
{
    fprintf(out, "<section id=\"%s\" aria-labelledby=\"h-%s\"><h2 id=\"h-%s\">%s</h2>", id, id, id, heading);
}

void page_table(FILE *out, const char *id, const char *label, const struct column *columns)
{
    fprintf(out,
            "<div class=\"scroll\" id=\"t-%s\" tabindex=\"0\" role=\"region\" aria-label=\"%s\"><table><thead><tr>", id,
            label);
    for (; columns->head; columns++) {
        const bool number = *columns->head == '#';
        fprintf(out, number ? "<th scope=\"col\" class=\"n\">%s</th>" : "<th scope=\"col\">%s</th>",
                columns->head + number);
    }
    fputs("</tr></thead><tbody>", out);
}

void page_row(FILE *out, const cJSON *row, const struct column *columns)
{
    fputs("<tr>", out);
    for (; columns->head; columns++) {
        if (columns->cell)
            html_fill(out, row, columns->cell);
        else
            columns->write(out, row);
    }
    fputs("</tr>", out);
}

void page_table_end(FILE *out) { fputs("</tbody></table></div>", out); }

void page_list(FILE *out, const char *id, const char *label, const struct column *columns, const cJSON *list)
{
    const cJSON *one;
    page_table(out, id, label, columns);
    cJSON_ArrayForEach(one, list) page_row(out, one, columns);
    page_table_end(out);
}

void page_count(FILE *out, uint64_t n)
{
    fputs(n ? "<td class=\"n\">" : "<td class=\"n zero\">", out);
    html_number(out, n);
    fputs("</td>", out);
}

static void head(FILE *out, const cJSON *root)
{
    html_fill(out, item(root, "instance"),
              "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{name} – prey</title>"
              "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
              "<meta name=\"color-scheme\" content=\"light dark\"><link rel=\"stylesheet\" href=\"/page.css\">"
              "<script src=\"/page.js\" defer></script>"
              "<noscript><meta http-equiv=\"refresh\" content=\"10\"></noscript></head><body>"
              "<a class=\"skip\" href=\"#main\">To the figures</a><header><h1>{name}</h1>"
              "<nav aria-label=\"Parts of this page\"><a href=\"#traffic\">Traffic</a>"
              "<a href=\"#services\">Services</a><a href=\"#rules\">Rules</a><a href=\"#drops\">Drops</a>"
              "<a href=\"#machine\">Machine</a><a href=\"#events\">Events</a></nav>"
              "<p id=\"stale\" role=\"status\"></p></header><main id=\"main\" tabindex=\"-1\"><p class=\"what\">");
    html_fill(out, root,
              "<b>{program.path}</b> since {@program.since}, prey {prey} up for {~instance.uptime_s}"
              "{?instance.monitor  <span class=\"tag warn\">monitor</span>}"
              "{?instance.confirm_left_s?  <span class=\"tag warn\">to be confirmed</span>}"
              "{?program.file_differs  <span class=\"tag\">not the program of its file</span>}</p>");
}

static void traffic(FILE *out, const cJSON *root)
{
    const cJSON *flows = item(root, "flows");
    page_section(out, "traffic", "Traffic, packets a second");
    html_fill(out, root, /* a tile for each verdict: packets per second now, and in all */
              "<ul class=\"tiles\">{*verdicts|||<li class=\"tile v-{$}\"><span class=\"what\">{$}</span>"
              "<span class=\"now\">{^packets_per_s}<small>/s</small></span>"
              "<span class=\"all\">{#packets} in all</span></li>}</ul>");
    chart_write(out, item(root, "history"));
    if (item_known(flows, "now")) {
        const uint64_t now = item_number(flows, "now"), most = item_number(flows, "limit");
        html_fill(out, flows, "<p class=\"flows\">{#now}");
        const double part = most ? 100.0 * (double)now / (double)most : 0;
        fprintf(out, part > 0 && part < 1 ? " flows, under 1&nbsp;%% of " : " flows, %.0f&nbsp;%% of ", part);
        html_fill(out, flows, "{#limit} <meter min=\"0\" max=\"{limit}\" ");
        fprintf(out, "high=\"%llu\" ", (unsigned long long)(most / 10 * 9));
        html_fill(out, flows, "value=\"{now}\" aria-label=\"flows\"></meter></p>");
    }
    fputs("</section>", out);
}

/* Write the named rules with the most matches, in that order. */
static void rules(FILE *out, const cJSON *root)
{
    static const struct column columns[] = {
        {"Rule", CELL_NAME("rule"), NULL},          {"Verdict", CELL_TEXT("verdict"), NULL},
        {"#Packets", CELL_NUMBER("packets"), NULL}, {"#Bytes", CELL_NUMBER("bytes"), NULL},
        {"Place", CELL_TEXT("place"), NULL},        {NULL, NULL, NULL}};
    const cJSON *top[RULES_SHOWN], *rule;
    unsigned count = 0;
    cJSON_ArrayForEach(rule, item(root, "rules"))
    {
        if (!item_true(rule, "named")) continue;
        unsigned at = count;
        while (at > 0 && item_number(top[at - 1], "packets") < item_number(rule, "packets")) at--;
        if (at == RULES_SHOWN) continue;
        if (count < RULES_SHOWN) count++;
        memmove(top + at + 1, top + at, (count - 1 - at) * sizeof *top);
        top[at] = rule;
    }
    page_section(out, "rules", "Named rules that matched most");
    if (count) page_table(out, "rules", "Rules", columns);
    for (unsigned i = 0; i < count; i++) page_row(out, top[i], columns);
    if (count)
        page_table_end(out);
    else
        fputs("<p class=\"none\">No rule has a name: <code>accept tcp to port 80 as WEB</code> gives it one.</p>", out);
    fputs("</section>", out);
}

/* Write what would be without the word `audit`; nothing where nobody asks. */
static void audit(FILE *out, const cJSON *root)
{
    static const struct column columns[] = {{"Rule", CELL_NAME("rule"), NULL},
                                            {"Verdict", CELL_TEXT("verdict"), NULL},
                                            {"#Packets", CELL_NUMBER("packets"), NULL},
                                            {"#Otherwise than done", CELL_NUMBER("changed_packets"), NULL},
                                            {"#Flows", CELL_NUMBER("flows"), NULL},
                                            {"Place", CELL_TEXT("place"), NULL},
                                            {NULL, NULL, NULL}};
    const cJSON *list = item(root, "audit_rules");
    if (!list) return;
    page_section(out, "audit", "Would be decided by rules in audit");
    page_list(out, "audit", "Rules in audit", columns, list);
    fputs("</section>", out);
}

static void drops(FILE *out, const cJSON *root)
{
    static const struct column columns[] = {{"Reason", CELL_NAME("$"), NULL},
                                            {"#Packets", CELL_NUMBER("packets"), NULL},
                                            {"#Bytes", CELL_NUMBER("bytes"), NULL},
                                            {NULL, NULL, NULL}};
    const cJSON *list = item(root, "reasons");
    page_section(out, "drops", "Dropped before or beside the rules");
    if (list && list->child)
        page_list(out, "drops", "Drop reasons", columns, list);
    else
        fputs("<p class=\"none\">Nothing so far.</p>", out);
    fputs("</section>", out);
}

void page_write(FILE *out, const cJSON *root)
{
    head(out, root);
    traffic(out, root);
    page_services(out, root);
    page_proxy(out, root);
    page_sets(out, root);
    page_observed(out, root);
    rules(out, root);
    page_copies(out, root);
    audit(out, root);
    drops(out, root);
    page_machine(out, root);
    page_events(out, root);
    fputs("</main><footer><p>As JSON: <a href=\"/stats.json\">/stats.json</a>, for Prometheus: "
          "<a href=\"/metrics\">/metrics</a>. Times are UTC. <a href=\"/\">Look again</a></p></footer></body></html>\n",
          out);
}
