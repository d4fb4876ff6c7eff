/* The name's column gets the space that the others leave */
#include "runtime/report/table.h"

#include <string.h>

/* Widths of the columns, with the spaces between: 2 name 2 verdict 2 packets share 1 bytes 2 place. At most 100. */
enum { NAME_MIN = 20, NAME_MAX = 24, VERDICT = 9, VERDICT_MAX = 10, PACKETS = 13, SHARE = 9, BYTES = 18, PLACE = 18 };

bool table_shows(const struct subject *r, const struct vm_counters *c, uint32_t rule)
{
    return c->rules[rule].packets || r->program->rules_count <= TABLE_ALL_RULES;
}

/* Return the width of the verdict column. Names of chains are cut, and do not widen it. */
static int verdict_width(const struct subject *r, const struct vm_counters *c)
{
    for (uint32_t i = 0; i < r->program->rules_count; i++)
        if (strlen(verdict_info[r->program->rules[i].verdict].name) > VERDICT && table_shows(r, c, i))
            return VERDICT_MAX;
    return VERDICT;
}

static int name_width(const struct subject *r, const struct vm_counters *c, int verdict)
{
    const size_t most = (size_t)(NAME_MAX + VERDICT - verdict);
    size_t width = NAME_MIN; /* width of "malformed or snapped" */
    for (uint32_t i = 0; i < r->program->rules_count; i++)
        if (table_shows(r, c, i) && strlen(label_rule(&r->labels, i)) > width)
            width = strlen(label_rule(&r->labels, i));
    for (uint32_t i = 0; i < r->program->firewalls_count; i++)
        if (strlen(r->labels.firewall[i]) + 11 > width) width = strlen(r->labels.firewall[i]) + 11;
    return (int)(width < most ? width : most) + 2 + verdict + 2;
}

struct table table_of(FILE *out, const struct subject *r, const struct vm_counters *c, uint64_t whole)
{
    const int verdict = verdict_width(r, c);
    return (struct table){.out = out, .whole = whole, .verdict = verdict, .name = name_width(r, c, verdict)};
}

void table_head(const struct table *t, const char *title, const char *last)
{
    fprintf(t->out, "\n%-*s  %*s%*s %*s%s%s\n", t->name, title, PACKETS, "packets", SHARE, "", BYTES, "bytes",
            *last ? "  " : "", last);
}

void table_share(char *buf, size_t len, uint64_t n, uint64_t whole)
{
    const double v = n ? 100.0 * (double)n / (double)whole : 0;
    if (!n)
        *buf = 0;
    else if (v < 0.05)
        snprintf(buf, len, "<0.1 %%");
    else if (n < whole && v >= 99.95)
        snprintf(buf, len, ">99.9 %%");
    else
        snprintf(buf, len, "%.1f %%", v);
}

void table_row(const struct table *t, const char *name, const struct counter *c, bool brackets, const char *last)
{
    char packets[TEXT_NUMBER], bytes[TEXT_NUMBER], p[TEXT_NUMBER + 2], b[TEXT_NUMBER + 2], s[TABLE_SHARE] = "";
    text_number(c->packets, packets);
    text_number(c->bytes, bytes);
    snprintf(p, sizeof p, brackets ? "(%s)" : "%s", packets);
    snprintf(b, sizeof b, brackets ? "(%s)" : "%s", bytes);
    if (!brackets) table_share(s, sizeof s, c->packets, t->whole);
    /* A closing bracket extends to the right, so that digits are under digits. */
    const int over = brackets;
    fprintf(t->out, "  %-*s  %*s%*s %*s", t->name - 2, name, PACKETS + over, p, SHARE - over, s, BYTES + over, b);
    if (*last) fprintf(t->out, "%*s%s", 2 - over, "", last);
    fputc('\n', t->out);
}

void table_words(const struct table *t, const char *name, const char *packets, const char *bytes, const char *last)
{
    fprintf(t->out, "  %-*s  %*s%*s %*s  %s\n", t->name - 2, name, PACKETS, packets, SHARE, "", BYTES, bytes, last);
}

const char *table_name(const struct table *t, const char *name, const char *verdict, char *buf, size_t len)
{
    char n[NAME_MAX * 4 + 8], v[VERDICT_MAX * 4 + 8];
    const int width = t->name - 2 - t->verdict - 2;
    text_tail(name, (unsigned)width, n, sizeof n);
    text_tail(verdict, (unsigned)t->verdict, v, sizeof v);
    snprintf(buf, len, "%-*s  %s", width, n, v);
    return buf;
}

const char *table_rule_name(const struct table *t, const struct subject *r, uint32_t rule, char *buf, size_t len)
{
    char verdict[128];
    label_verdict(&r->labels, rule, verdict, sizeof verdict);
    return table_name(t, label_rule(&r->labels, rule), verdict, buf, len);
}

const char *table_default_name(const struct table *t, const struct subject *r, uint32_t firewall, char *buf, size_t len)
{
    char label[300];
    snprintf(label, sizeof label, "default of %s", r->labels.firewall[firewall]);
    return table_name(t, label, verdict_word(r->program->firewalls[firewall].default_verdict), buf, len);
}

const char *table_place(const struct subject *r, const char *place, char *buf, size_t len)
{
    return text_tail(label_place(&r->labels, place), PLACE, buf, len);
}
