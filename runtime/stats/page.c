/* See page.h. From top to bottom: alerts, the running program, traffic, services with pools and servers, rules,
 * drops, the machine, events. Each part is a section with a heading. There is a space between adjacent texts, so
 * that they can be read without the style, too. */
#include "runtime/stats/page.h"
#include "runtime/stats/page_priv.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "runtime/report/document/item.h"
#include "runtime/stats/html.h"

enum { METER_FROM_PERCENT = 1 };

static const unsigned char css[] = {
#include "runtime/stats/page.css.inc"
};
static const unsigned char script[] = {
#include "runtime/stats/page.js.inc"
};
/* The sign of a tab: a shield, green, or red with a mark. */
#define SHIELD(colour, mark)                                                                                           \
    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 32 32\"><path fill=\"" colour                             \
    "\" d=\"M16 2l12 4v9c0 8-5 13-12 15C9 28 4 23 4 15V6z\"/><path fill=\"none\" stroke=\"#fff\" stroke-width=\"4\" "  \
    "stroke-linecap=\"round\" d=\"" mark "\"/></svg>"
static const char good_icon[] = SHIELD("#23744f", "M10 16l4 5 8-10"),
                  bad_icon[] = SHIELD("#b3363f", "M16 9v9M16 23v.1");

const struct page_file *page_file(const char *path)
{
    static const struct page_file files[] = {
        {"/page.js", "text/javascript; charset=utf-8", (const char *)script, sizeof script},
        {"/good.svg", "image/svg+xml", good_icon, sizeof good_icon - 1},
        {"/bad.svg", "image/svg+xml", bad_icon, sizeof bad_icon - 1},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (!strcmp(path, files[i].path)) return &files[i];
    return NULL;
}

int page_style_hash(char to[PAGE_STYLE_HASH])
{
    unsigned char digest[32];
    unsigned len = 0;
    if (!EVP_Digest(css, sizeof css, digest, &len, EVP_sha256(), NULL) || len != sizeof digest) return -ENOTSUP;
    EVP_EncodeBlock((unsigned char *)to, digest, (int)len);
    return 0;
}

/* Write the title, which shows the state in a tab. */
static void title(FILE *out, const cJSON *root, const struct alerts *a)
{
    fputs("<title>", out);
    if (a->down)
        fprintf(out, "%u of %u server%s down – ", a->down, a->servers, a->servers == 1 ? "" : "s");
    else if (a->bad)
        fprintf(out, "%u fault%s – ", a->bad, a->bad == 1 ? "" : "s");
    html_fill(out, item(root, "instance"), "{name} – prey</title>");
}

static void head(FILE *out, const cJSON *root, const struct alerts *a)
{
    fputs("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">", out);
    title(out, root, a);
    fprintf(out,
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
            "<meta name=\"color-scheme\" content=\"light dark\">"
            "<link id=\"icon\" rel=\"icon\" type=\"image/svg+xml\" href=\"/%s.svg\"><style>",
            a->bad ? "bad" : "good");
    fwrite(css, 1, sizeof css, out);
    html_fill(out, item(root, "instance"),
              "</style><script src=\"/page.js\" defer></script>"
              "<noscript><meta http-equiv=\"refresh\" content=\"10\"></noscript></head><body>\n"
              "<a class=\"skip\" href=\"#main\">To the figures</a>\n<header><h1>prey <span>{name}</span></h1>\n"
              "<nav aria-label=\"Parts of this page\"><a href=\"#traffic\">Traffic</a> "
              "<a href=\"#services\">Services</a> <a href=\"#rules\">Rules</a> <a href=\"#drops\">Drops</a> "
              "<a href=\"#machine\">Machine</a> <a href=\"#events\">Events</a></nav>\n"
              "<p id=\"stale\" role=\"status\"></p></header>\n");
}

/* Write the alerts, or that there are none. They are outside of `main`, whose content changes with each look,
 * because a screen reader should announce alerts only when they change. */
static void attention(FILE *out, const cJSON *root, const struct alerts *a)
{
    fputs("<div id=\"alerts\" role=\"status\">", out);
    if (a->bad + a->warn) {
        fputs("<ul>", out);
        page_alerts(out, root);
        fputs("</ul>", out);
    }
    fputs("</div>\n", out);
}

static void program(FILE *out, const cJSON *root)
{
    html_fill(out, root,
              "<main id=\"main\" tabindex=\"-1\"><p class=\"what\"><b>{program.path}</b> in force since "
              "{@program.since}; prey {prey} runs for {~instance.uptime_s}"
              "{?instance.monitor  <span class=\"tag warn\">monitor</span>}"
              "{?instance.confirm_left_s?  <span class=\"tag warn\">to be confirmed</span>}"
              "{?program.file_differs  <span class=\"tag\">not the program of its file</span>}</p>\n");
}

/* Return the operator's words for packets that met this verdict. */
static const char *verdict_words(const char *verdict)
{
    static const char *const words[][2] = {{"accept", "accepted"}, {"drop", "dropped"},
                                           {"reject", "rejected"}, {"forward", "forwarded"},
                                           {"pass", "not judged"}, {"held", "held fragments"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(words[i][0], verdict)) return words[i][1];
    return verdict;
}

/* Write the tile of all traffic, as packets and bits per second. */
static void all_traffic(FILE *out, const cJSON *verdicts)
{
    const cJSON *one;
    uint64_t packets = 0, bytes = 0, packets_per_s = 0;
    bool known = false;
    cJSON_ArrayForEach(one, verdicts)
    {
        packets += item_number(one, "packets");
        packets_per_s += item_number(one, "packets_per_s");
        bytes += item_number(one, "bytes_per_s");
        known |= item_known(one, "packets_per_s");
    }
    fputs("<li class=\"tile\"><span class=\"what\">all</span> <span class=\"now\">", out);
    if (known) html_short(out, packets_per_s);
    fputs(known ? "<small>/s</small>, " : "–</span>", out);
    if (known) html_bits(out, bytes);
    if (known) fputs("</span>", out);
    fputs(" <span class=\"all\">", out);
    html_number(out, packets);
    fputs(" in all</span></li>\n", out);
}

/* Write the use of the flow table, with a bar if it would be visible. */
static void flows_use(FILE *out, const cJSON *flows)
{
    if (!item_known(flows, "now")) return;
    const uint64_t now = item_number(flows, "now"), most = item_number(flows, "limit");
    const double part = most ? 100.0 * (double)now / (double)most : 0;
    html_fill(out, flows, "<p class=\"flows\">{#now|flow}, ");
    fprintf(out, part > 0 && part < 1 ? "under 1&nbsp;%% of " : "%.0f&nbsp;%% of ", part);
    html_fill(out, flows, "{#limit}");
    if (part >= METER_FROM_PERCENT) {
        html_fill(out, flows, " <meter min=\"0\" max=\"{limit}\" ");
        fprintf(out, "high=\"%llu\" ", (unsigned long long)(most / 10 * 9));
        html_fill(out, flows, "value=\"{now}\" aria-label=\"flows\"></meter>");
    }
    fputs("</p>", out);
}

static void traffic(FILE *out, const cJSON *root)
{
    const cJSON *verdicts = item(root, "verdicts"), *one;
    page_section(out, "traffic", "Traffic, packets per second");
    fputs("<ul class=\"tiles\">", out);
    all_traffic(out, verdicts);
    cJSON_ArrayForEach(one, verdicts)
    {
        fprintf(out, "<li class=\"tile v-%s\"><span class=\"what\">%s</span> ", one->string,
                verdict_words(one->string));
        html_fill(out, one,
                  "<span class=\"now\">{^packets_per_s}<small>/s</small></span> "
                  "<span class=\"all\">{#packets} in all</span></li>\n");
    }
    fputs("</ul>", out);
    chart_write(out, root);
    flows_use(out, item(root, "flows"));
    const double over_s = (double)item_number(root, "rates_over_ms") / 1000;
    if (over_s > 0)
        fprintf(out,
                "<p class=\"none\">Rates on this page are averages of the last %.1f&nbsp;s, like the chart's newest "
                "point.</p>",
                over_s);
    fputs("</section>\n", out);
}

void page_write(FILE *out, const cJSON *root)
{
    const struct alerts a = page_alerts(NULL, root);
    head(out, root, &a);
    attention(out, root, &a);
    program(out, root);
    traffic(out, root);
    page_services(out, root);
    page_proxy(out, root);
    page_sets(out, root);
    page_observed(out, root);
    page_rules(out, root);
    page_copies(out, root);
    page_drops(out, root);
    page_machine(out, root);
    page_events(out, root);
    fputs("</main>\n<footer><p>As JSON: <a href=\"/stats.json\">/stats.json</a>, for Prometheus: "
          "<a href=\"/metrics\">/metrics</a>. Times are UTC. <a href=\"/\">Look again</a></p></footer></body></html>\n",
          out);
}
