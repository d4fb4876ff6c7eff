/* See page.h. From top to bottom: what runs, traffic, services with their pools and servers, rules, what is dropped,
 * the machine's side, what happened. Each part is a section with a heading, its tables scroll by themselves. */
#include "runtime/stats/page.h"
#include "runtime/stats/page_priv.h"

#include <string.h>

#include "runtime/stats/chart.h"
#include "runtime/stats/html.h"
#include "runtime/stats/item.h"

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

/* A column's heading that begins with `#` is of numbers. */
void page_table(FILE *out, const char *id, const char *label, const char *const heads[], unsigned count)
{
    fprintf(out,
            "<div class=\"scroll\" id=\"t-%s\" tabindex=\"0\" role=\"region\" aria-label=\"%s\"><table><thead><tr>", id,
            label);
    for (unsigned i = 0; i < count; i++) {
        const bool number = *heads[i] == '#';
        fprintf(out, number ? "<th scope=\"col\" class=\"n\">%s</th>" : "<th scope=\"col\">%s</th>", heads[i] + number);
    }
    fputs("</tr></thead><tbody>", out);
}

void page_table_end(FILE *out) { fputs("</tbody></table></div>", out); }

void page_text(FILE *out, const char *text)
{
    fputs("<td>", out);
    html_text(out, text);
    fputs("</td>", out);
}

void page_name(FILE *out, const char *text)
{
    fputs("<th scope=\"row\">", out);
    html_text(out, text);
    fputs("</th>", out);
}

void page_time(FILE *out, const char *iso)
{
    fputs("<td>", out);
    html_date(out, iso);
    fputs("</td>", out);
}

void page_number(FILE *out, uint64_t n)
{
    fprintf(out, n ? "<td class=\"n\">" : "<td class=\"n zero\">");
    html_number(out, n);
    fputs("</td>", out);
}

/* A cell of a number that is not always known, as `write` writes it. */
static void known(FILE *out, const cJSON *of, const char *key, void (*write)(FILE *, uint64_t))
{
    const uint64_t n = item_number(of, key);
    fprintf(out, n ? "<td class=\"n\">" : "<td class=\"n zero\">");
    if (item_known(of, key))
        write(out, n);
    else
        fputs("–", out);
    fputs("</td>", out);
}

void page_rate(FILE *out, const cJSON *of, const char *key) { known(out, of, key, html_short); }

void page_bits(FILE *out, const cJSON *of, const char *key) { known(out, of, key, html_bits); }

static void head(FILE *out, const cJSON *root)
{
    const cJSON *instance = item(root, "instance"), *program = item(root, "program");
    fputs("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>", out);
    html_text(out, item_text(instance, "name"));
    fputs(" – prey</title><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
          "<meta name=\"color-scheme\" content=\"light dark\"><link rel=\"stylesheet\" href=\"/page.css\">"
          "<script src=\"/page.js\" defer></script>"
          "<noscript><meta http-equiv=\"refresh\" content=\"10\"></noscript></head><body>"
          "<a class=\"skip\" href=\"#main\">To the figures</a><header><h1>",
          out);
    html_text(out, item_text(instance, "name"));
    fputs("</h1><nav aria-label=\"Parts of this page\"><a href=\"#traffic\">Traffic</a>"
          "<a href=\"#services\">Services</a><a href=\"#rules\">Rules</a><a href=\"#drops\">Drops</a>"
          "<a href=\"#machine\">Machine</a><a href=\"#events\">Events</a></nav>"
          "<p id=\"stale\" role=\"status\"></p></header><main id=\"main\" tabindex=\"-1\"><p class=\"what\"><b>",
          out);
    html_text(out, item_text(program, "path"));
    fputs("</b> since ", out);
    html_date(out, item_text(program, "since"));
    fputs(", prey ", out);
    html_text(out, item_text(root, "prey"));
    fputs(" up for ", out);
    html_time(out, item_number(instance, "uptime_s"));
    if (item_true(instance, "monitor")) fputs(" <span class=\"tag warn\">monitor</span>", out);
    if (item(instance, "confirm_left_s")) fputs(" <span class=\"tag warn\">to be confirmed</span>", out);
    if (item_true(program, "file_differs")) fputs(" <span class=\"tag\">not the program of its file</span>", out);
    fputs("</p>", out);
}

/* Of each verdict: how many a second now, and in all. */
static void tiles(FILE *out, const cJSON *root)
{
    const cJSON *one;
    fputs("<ul class=\"tiles\">", out);
    cJSON_ArrayForEach(one, item(root, "verdicts"))
    {
        fputs("<li class=\"tile v-", out);
        html_text(out, one->string);
        fputs("\"><span class=\"what\">", out);
        html_text(out, one->string);
        fputs("</span><span class=\"now\">", out);
        if (item_known(one, "packets_per_s"))
            html_short(out, item_number(one, "packets_per_s"));
        else
            fputs("–", out);
        fputs("<small>/s</small></span><span class=\"all\">", out);
        html_number(out, item_number(one, "packets"));
        fputs(" in all</span></li>", out);
    }
    fputs("</ul>", out);
}

static void traffic(FILE *out, const cJSON *root)
{
    const cJSON *flows = item(root, "flows");
    page_section(out, "traffic", "Traffic, packets a second");
    tiles(out, root);
    chart_write(out, item(root, "history"));
    if (item_known(flows, "now")) {
        const uint64_t now = item_number(flows, "now"), most = item_number(flows, "limit");
        fputs("<p class=\"flows\">", out);
        html_number(out, now);
        const double part = most ? 100.0 * (double)now / (double)most : 0;
        fprintf(out, part > 0 && part < 1 ? " flows, under 1&nbsp;%% of " : " flows, %.0f&nbsp;%% of ", part);
        html_number(out, most);
        fprintf(out, " <meter min=\"0\" max=\"%llu\" high=\"%llu\" value=\"%llu\" aria-label=\"flows\"></meter></p>",
                (unsigned long long)most, (unsigned long long)(most / 10 * 9), (unsigned long long)now);
    }
    fputs("</section>", out);
}

static void rule_row(FILE *out, const cJSON *rule)
{
    fputs("<tr>", out);
    page_name(out, item_text(rule, "rule"));
    page_text(out, item_text(rule, "verdict"));
    page_number(out, item_number(rule, "packets"));
    page_number(out, item_number(rule, "bytes"));
    page_text(out, item_text(rule, "place"));
    fputs("</tr>", out);
}

/* The named rules that matched most, in that order. */
static void rules(FILE *out, const cJSON *root)
{
    static const char *const heads[] = {"Rule", "Verdict", "#Packets", "#Bytes", "Place"};
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
    if (count) page_table(out, "rules", "Rules", heads, 5);
    for (unsigned i = 0; i < count; i++) rule_row(out, top[i]);
    if (count)
        page_table_end(out);
    else
        fputs("<p class=\"none\">No rule has a name: <code>accept tcp to port 80 as WEB</code> gives it one.</p>", out);
    fputs("</section>", out);
}

static void drops(FILE *out, const cJSON *root)
{
    static const char *const heads[] = {"Reason", "#Packets", "#Bytes"};
    const cJSON *one, *list = item(root, "reasons");
    page_section(out, "drops", "Dropped before or beside the rules");
    if (list && list->child) page_table(out, "drops", "Drop reasons", heads, 3);
    cJSON_ArrayForEach(one, list)
    {
        fputs("<tr>", out);
        page_name(out, one->string);
        page_number(out, item_number(one, "packets"));
        page_number(out, item_number(one, "bytes"));
        fputs("</tr>", out);
    }
    fputs(list && list->child ? "</tbody></table></div></section>" : "<p class=\"none\">Nothing so far.</p></section>",
          out);
}

void page_write(FILE *out, const cJSON *root)
{
    head(out, root);
    traffic(out, root);
    page_services(out, root);
    page_proxy(out, root);
    rules(out, root);
    drops(out, root);
    page_machine(out, root);
    page_events(out, root);
    fputs("</main><footer><p>As JSON: <a href=\"/stats.json\">/stats.json</a>, for Prometheus: "
          "<a href=\"/metrics\">/metrics</a>. Times are UTC. <a href=\"/\">Look again</a></p></footer></body></html>\n",
          out);
}
