/* Rules and defaults by their matches, rules in audit, and all packets that were dropped or lost, as the page shows
 * them. */
#include <string.h>

#include "runtime/counters/words.h"
#include "runtime/report/document/item.h"
#include "runtime/stats/html.h"
#include "runtime/stats/page_priv.h"

enum { RULES_SHOWN = 20 };

/* Find the rules with the most matches, in that order. Return their number; *left is the number of others. */
static unsigned rules_top(const cJSON *rules, const cJSON *top[RULES_SHOWN], unsigned *left)
{
    const cJSON *rule;
    unsigned count = 0;
    *left = 0;
    cJSON_ArrayForEach(rule, rules)
    {
        unsigned at = count;
        while (at > 0 && item_number(top[at - 1], "packets") < item_number(rule, "packets")) at--;
        *left += count == RULES_SHOWN;
        if (at == RULES_SHOWN) continue;
        if (count < RULES_SHOWN) count++;
        memmove(top + at + 1, top + at, (count - 1 - at) * sizeof *top);
        top[at] = rule;
    }
    return count;
}

static void top_rules(FILE *out, const cJSON *root)
{
    static const struct column columns[] = {
        {"*Rule", CELL_TEXT("rule"), NULL},         {"Verdict", CELL_TEXT("verdict"), NULL},
        {"#Packets", CELL_NUMBER("packets"), NULL}, {"#Bytes", CELL_NUMBER("bytes"), NULL},
        {"*Place", CELL_TEXT("place"), NULL},       {NULL, NULL, NULL}};
    static const struct column of_default[] = {
        {"*Rule", "default of {firewall}", NULL},   {"Verdict", CELL_TEXT("verdict"), NULL},
        {"#Packets", CELL_NUMBER("packets"), NULL}, {"#Bytes", CELL_NUMBER("bytes"), NULL},
        {"*Place", CELL_TEXT("place"), NULL},       {NULL, NULL, NULL}};
    const cJSON *top[RULES_SHOWN], *defaults = item(root, "defaults"), *one;
    unsigned left;
    const unsigned count = rules_top(item(root, "rules"), top, &left);
    const uint64_t more = left + item_number(root, "rules_left_out");
    page_section(out, "rules", "Rules that matched most");
    if (!count && !(defaults && defaults->child)) {
        fputs("<p class=\"none\">The rules have no firewall.</p></section>", out);
        return;
    }
    page_table(out, "rules", "Rules and defaults of firewalls", columns);
    for (unsigned i = 0; i < count; i++) page_row(out, top[i], columns);
    cJSON_ArrayForEach(one, defaults) page_row(out, one, of_default);
    page_table_end(out);
    if (more) {
        fputs("<p class=\"none\">", out);
        html_number(out, more);
        fputs(more == 1 ? " rule that matched less isn't shown.</p>" : " rules that matched less aren't shown.</p>",
              out);
    }
    fputs("</section>", out);
}

/* Write the verdicts without the word `audit`; nothing if no rule is audited. */
static void audit(FILE *out, const cJSON *root)
{
    static const struct column columns[] = {{"*Rule", CELL_TEXT("rule"), NULL},
                                            {"Verdict", CELL_TEXT("verdict"), NULL},
                                            {"#Packets", CELL_NUMBER("packets"), NULL},
                                            {"#Decided otherwise", CELL_NUMBER("changed_packets"), NULL},
                                            {"#Flows", CELL_NUMBER("flows"), NULL},
                                            {"*Place", CELL_TEXT("place"), NULL},
                                            {NULL, NULL, NULL}};
    const cJSON *list = item(root, "audit_rules");
    if (!list) return;
    page_section(out, "audit", "Rules in audit: what they would decide");
    page_list(out, "audit", "Rules in audit", columns, list);
    fputs("</section>", out);
}

void page_rules(FILE *out, const cJSON *root)
{
    top_rules(out, root);
    audit(out, root);
}

static const struct column causes[] = {
    {"*Cause", NULL, NULL}, {"#Packets", NULL, NULL}, {"#Bytes", NULL, NULL}, {NULL, NULL, NULL}};

/* Write a row of the table of causes. name: text, or NULL; words: markup. */
static void cause_row(FILE *out, const char *name, const char *words, uint64_t packets, uint64_t bytes)
{
    fputs("<tr role=\"row\"><th scope=\"row\" role=\"rowheader\">", out);
    if (name) {
        html_text(out, name);
        fputs(" <small>", out);
    }
    html_text(out, words);
    fputs(name ? "</small></th>" : "</th>", out);
    fputs("<td class=\"n\" role=\"cell\">", out);
    page_count(out, packets);
    fputs("</td><td class=\"n\" role=\"cell\">", out);
    page_count(out, bytes);
    fputs("</td></tr>\n", out);
}

/* Write the causes of dropped packets. The sum is that of the verdict drop. */
static void dropped(FILE *out, const cJSON *root)
{
    const cJSON *all = item(item(root, "verdicts"), "drop"), *reasons = item(root, "reasons"), *one;
    uint64_t packets = item_number(all, "packets"), bytes = item_number(all, "bytes");
    if (!packets) {
        fputs("<p class=\"none\">No packet was dropped.</p>", out);
        return;
    }
    page_table(out, "drops", "Packets dropped, by cause", causes);
    cJSON_ArrayForEach(one, reasons)
    {
        const uint64_t n = item_number(one, "packets"), b = item_number(one, "bytes");
        packets -= n < packets ? n : packets;
        bytes -= b < bytes ? b : bytes;
    }
    if (packets) cause_row(out, NULL, "a rule, or the default of a firewall", packets, bytes);
    cJSON_ArrayForEach(one, reasons) if (item_number(one, "packets"))
        cause_row(out, one->string, words_reason(one->string), item_number(one, "packets"), item_number(one, "bytes"));
    cause_row(out, NULL, "total", item_number(all, "packets"), item_number(all, "bytes"));
    page_table_end(out);
}

/* A table of losses that is being written. */
struct loss_table {
    FILE *out;
    unsigned rows;
};

static void loss_row(struct loss_table *l, const char *words, uint64_t packets)
{
    static const struct column columns[] = {{"*Cause", NULL, NULL}, {"#Packets", NULL, NULL}, {NULL, NULL, NULL}};
    if (!packets) return;
    if (!l->rows++) {
        fputs("<h3>Lost <small>after their verdict, or without a verdict</small></h3>", l->out);
        page_table(l->out, "lost", "Packets lost, by cause", columns);
    }
    fputs("<tr role=\"row\"><th scope=\"row\" role=\"rowheader\">", l->out);
    html_text(l->out, words);
    fputs("</th><td class=\"n\" role=\"cell\">", l->out);
    page_count(l->out, packets);
    fputs("</td></tr>\n", l->out);
}

static uint64_t interfaces_sum(const cJSON *root, const char *key)
{
    const cJSON *one;
    uint64_t all = 0;
    cJSON_ArrayForEach(one, item(root, "interfaces")) all += item_number(one, key);
    return all;
}

/* Write the packets that were lost, each under one cause. The limits `raised`, `ring`, `too_long`, `handed` and
 * those of neighbours and routes count packets that are counted here. */
static void losses(FILE *out, const cJSON *root)
{
    const cJSON *kernel = item(root, "kernel"), *live = item(root, "live"), *way_out = item(live, "lost");
    struct loss_table l = {.out = out};
    loss_row(&l, "arrived, but found no room in the receive ring (--ring)", interfaces_sum(root, "lost"));
    loss_row(&l, "arrived, but too long, or super-packets of an unknown shape", interfaces_sum(root, "cut"));
    loss_row(&l, "arrived as super-packets of an unknown kind", interfaces_sum(root, "refused"));
#define KERNEL_LOSS(key, words) loss_row(&l, words, item_number(kernel, key));
    KERNEL_LOSS("lost", "undecided: preyrun wasn't ready or had no room, this machine sent the packets itself, or an "
                        "eBPF program was missing")
    KERNEL_LOSS("pings", "pings and other packets without ports to this machine, beyond 2,000 per second, with a nat")
    KERNEL_LOSS("unjudged", "undecided: the rules test bytes that the kernel executor doesn't read")
#undef KERNEL_LOSS
    loss_row(&l, "handed to another worker, which had no room", item_number(live, "hand_lost"));
    loss_row(&l, "given back to this machine, which rejected the packets", item_number(live, "not_given"));
    loss_row(&l, "for this machine, which has no device for their VLAN tags", item_number(live, "no_receiver"));
    loss_row(&l, "packets of inline connections that the proxy's sockets rejected", item_number(live, "inside_lost"));
#define LOSS_COUNTER(ident, key, words) loss_row(&l, "to be sent: " words, item_number(way_out, key));
#include "runtime/counters/counter.def"
    loss_row(&l, "to be sent, but rejected by the device", interfaces_sum(root, "not_sent"));
    if (l.rows) page_table_end(out);
}

void page_drops(FILE *out, const cJSON *root)
{
    page_section(out, "drops", "Dropped and lost packets");
    dropped(out, root);
    losses(out, root);
    fputs("</section>", out);
}
