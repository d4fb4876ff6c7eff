/* Rows are sorted by beginning and addresses; JSON has its members here, too */
#include "runtime/report/flow_list.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/grown.h"
#include "runtime/report/text.h"
#include "vm/words/words.h"

enum { ICMP = 1, ICMP6 = 58 };

void flow_list_add(struct flow_list *l, const struct flow_record *f)
{
    l->ended += f->end != FLOW_ENDS;
    if ((l->count < l->room || l->room < FLOWS_LISTED_MOST) && grow(&l->flows, l->count, &l->room, 256, sizeof *f))
        l->flows[l->count++] = *f;
    else
        l->left_out++;
}

void flow_list_rest(struct flow_list *l, const struct vm *vm)
{
    struct flow_record f;
    for (uint32_t at = 0; vm_flow_next(vm, &at, &f);) flow_list_add(l, &f);
}

void flow_list_fini(struct flow_list *l)
{
    free(l->flows);
    *l = (struct flow_list){0};
}

static int compare_numbers(uint64_t a, uint64_t b) { return (a > b) - (a < b); }

static int compare_sides(const uint32_t a[4], const uint32_t b[4])
{
    int d = 0;
    for (unsigned i = 0; i < 4 && !d; i++) d = compare_numbers(a[i], b[i]);
    return d;
}

static int compare_flows(const void *x, const void *y)
{
    const struct flow_record *a = x, *b = y;
    int d = compare_numbers(a->began_ns + 1, b->began_ns + 1); /* flows from before the start (UINT64_MAX) come first */
    if (!d) d = compare_numbers(a->family, b->family);
    if (!d) d = compare_sides(a->src, b->src);
    if (!d) d = compare_numbers(a->src_port, b->src_port);
    if (!d) d = compare_sides(a->dst, b->dst);
    if (!d) d = compare_numbers(a->dst_port, b->dst_port);
    if (!d) d = compare_numbers(a->proto, b->proto);
    if (!d) d = memcmp(a->vlan, b->vlan, sizeof a->vlan);
    if (!d) d = compare_numbers(a->end, b->end);
    return d ? d : compare_numbers(a->ended_ns, b->ended_ns);
}

void flow_list_sort(struct flow_list *l)
{
    if (l->count) qsort(l->flows, l->count, sizeof *l->flows, compare_flows);
}

static bool has_ports(const struct flow_record *f)
{
    bool has = false;
    for (unsigned i = 0; i < UPPERS; i++) has |= uppers[i].number == f->proto && uppers[i].there & KIND_PORTS;
    return has;
}

static bool has_id(const struct flow_record *f) { return f->proto == (f->family == 4 ? ICMP : ICMP6); }

const char *flow_protocol(const struct flow_record *f, char *buf, size_t len)
{
    const char *name = proto_name(f->proto);
    if (name)
        snprintf(buf, len, "%s", name);
    else
        snprintf(buf, len, "proto %u", f->proto);
    return buf;
}

static const char *side_address_text(const struct flow_record *f, enum flow_dir side, char buf[INET6_ADDRSTRLEN])
{
    return address_text(f->family, side == FLOW_ORIGINAL ? f->src : f->dst, buf);
}

const char *flow_side(const struct flow_record *f, enum flow_dir side, char buf[FLOW_SIDE_TEXT])
{
    char text[INET6_ADDRSTRLEN];
    side_address_text(f, side, text);
    if (has_ports(f))
        snprintf(buf, FLOW_SIDE_TEXT, f->family == 4 ? "%s:%u" : "[%s]:%u", text,
                 side == FLOW_ORIGINAL ? f->src_port : f->dst_port);
    else if (has_id(f) && side == FLOW_ORIGINAL)
        snprintf(buf, FLOW_SIDE_TEXT, "%s id %u", text, f->src_port);
    else
        snprintf(buf, FLOW_SIDE_TEXT, "%s", text);
    return buf;
}

/* Write "5", "5.7" or "-". */
static const char *vlans(const struct flow_record *f, char buf[16])
{
    if (f->vlan[0] == VLAN_UNTAGGED)
        snprintf(buf, 16, "-");
    else if (f->vlan[1] == VLAN_UNTAGGED)
        snprintf(buf, 16, "%u", f->vlan[0]);
    else
        snprintf(buf, 16, "%u.%u", f->vlan[0], f->vlan[1]);
    return buf;
}

static void word_add(char *buf, size_t len, uint64_t n, const char *what)
{
    char digits[TEXT_NUMBER];
    const size_t used = strlen(buf);
    if (n) snprintf(buf + used, len - used, "%s%s %s", used ? ", " : "", text_number(n, digits), what);
}

const char *flow_ends_words(const uint64_t ended[FLOW_ENDS], char *buf, size_t len)
{
    *buf = 0;
    for (unsigned i = 0; i < FLOW_ENDS; i++) word_add(buf, len, ended[i], flow_end_name((enum flow_end)i));
    return buf;
}

const char *flow_class_name(enum flow_class c)
{
    static const char *const names[FLOW_CLASSES] = {
        [FLOW_HALF_OPEN] = "half-open", [FLOW_ONE_WAY] = "one-way", [FLOW_ANSWERED] = "answered",
        [FLOW_CLOSING] = "closing",     [FLOW_LASTING] = "lasting", [FLOW_ESTABLISHED] = "established",
    };
    return names[c];
}

const char *flow_classes_words(const uint64_t live[FLOW_CLASSES], char *buf, size_t len)
{
    *buf = 0;
    for (unsigned i = 0; i < FLOW_CLASSES; i++) word_add(buf, len, live[i], flow_class_name((enum flow_class)i));
    return buf;
}

enum { COLUMNS = 10, CELL = 160 };
static const char *const titles[COLUMNS] = {"began", "lasted", "protocol", "opened by", "other side",
                                            "vlan",  "server", "sent as",  "state",     "end"};
enum { VLAN_COLUMN = 5, SERVER_COLUMN, AS_COLUMN };

static bool is_earlier(const struct flow_record *f) { return f->began_ns == FLOW_BEGAN_EARLIER; }

/* True if all times are on one day, so that the day is not printed with each. */
static bool is_one_day(const struct flow_list *l)
{
    const uint64_t day = 86400000000000;
    for (size_t i = 0; i < l->count; i++) {
        const struct flow_record *f = &l->flows[i];
        if (!is_earlier(f) && f->began_ns / day != l->flows[0].seen_ns / day) return false;
        if (f->seen_ns / day != l->flows[0].seen_ns / day) return false;
        if (f->end != FLOW_ENDS && f->ended_ns / day != l->flows[0].seen_ns / day) return false;
    }
    return true;
}

static const char *when(uint64_t ns, bool one_day, char buf[2 * TEXT_TIME])
{
    char date[TEXT_TIME], clock[TEXT_TIME];
    text_clock(ns, clock);
    snprintf(buf, sizeof date + sizeof clock, "%.11s%s", one_day ? "" : text_date(ns, date), clock);
    return buf;
}

static const char *server_name(const struct flow_list *l, const struct flow_record *f)
{
    return l->servers && f->server != PBC_NONE ? l->servers[f->server] : NULL;
}

static bool is_sent_on(const struct flow_record *f) { return f->server != PBC_NONE || f->nat != PBC_NONE; }

/* True for a flow that ends at a proxy: its server is reached by another connection, the proxy's. */
static bool ends_here(const struct flow_record *f)
{
    static const uint32_t none[4];
    return memcmp(f->to_dst, none, sizeof none) == 0 && memcmp(f->to_src, none, sizeof none) == 0;
}

/* Return the flow as seen behind this machine. */
static struct flow_record sent_as(const struct flow_record *f)
{
    struct flow_record as = *f;
    memcpy(as.src, f->to_src, sizeof as.src);
    memcpy(as.dst, f->to_dst, sizeof as.dst);
    as.src_port = f->to_src_port;
    as.dst_port = f->to_dst_port;
    return as;
}

static void cells_of(const struct flow_list *l, const struct flow_record *f, bool one_day, char cells[COLUMNS][CELL])
{
    const char *server = server_name(l, f);
    const struct flow_record as = sent_as(f);
    char src[FLOW_SIDE_TEXT], dst[FLOW_SIDE_TEXT];
    char time[2 * TEXT_TIME], lasted[TEXT_NUMBER];
    const uint64_t ns = f->seen_ns > f->began_ns ? f->seen_ns - f->began_ns : 0;
    snprintf(cells[0], CELL, "%s", is_earlier(f) ? "earlier" : when(f->began_ns, one_day, time));
    snprintf(cells[1], CELL, "%s", is_earlier(f) ? "-" : ns ? text_duration(ns, lasted) : "0 s");
    flow_protocol(f, cells[2], CELL);
    flow_side(f, FLOW_ORIGINAL, cells[3]);
    flow_side(f, FLOW_REPLY, cells[4]);
    vlans(f, cells[5]);
    snprintf(cells[6], CELL, "%s", server ? server : "-");
    if (is_sent_on(f) && !ends_here(f))
        snprintf(cells[7], CELL, "%s > %s", flow_side(&as, FLOW_ORIGINAL, src), flow_side(&as, FLOW_REPLY, dst));
    else
        snprintf(cells[7], CELL, "-");
    snprintf(cells[8], CELL, "%s", flow_state_name((enum flow_state)f->state));
    if (f->end == FLOW_ENDS)
        snprintf(cells[9], CELL, "open");
    else
        snprintf(cells[9], CELL, "%s %s", flow_end_name((enum flow_end)f->end), when(f->ended_ns, one_day, time));
}

struct layout {
    int width[COLUMNS];
    bool vlans, one_day;
    bool servers, sent_on; /* some flow has a server; some flow is sent on */
};

static struct layout layout_of(const struct flow_list *l)
{
    struct layout t = {.one_day = is_one_day(l)};
    char cells[COLUMNS][CELL];
    for (unsigned c = 0; c < COLUMNS; c++) t.width[c] = (int)strlen(titles[c]);
    for (size_t i = 0; i < l->count; i++) {
        cells_of(l, &l->flows[i], t.one_day, cells);
        t.servers |= server_name(l, &l->flows[i]) != NULL;
        t.sent_on |= is_sent_on(&l->flows[i]) && !ends_here(&l->flows[i]);
        t.vlans |= l->flows[i].vlan[0] != VLAN_UNTAGGED;
        for (unsigned c = 0; c < COLUMNS; c++)
            if ((int)strlen(cells[c]) > t.width[c]) t.width[c] = (int)strlen(cells[c]);
    }
    return t;
}

static void row_text(FILE *out, const struct layout *t, const char *const cells[COLUMNS])
{
    for (unsigned c = 0; c < COLUMNS; c++) {
        if (c == VLAN_COLUMN && !t->vlans) continue;
        if ((c == SERVER_COLUMN && !t->servers) || (c == AS_COLUMN && !t->sent_on)) continue;
        fprintf(out, c + 1 < COLUMNS ? "%-*s  " : "%.*s\n", c + 1 < COLUMNS ? t->width[c] : CELL, cells[c]);
    }
}

static void totals_text(FILE *out, const struct flow_list *l, const struct flow_counters *c, uint64_t remembered)
{
    char n[TEXT_NUMBER], a[TEXT_NUMBER], words[800];
    uint64_t ended[FLOW_ENDS] = {0}, on = 0;
    for (size_t i = 0; i < l->count; i++)
        if (l->flows[i].end < FLOW_ENDS)
            ended[l->flows[i].end]++;
        else
            on++;
    flow_ends_words(ended, words, sizeof words);
    fprintf(out, "%s flow%s: %s%s%s open", text_number(l->count, n), l->count == 1 ? "" : "s", words,
            *words ? ", " : "", text_number(on, a));
    flow_classes_words(c->live, words, sizeof words);
    if (*words) fprintf(out, " (%s)", words);
    fprintf(out, "; peak %s", text_number(c->most, a));
    if (remembered)
        fprintf(out, "; verdicts remembered for %s packet%s", text_number(remembered, a), remembered == 1 ? "" : "s");
    fputc('\n', out);
    if (l->left_out) fprintf(out, "%s more aren't listed, because there was no room\n", text_number(l->left_out, n));
}

void flow_list_text(FILE *out, const struct flow_list *l, const struct flow_counters *c, uint64_t remembered)
{
    const struct layout t = layout_of(l);
    char cells[COLUMNS][CELL];
    const char *pointers[COLUMNS];
    for (unsigned i = 0; i < COLUMNS; i++) pointers[i] = cells[i];
    if (l->count) row_text(out, &t, titles);
    for (size_t i = 0; i < l->count; i++) {
        cells_of(l, &l->flows[i], t.one_day, cells);
        row_text(out, &t, pointers);
    }
    totals_text(out, l, c, remembered);
}

void flow_list_behind(FILE *out, const struct flow_list *l, const struct vm_counters *c)
{
    fputc('\n', out);
    if (c->flows)
        flow_list_text(out, l, c->flows, c->remembered);
    else
        fputs("no flows: the program doesn't track flows, because no rule uses `state` or `flows over`\n", out);
}

static void side_json(FILE *out, const struct flow_record *f, enum flow_dir side, const char *name)
{
    char text[INET6_ADDRSTRLEN];
    json_print(out, "%s:{'address':%s", name, side_address_text(f, side, text));
    if (has_ports(f)) json_print(out, ",'port':%u", side == FLOW_ORIGINAL ? f->src_port : f->dst_port);
    fputc('}', out);
}

static void sent_json(FILE *out, const struct flow_record *f, const char *server)
{
    const struct flow_record as = sent_as(f);
    if (!is_sent_on(f)) return;
    json_print(out, ",'server':%s", server);
    if (ends_here(f)) return;
    json_print(out, ",'sent_as':{");
    side_json(out, &as, FLOW_ORIGINAL, "source");
    fputc(',', out);
    side_json(out, &as, FLOW_REPLY, "destination");
    if (has_id(f)) json_print(out, ",'id':%u", as.src_port);
    fputc('}', out);
}

void flow_json_sides(FILE *out, const struct flow_record *f)
{
    char text[TEXT_TIME];
    json_print(out, "'protocol':%s,", flow_protocol(f, text, sizeof text));
    side_json(out, f, FLOW_ORIGINAL, "opener");
    fputc(',', out);
    side_json(out, f, FLOW_REPLY, "other");
}

void flow_json_vlans(FILE *out, const struct flow_record *f)
{
    json_print(out, ",'vlans':[");
    for (unsigned i = 0; i < 2 && f->vlan[i] != VLAN_UNTAGGED; i++) {
        json_next(out, i);
        json_print(out, "%u", f->vlan[i]);
    }
    fputc(']', out);
}

void flow_json_members(FILE *out, const struct flow_record *f, const char *server)
{
    char began[TEXT_TIME], last[TEXT_TIME], ended[TEXT_TIME];
    const bool goes_on = f->end >= FLOW_ENDS;
    flow_json_sides(out, f);
    if (has_id(f)) json_print(out, ",'id':%u", f->src_port);
    flow_json_vlans(out, f);
    sent_json(out, f, server);
    json_print(out, ",'state':%s,'end':%s,'began':%s,'last':%s,'ended':%s", flow_state_name((enum flow_state)f->state),
               goes_on ? NULL : flow_end_name((enum flow_end)f->end),
               is_earlier(f) ? NULL : text_iso(f->began_ns, began), text_iso(f->seen_ns, last),
               goes_on ? NULL : text_iso(f->ended_ns, ended));
    if (is_earlier(f))
        json_print(out, ",'lasted_ns':null");
    else
        json_print(out, ",'lasted_ns':%llu",
                   (unsigned long long)(f->seen_ns > f->began_ns ? f->seen_ns - f->began_ns : 0));
}

void flow_json(FILE *out, const struct flow_record *f, const char *server)
{
    fputc('{', out);
    flow_json_members(out, f, server);
    fputc('}', out);
}

void flow_list_json(FILE *out, const struct flow_list *l)
{
    fputc('[', out);
    for (size_t i = 0; i < l->count; i++) {
        fputs(i ? ",\n\t\t" : "\n\t\t", out);
        flow_json(out, &l->flows[i], server_name(l, &l->flows[i]));
    }
    fputs(l->count ? "\n\t]" : "]", out);
}
