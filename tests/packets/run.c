/* Packet triples: rules, a packet, what must become of it. README.md describes the *.t files.
 *   run FILE.t|FOLDER...        TAP lines, one per group; exit 1 if any is not ok */
#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/schedule/schedule.h"
#include "tests/lib/judge.h"
#include "tests/lib/known_routes.h"
#include "vm/judge/routes.h"
#include "vm/packet/wire.h"

enum { EXPECT_MAX = 16, SELF_MAX = 8, SERVERS_MAX = 256, HELD_MAX = 1024 };

/* A group: one packet and what is expected of it. */
struct group {
    unsigned line; /* of its `in`, or of the `after` that let time pass; 0: none begun */
    bool timed;    /* `after`: no packet came */
    char in[4096];
    char verdict[256];
    char matches[1024]; /* empty: not asked */
    unsigned again;     /* times that the packet came before, unasked */
    char *outs[EXPECT_MAX];
    char *inner; /* NULL: nothing went to the host out of the packet */
    bool host;   /* the packet went there, as it came */
    char *logs[EXPECT_MAX], *counts[EXPECT_MAX], *leaves[EXPECT_MAX];
    unsigned out_count, log_count, count_count, left_count;
};

struct script {
    const char *path;
    unsigned line, number, failed;
    char *rules;
    size_t rules_len;
    unsigned rules_line;
    struct judge *judge;
    uint64_t held[HELD_MAX]; /* numbers of the packets that were held since `rules` */
    unsigned held_count;
    struct group group;
    /* settings: hold until they are changed */
    char iface[64];
    int link; /* -1: by the first layer */
    uint32_t self4[SELF_MAX];
    struct pbc_range6 self6[SELF_MAX];
    uint8_t down[SERVERS_MAX], drains[SERVERS_MAX];
    char routes[1024]; /* for each program again */
    struct known_routes known;
    struct facts facts;
    uint64_t now_ns;
};

static struct note note;
static char text[2][NOTE_TEXT_MAX];

/* A diagnostic line under the current group. */
__attribute__((format(printf, 1, 2))) static void say(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    printf("#   ");
    vprintf(fmt, ap);
    printf("\n");
    va_end(ap);
}

static void broken(struct script *s, const char *what, const char *word)
{
    printf("not ok %u - %s:%u: %s `%s`\n", ++s->number, s->path, s->line, what, word);
    s->failed++;
}

/* "POOL/SERVER", "-" for none. */
static const char *server_name(const struct program *p, uint32_t server, char *buf, size_t len)
{
    if (server == PBC_NONE) return "-";
    snprintf(buf, len, "%s/%s", program_str(p, p->pools[p->servers[server].pool].name),
             program_str(p, p->servers[server].name));
    return buf;
}

/* The columns of a verdict line. */
static void print_verdict(const struct script *s, const struct verdict *v, char *buf, size_t len)
{
    char rule[256], server[256];
    const struct program *p = judge_program(s->judge);
    snprintf(buf, len, "%s %s %s %s %s", action_name(v->action), judge_rule(s->judge, v, rule, sizeof(rule)),
             v->service != PBC_NONE ? program_str(p, p->services[v->service].name) : "-",
             server_name(p, v->server, server, sizeof(server)), reason_name(v->reason));
}

/* One space between columns. */
static void squeeze(const char *from, char *to, size_t len)
{
    size_t used = 0;
    for (const char *c = from; *c && used + 1 < len; c++)
        if (!isspace((unsigned char)*c) || (c[1] && !isspace((unsigned char)c[1])))
            to[used++] = isspace((unsigned char)*c) ? ' ' : *c;
    to[used] = '\0';
}

static bool check_verdict(const struct script *s, const struct judged *j)
{
    char got[800], want[256];
    print_verdict(s, &j->verdict, got, sizeof(got));
    squeeze(s->group.verdict, want, sizeof(want));
    if (strcmp(got, want) == 0 || (!want[0] && s->group.matches[0])) return true;
    say("expected %s", want);
    say("got      %s", got);
    return false;
}

/* Which of those held since `rules` it is, from 1 on. */
static unsigned held_number(const struct script *s, uint64_t packet)
{
    for (unsigned i = 0; i < s->held_count; i++)
        if (s->held[i] == packet) return i + 1;
    return 0;
}

static bool check_leaves(const struct script *s, const struct judged *j)
{
    const struct group *g = &s->group;
    bool good = j->left == g->left_count;
    for (unsigned i = 0; i < j->left; i++) {
        char verdict[800], got[820], want[256] = "";
        print_verdict(s, &j->leaves[i].verdict, verdict, sizeof(verdict));
        snprintf(got, sizeof(got), "%u %s", held_number(s, j->leaves[i].packet), verdict);
        if (i < g->left_count) squeeze(g->leaves[i], want, sizeof(want));
        if (strcmp(got, want) == 0) continue;
        say("expected released %s", want[0] ? want : "nothing more");
        say("got      released %s", got);
        good = false;
    }
    for (unsigned i = j->left; i < g->left_count; i++) say("expected, but not released: %s", g->leaves[i]);
    return good;
}

/* The bytes that are there, and how many there were on the wire. */
static bool check_frame(const struct script *s, const char *expected, const uint8_t *bytes, uint32_t len, uint32_t wire)
{
    char err[200];
    if (note_parse(expected, &note, err, sizeof(err)) != 0) {
        say("out: %s", err);
        return false;
    }
    if (note.cap_len == len && note.wire_len == wire && memcmp(note.bytes, bytes, len) == 0) return true;
    const enum pkt_link link = s->link >= 0 ? (enum pkt_link)s->link : note.link;
    note_print(note.bytes, note.cap_len, link, text[0], sizeof(text[0]));
    note_print(bytes, len, link, text[1], sizeof(text[1]));
    say("expected %s (%u bytes of %u)", text[0], note.cap_len, note.wire_len);
    note_hexdump(note.bytes, note.cap_len, stdout);
    say("got      %s (%u bytes of %u)", text[1], len, wire);
    note_hexdump(bytes, len, stdout);
    return false;
}

static bool check_sent(const struct script *s, const struct judged *j, enum pkt_link link)
{
    const struct group *g = &s->group;
    bool good = true;
    for (unsigned i = 0; i < j->sent && i < g->out_count; i++)
        if (strcmp(g->outs[i], "any") != 0)
            good = check_frame(s, g->outs[i], j->out[i].bytes, j->out[i].len, j->out[i].wire_len) && good;
    for (unsigned i = j->sent; i < g->out_count; i++) say("expected, but never sent: %s", g->outs[i]);
    for (unsigned i = g->out_count; i < j->sent; i++) {
        note_print(j->out[i].bytes, j->out[i].len, link, text[0], sizeof(text[0]));
        say("sent, but not expected: %s", text[0]);
    }
    return good && j->sent == g->out_count;
}

static bool check_inner(const struct script *s, const struct judged *j)
{
    const char *want = s->group.inner;
    if (want && j->inner.len) return check_frame(s, want, j->inner.bytes, j->inner.len, j->inner.wire_len);
    if (want) say("expected, but nothing inside went to the host: %s", want);
    if (!want && j->inner.len) say("what was inside went to the host, but that is not expected");
    return !want && !j->inner.len;
}

static bool check_host(const struct script *s, const struct judged *j)
{
    if (!s->group.host && j->host.len) say("it went to the host, but that is not expected");
    if (s->group.host && !j->host.len) say("it did not go to the host");
    if (!s->group.host || !j->host.len) return s->group.host == (j->host.len > 0);
    return check_frame(s, s->group.in, j->host.bytes, j->host.len, j->host.wire_len);
}

static bool check_logs(const struct script *s, const struct judged *j)
{
    bool good = j->logs == s->group.log_count;
    char name[256];
    for (unsigned i = 0; i < j->logs; i++) {
        rule_name(judge_program(s->judge), j->log_rules[i], name, sizeof(name));
        if (i >= s->group.log_count || strcmp(name, s->group.logs[i]) != 0) {
            say("logged by %s", name);
            good = false;
        }
    }
    if (!good) say("%u log lines, %u expected", j->logs, s->group.log_count);
    return good;
}

static bool is_listed(const char *list, const char *name)
{
    const size_t len = strlen(name);
    for (const char *w = list; (w = strstr(w, name)); w += len)
        if ((w == list || w[-1] == ' ') && (w[len] == ' ' || w[len] == '\0')) return true;
    return false;
}

/* The named rules that counted this packet: all of them, in any order. */
static bool check_matches(const struct script *s, const struct judged *j)
{
    const char *want = s->group.matches;
    const struct program *p = judge_program(s->judge);
    unsigned wanted = want[0] && strcmp(want, "-") != 0, found = 0;
    char name[256];
    bool good = true;
    for (const char *c = want; *c; c++) wanted += *c == ' ';
    for (unsigned i = 0; want[0] && i < j->matched; i++) {
        if (!p->rules[j->matched_rules[i]].name) continue;
        rule_name(p, j->matched_rules[i], name, sizeof(name));
        if (is_listed(want, name))
            found++;
        else
            say("%s matched, too", name);
        good = good && is_listed(want, name);
    }
    if (want[0] && found != wanted) say("only %u of these %u matched: %s", found, wanted, want);
    return good && (!want[0] || found == wanted);
}

static bool check_counts(const struct script *s)
{
    bool good = true;
    for (unsigned i = 0; i < s->group.count_count; i++) {
        char name[128];
        unsigned long long want = 0;
        if (sscanf(s->group.counts[i], "%127s %llu", name, &want) != 2 || judge_count(s->judge, name) != want) {
            say("count %s, but it is %lld", s->group.counts[i], (long long)judge_count(s->judge, name));
            good = false;
        }
    }
    return good;
}

static bool run_packet(struct script *s, uint16_t iface, const struct vm_in *in, struct judged *judged)
{
    char why[512];
    const bool good = judge_run(s->judge, &note, iface, in, judged, why, sizeof(why));
    if (!good) say("%s", why);
    if (judged->verdict.action == ACTION_HELD && s->held_count < HELD_MAX)
        s->held[s->held_count++] = judge_packets(s->judge);
    return good;
}

/* Time goes by without a packet. */
static bool try_time(struct script *s)
{
    static struct judged judged;
    char why[512];
    const struct vm_in in = {.mono_ns = s->now_ns, .facts = &s->facts};
    bool good = judge_tick(s->judge, &in, &judged, why, sizeof(why));
    if (!good) say("%s", why);
    good = check_sent(s, &judged, s->link >= 0 ? (enum pkt_link)s->link : LINK_ETHER) && good;
    good = check_leaves(s, &judged) && good;
    good = check_matches(s, &judged) && good;
    good = check_logs(s, &judged) && good;
    return check_counts(s) && good;
}

static bool try_group(struct script *s)
{
    static struct judged judged;
    char why[512];
    if (!s->judge) {
        say("there are no rules that compile");
        return false;
    }
    if (s->group.timed) return try_time(s);
    if (!s->group.verdict[0] && !s->group.matches[0]) {
        say("no `verdict` and no `matches` line");
        return false;
    }
    if (note_parse(s->group.in, &note, why, sizeof(why)) != 0) {
        say("in: %s", why);
        return false;
    }
    if (s->link >= 0) note.link = (enum pkt_link)s->link;
    const uint16_t iface = s->iface[0] ? judge_iface(s->judge, s->iface) : IFACE_NONE;
    s->facts.schedules = schedules_at(judge_program(s->judge), s->now_ns, NULL);
    const struct vm_in in = {.mono_ns = s->now_ns, .facts = &s->facts};
    bool good = true;
    for (unsigned i = 0; i < s->group.again; i++) good = run_packet(s, iface, &in, &judged) && good;
    good = run_packet(s, iface, &in, &judged) && good;
    good = check_verdict(s, &judged) && good;
    good = check_sent(s, &judged, note.link) && good;
    good = check_inner(s, &judged) && good;
    good = check_host(s, &judged) && good;
    good = check_matches(s, &judged) && good;
    good = check_logs(s, &judged) && good;
    good = check_leaves(s, &judged) && good;
    return check_counts(s) && good;
}

static void end_group(struct script *s)
{
    struct group *g = &s->group;
    if (g->line) {
        const bool good = try_group(s);
        printf("%sok %u - %s:%u %s\n", good ? "" : "not ", ++s->number, s->path, g->line, g->in);
        s->failed += !good;
    }
    for (unsigned i = 0; i < g->out_count; i++) free(g->outs[i]);
    for (unsigned i = 0; i < g->log_count; i++) free(g->logs[i]);
    free(g->inner);
    for (unsigned i = 0; i < g->count_count; i++) free(g->counts[i]);
    for (unsigned i = 0; i < g->left_count; i++) free(g->leaves[i]);
    *g = (struct group){.line = 0};
}

/* Take the routes into the facts, as the present program numbers their interfaces. */
static void take_routes(struct script *s)
{
    char err[300];
    if (s->judge && !know_routes(&s->known, s->routes, judge_program(s->judge), &s->facts, err, sizeof(err)))
        broken(s, err, "route");
}

/* Set the MTU of the devices that bear a name, or of its own interface: "wg0=1420" or "1500". */
static void set_mtu(struct script *s, const char *words)
{
    const char *equals = strchr(words, '=');
    const struct routes *table = s->known.table;
    bool found = !equals;
    if (!equals) s->facts.mtu = (uint32_t)strtoul(words, NULL, 10);
    for (uint32_t i = 0; equals && table && i < table->size.devices; i++) {
        if (strncmp(table->devices[i].name, words, (size_t)(equals - words))) continue;
        s->known.devices[i].mtu = (uint32_t)strtoul(equals + 1, NULL, 10);
        found = true;
    }
    if (!found) broken(s, "no route leads to such a device:", words);
    s->facts.generation++;
}

static void end_rules(struct script *s)
{
    if (!s->rules) return;
    judge_free(s->judge);
    s->judge = judge_new(s->path, s->rules, s->rules_len, stdout);
    if (!s->judge) {
        s->line = s->rules_line;
        broken(s, "the rules do not compile", "rules");
    }
    free(s->rules);
    s->rules = NULL;
    s->rules_len = 0;
    s->facts.down = s->facts.drains = NULL;
    take_routes(s);
    s->held_count = 0;
}

static void add_rules(struct script *s, const char *line)
{
    const size_t len = strlen(line);
    char *bigger = realloc(s->rules, s->rules_len + len + 2);
    if (!bigger) abort();
    s->rules = bigger;
    memcpy(s->rules + s->rules_len, line, len);
    memcpy(s->rules + s->rules_len + len, "\n", 2);
    s->rules_len += len + 1;
}

/* speaks A, B …: where the machine's own packets come from, of either family; `speaks -`: not known. */
static void set_speaks(struct script *s, char *words)
{
    s->facts.addr4 = 0;
    memset(s->facts.addr6, 0, sizeof(s->facts.addr6));
    for (char *w = strtok(words, ", \t"); w; w = strtok(NULL, ", \t")) {
        uint8_t b[16];
        if (inet_pton(AF_INET, w, b) == 1)
            s->facts.addr4 = wire_get32(b);
        else if (inet_pton(AF_INET6, w, b) == 1)
            for (unsigned i = 0; i < 4; i++) s->facts.addr6[i] = wire_get32(b + sizeof(uint32_t) * i);
        else if (strcmp(w, "-") != 0)
            broken(s, "no such address", w);
    }
}

/* mac 02:00:00:00:00:07: the interface's; `mac -`: not known. */
static void set_mac(struct script *s, const char *word)
{
    unsigned b[6] = {0};
    const int n = sscanf(word, "%x:%x:%x:%x:%x:%x", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5]);
    if (n != 6 && strcmp(word, "-") != 0) broken(s, "no MAC", word);
    s->facts.mac = 0;
    for (unsigned i = 0; i < 6; i++) s->facts.mac = s->facts.mac << 8 | (b[i] & 0xff);
}

static int by_number(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static int by_number6(const void *a, const void *b)
{
    const struct pbc_range6 *x = a, *y = b;
    return x->lo_hi != y->lo_hi ? (x->lo_hi > y->lo_hi) - (x->lo_hi < y->lo_hi)
                                : (x->lo_lo > y->lo_lo) - (x->lo_lo < y->lo_lo);
}

/* self A, B …: the machine's addresses; `self -`: none. */
static void set_self(struct script *s, char *words)
{
    s->facts.self4_count = s->facts.self6_count = 0;
    for (char *w = strtok(words, ", \t"); w; w = strtok(NULL, ", \t")) {
        uint8_t b[16];
        if (inet_pton(AF_INET, w, b) == 1 && s->facts.self4_count < SELF_MAX)
            s->self4[s->facts.self4_count++] = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
        else if (inet_pton(AF_INET6, w, b) == 1 && s->facts.self6_count < SELF_MAX) {
            uint64_t hi = 0, lo = 0;
            for (unsigned i = 0; i < 8; i++) {
                hi = hi << 8 | b[i];
                lo = lo << 8 | b[8 + i];
            }
            s->self6[s->facts.self6_count++] = (struct pbc_range6){hi, lo, hi, lo};
        } else if (strcmp(w, "-") != 0)
            broken(s, "no such address", w);
    }
    qsort(s->self4, s->facts.self4_count, sizeof(*s->self4), by_number);
    qsort(s->self6, s->facts.self6_count, sizeof(*s->self6), by_number6);
}

static void set_link(struct script *s, const char *name)
{
    static const char *const names[] = {
#define LINK(ident, text, doc) text,
        PKT_LINKS(LINK)
#undef LINK
    };
    s->link = -1;
    for (int i = 0; i < LINK_COUNT; i++)
        if (strcmp(names[i], name) == 0) s->link = i;
    if (s->link < 0 && strcmp(name, "-") != 0) broken(s, "no such link type", name);
}

/* down POOL/SERVER ...: these servers are down, all others up; `down -`: none is. */
static void set_down(struct script *s, char *words)
{
    const struct program *p = s->judge ? judge_program(s->judge) : NULL;
    memset(s->down, 0, sizeof(s->down));
    s->facts.down = s->down;
    s->facts.generation++;
    for (char *w = strtok(words, ", \t"); w; w = strtok(NULL, ", \t")) {
        char name[256];
        bool found = strcmp(w, "-") == 0;
        for (uint32_t i = 0; p && i < p->servers_count && i < SERVERS_MAX; i++)
            if (strcmp(server_name(p, i, name, sizeof(name)), w) == 0) s->down[i] = found = true;
        if (!found) broken(s, "no such server", w);
    }
}

/* drains SERVICE ...: these services drain, and no others; `drains -`: none does. */
static void set_drains(struct script *s, char *words)
{
    const struct program *p = s->judge ? judge_program(s->judge) : NULL;
    memset(s->drains, 0, sizeof(s->drains));
    s->facts.drains = s->drains;
    s->facts.generation++;
    for (char *w = strtok(words, ", \t"); w; w = strtok(NULL, ", \t")) {
        bool found = strcmp(w, "-") == 0;
        for (uint32_t i = 0; p && i < p->services_count && i < SERVERS_MAX; i++)
            if (strcmp(program_str(p, p->services[i].name), w) == 0) s->drains[i] = found = true;
        if (!found) broken(s, "no such service", w);
    }
}

/* after SECONDS: time goes by. What it lets go is expected like a packet's. */
static void pass_time(struct script *s, const char *words)
{
    s->now_ns += (uint64_t)(strtod(words, NULL) * 1e9);
    if (!s->judge) return;
    s->group.line = s->line;
    s->group.timed = true;
    snprintf(s->group.in, sizeof(s->group.in), "after %s", words);
}

/* time 2026-11-20 09:00:00: what the clock shows in UTC from here on. It never runs back. */
static void set_time(struct script *s, const char *words)
{
    struct tm tm = {.tm_year = 0};
    const char *end = strptime(words, "%Y-%m-%d %H:%M:%S", &tm);
    const uint64_t now = end && !*end ? (uint64_t)timegm(&tm) * 1000000000u : 0;
    if (now <= s->now_ns) broken(s, "no later time:", words);
    if (now > s->now_ns) s->now_ns = now;
}

static void keep(struct script *s, char **list, unsigned *count, const char *rest)
{
    if (!s->group.line || *count == EXPECT_MAX || !(list[*count] = strdup(rest)))
        broken(s, "no packet stands before, or too many lines at", rest);
    else
        ++*count;
}

static void statement(struct script *s, const char *word, char *rest)
{
    struct group *g = &s->group;
    if (strcmp(word, "verdict") == 0) {
        snprintf(g->verdict, sizeof(g->verdict), "%s", rest);
    } else if (strcmp(word, "matches") == 0) {
        snprintf(g->matches, sizeof(g->matches), "%s", rest);
    } else if (strcmp(word, "again") == 0) {
        g->again = (unsigned)strtoul(rest, NULL, 10);
    } else if (strcmp(word, "out") == 0)
        keep(s, g->outs, &g->out_count, rest);
    else if (strcmp(word, "inside") == 0) {
        free(g->inner);
        g->inner = strdup(rest);
    } else if (strcmp(word, "host") == 0)
        g->host = true;
    else if (strcmp(word, "log") == 0)
        keep(s, g->logs, &g->log_count, rest);
    else if (strcmp(word, "count") == 0)
        keep(s, g->counts, &g->count_count, rest);
    else if (strcmp(word, "released") == 0)
        keep(s, g->leaves, &g->left_count, rest);
    else {
        end_group(s);
        if (strcmp(word, "in") == 0) {
            g->line = s->line;
            snprintf(g->in, sizeof(g->in), "%s", rest);
        } else if (strcmp(word, "rules") == 0) {
            s->rules_line = s->line;
            s->rules = strdup("");
        } else if (strcmp(word, "self") == 0)
            set_self(s, rest);
        else if (strcmp(word, "down") == 0)
            set_down(s, rest);
        else if (strcmp(word, "drains") == 0)
            set_drains(s, rest);
        else if (strcmp(word, "on") == 0)
            snprintf(s->iface, sizeof(s->iface), "%s", strcmp(rest, "-") == 0 ? "" : rest);
        else if (strcmp(word, "route") == 0) {
            snprintf(s->routes, sizeof(s->routes), "%s", rest);
            take_routes(s);
        } else if (strcmp(word, "speaks") == 0)
            set_speaks(s, rest);
        else if (strcmp(word, "mac") == 0)
            set_mac(s, rest);
        else if (strcmp(word, "mtu") == 0)
            set_mtu(s, rest);
        else if (strcmp(word, "link") == 0)
            set_link(s, rest);
        else if (strcmp(word, "after") == 0)
            pass_time(s, rest);
        else if (strcmp(word, "time") == 0)
            set_time(s, rest);
        else if (strcmp(word, "strict-checksum") == 0)
            s->facts.drop_bad_checksum = strcmp(rest, "off") != 0;
        else
            broken(s, "no such word", word);
    }
}

/* A line that begins with white space belongs to `rules`; `#` begins a comment anywhere else. */
static void read_line(struct script *s, char *line)
{
    line[strcspn(line, "\r\n")] = '\0';
    const bool indented = isspace((unsigned char)line[0]);
    const char *start = line + strspn(line, " \t");
    if (s->rules && (indented || !*start)) {
        add_rules(s, line);
        return;
    }
    if (!*start || *start == '#') return;
    end_rules(s);
    char word[32];
    int used = 0;
    if (indented || sscanf(line, "%31s%n", word, &used) != 1) {
        broken(s, "only rules are indented:", start);
        return;
    }
    char *rest = line + used + strspn(line + used, " \t");
    for (size_t len = strlen(rest); len && isspace((unsigned char)rest[len - 1]);) rest[--len] = '\0';
    statement(s, word, rest);
}

static unsigned run_file(const char *path, unsigned *number)
{
    struct script s = {.path = path, .number = *number, .link = -1};
    s.facts.self4 = s.self4;
    s.facts.self6 = s.self6;
    FILE *f = fopen(path, "r");
    if (!f) {
        broken(&s, strerror(errno), path);
        *number = s.number;
        return 1;
    }
    char *line = NULL;
    size_t cap = 0;
    const unsigned before = s.number;
    while (getline(&line, &cap, f) >= 0) {
        s.line++;
        read_line(&s, line);
    }
    end_rules(&s);
    end_group(&s);
    if (s.number == before) broken(&s, "no packet in", path);
    free(line);
    fclose(f);
    known_routes_fini(&s.known);
    judge_free(s.judge);
    *number = s.number;
    return s.failed;
}

static int triples_only(const struct dirent *e)
{
    const size_t len = strlen(e->d_name);
    return len > 2 && strcmp(e->d_name + len - 2, ".t") == 0;
}

static unsigned run_folder(const char *path, unsigned *number)
{
    struct dirent **names;
    const int n = scandir(path, &names, triples_only, alphasort);
    unsigned failed = 0;
    if (n < 0) return run_file(path, number);
    for (int i = 0; i < n; i++) {
        char file[1024];
        snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name);
        failed += run_file(file, number);
        free(names[i]);
    }
    free(names);
    return failed;
}

int main(int argc, char **argv)
{
    unsigned number = 0, failed = 0;
    for (int i = 1; i < argc; i++) failed += run_folder(argv[i], &number);
    printf("1..%u\n", number);
    return failed || number == 0;
}
