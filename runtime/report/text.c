/* Labels of rules by place and column, made once for a program; log prefixes (text.h) */
#include "runtime/report/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static char *cleaned(const char *s)
{
    char *copy = strdup(s);
    return copy ? text_clean(copy) : NULL;
}

static void place_fits(const struct program *p, const struct pbc_place *at, size_t *room)
{
    const size_t len = strlen(program_str(p, at->file)) + sizeof ":4294967295";
    if (len > *room) *room = len;
}

static const char *place_text(const struct labels *l, const struct pbc_place *at)
{
    snprintf(l->place, l->place_room, "%s:%u", program_str(l->program, at->file), at->line);
    return text_clean(l->place);
}

static bool labels_fill(struct labels *l, const struct program *p)
{
    char name[4096];
    l->folder = cleaned(program_str(p, p->meta->source));
    bool whole = l->folder && l->rule && l->place && l->firewall && l->service && l->server;
    if (whole) {
        char *slash = strrchr(l->folder, '/');
        *(slash ? slash + 1 : l->folder) = 0;
    }
    for (uint32_t i = 0; whole && i < p->firewalls_count; i++)
        whole = (l->firewall[i] = cleaned(program_str(p, p->firewalls[i].name))) != NULL;
    for (uint32_t i = 0; whole && i < p->services_count; i++)
        whole = (l->service[i] = cleaned(program_str(p, p->services[i].name))) != NULL;
    for (uint32_t i = 0; whole && i < p->servers_count; i++) {
        snprintf(name, sizeof name, "%s/%s", program_str(p, p->pools[p->servers[i].pool].name),
                 program_str(p, p->servers[i].name));
        whole = (l->server[i] = cleaned(name)) != NULL;
    }
    return whole;
}

int labels_init(struct labels *l, const struct program *p)
{
    size_t place_room = 1;
    for (uint32_t i = 0; i < p->rules_count; i++) place_fits(p, &p->rules[i].place, &place_room);
    for (uint32_t i = 0; i < p->firewalls_count; i++) place_fits(p, &p->firewalls[i].place, &place_room);
    *l = (struct labels){
        .program = p,
        .rule = calloc(p->rules_count + 1, sizeof(char *)),
        .place = malloc(place_room),
        .place_room = place_room,
        .firewall = calloc(p->firewalls_count + 1, sizeof(char *)),
        .service = calloc(p->services_count + 1, sizeof(char *)),
        .server = calloc(p->servers_count + 1, sizeof(char *)),
    };
    bool whole = labels_fill(l, p);
    if (whole && p->would) {
        l->would = calloc(1, sizeof *l->would);
        whole = l->would && labels_init(l->would, p->would) == 0;
    }
    if (whole) return 0;
    labels_fini(l);
    return -ENOMEM;
}

static void strings_free(char **v, uint32_t n)
{
    for (uint32_t i = 0; v && i < n; i++) free(v[i]);
    free(v);
}

void labels_fini(struct labels *l)
{
    if (!l->program) return;
    if (l->would) labels_fini(l->would);
    free(l->would);
    strings_free(l->rule, l->program->rules_count);
    strings_free(l->firewall, l->program->firewalls_count);
    strings_free(l->service, l->program->services_count);
    strings_free(l->server, l->program->servers_count);
    free(l->place);
    free(l->folder);
    *l = (struct labels){0};
}

const char *label_rule(const struct labels *l, uint32_t rule)
{
    char name[4096];
    if (rule >= l->program->rules_count) return "?";
    if (!l->rule[rule]) l->rule[rule] = cleaned(rule_name(l->program, rule, name, sizeof name));
    return l->rule[rule] ? l->rule[rule] : "?";
}

const char *label_would(const struct labels *l, const struct verdict *v, char *buf, size_t len)
{
    if (!v->would || !l->would) return "-";
    const char *by = v->would_rule == RULE_NONE ? "nobody" : label_of(l->would, v->would_rule);
    snprintf(buf, len, "%s by %s", action_name((v->would - 1) % ACTION_COUNT), by);
    return text_clean(buf);
}

const char *text_gap(const char *before)
{
    const size_t len = strlen(before);
    return len && before[len - 1] != ' ' ? " " : "";
}

const char *label_log_prefix(const struct labels *l, uint32_t rule, char prefix[LOG_PREFIX])
{
    const struct program *p = l->program;
    const char *text = rule < p->rules_count ? program_str(p, p->rules[rule].log_prefix) : "";
    snprintf(prefix, LOG_PREFIX, "%s", text);
    return text_clean(prefix);
}

const char *label_rule_place(const struct labels *l, uint32_t rule)
{
    return rule < l->program->rules_count ? place_text(l, &l->program->rules[rule].place) : "?";
}

const char *label_firewall_place(const struct labels *l, uint32_t firewall)
{
    return place_text(l, &l->program->firewalls[firewall].place);
}

const char *label_place(const struct labels *l, const char *place)
{
    const size_t n = strlen(l->folder);
    return strncmp(place, l->folder, n) ? place : place + n;
}

const char *label_of(const struct labels *l, uint32_t rule)
{
    return rule == RULE_NONE ? "-" : rule == RULE_DEFAULT ? "default" : label_rule(l, rule);
}

const char *label_service(const struct labels *l, uint32_t service)
{
    if (service == PBC_NONE) return "-";
    return service < l->program->services_count ? l->service[service] : "?";
}

const char *label_server(const struct labels *l, uint32_t server)
{
    if (server == PBC_NONE) return "-";
    return server < l->program->servers_count ? l->server[server] : "?";
}

const char *label_or_null(const char *label) { return strcmp(label, "-") ? label : NULL; }

const char *verdict_word(unsigned v) { return v < PBC_V_COUNTED ? verdict_info[v].name : "?"; }

const char *label_verdict(const struct labels *l, uint32_t rule, char *buf, size_t len)
{
    const struct program *p = l->program;
    const struct pbc_rule *r = &p->rules[rule];
    const bool calls = r->verdict == PBC_V_DO && r->chain < p->chains_count;
    snprintf(buf, len, "%s%s%s", verdict_word(r->verdict), calls ? " " : "",
             calls ? program_str(p, p->chains[r->chain].name) : "");
    return text_clean(buf);
}

bool rule_decides(const struct pbc_rule *r)
{
    return r->verdict <= PBC_V_REJECT; /* a tunnel that could not be opened is counted beside the rules */
}

const char *text_duration(uint64_t ns, char buf[TEXT_NUMBER])
{
    static const struct {
        double ns;
        const char *unit;
    } units[] = {
        {86400e9, "days"}, {1e9, "s"}, {1e6, "ms"}, {1e3, "us"}, {1, "ns"},
    };
    const double v = (double)ns;
    const uint64_t minutes = ns / 60000000000u;
    if (v < 172800e9 && minutes >= 60) {
        snprintf(buf, TEXT_NUMBER, "%llu h %llu min", (unsigned long long)minutes / 60,
                 (unsigned long long)minutes % 60);
        return buf;
    }
    if (v < 172800e9 && minutes >= 5) {
        snprintf(buf, TEXT_NUMBER, "%llu min %llu s", (unsigned long long)minutes,
                 (unsigned long long)(ns / 1000000000u % 60));
        return buf;
    }
    unsigned u = 0;
    while (u < 4 && v < units[u].ns) u++;
    if (!ns) return strcpy(buf, "0 s");
    snprintf(buf, TEXT_NUMBER, u == 4 ? "%.0f %s" : "%.1f %s", v / units[u].ns, units[u].unit);
    return buf;
}

static struct tm utc(uint64_t ns)
{
    const time_t s = (time_t)(ns / 1000000000u);
    struct tm tm = {0};
    gmtime_r(&s, &tm);
    return tm;
}

const char *text_date(uint64_t ns, char buf[TEXT_TIME])
{
    const struct tm tm = utc(ns);
    strftime(buf, TEXT_TIME, "%Y-%m-%d %H:%M:%S", &tm);
    return buf;
}

const char *text_clock(uint64_t ns, char buf[TEXT_TIME])
{
    const struct tm tm = utc(ns);
    const size_t n = strftime(buf, TEXT_TIME, "%H:%M:%S", &tm);
    snprintf(buf + n, TEXT_TIME - n, ".%03u", (unsigned)(ns % 1000000000u / 1000000u));
    return buf;
}

const char *text_iso(uint64_t ns, char buf[TEXT_TIME])
{
    const struct tm tm = utc(ns);
    const size_t n = strftime(buf, TEXT_TIME, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(buf + n, TEXT_TIME - n, ".%09uZ", (unsigned)(ns % 1000000000u));
    return buf;
}

const char *text_local(const char *iso, char buf[TEXT_TIME])
{
    struct tm t = {0}, today;
    const time_t now = time(NULL);
    *buf = 0;
    if (!strptime(iso, "%Y-%m-%dT%H:%M:%S", &t)) return buf;
    const time_t at = timegm(&t);
    localtime_r(&now, &today);
    localtime_r(&at, &t);
    const bool same_day = t.tm_year == today.tm_year && t.tm_yday == today.tm_yday;
    strftime(buf, TEXT_TIME, same_day ? "%H:%M:%S" : "%Y-%m-%d %H:%M", &t);
    return buf;
}

const char *text_unknown_way(const struct way_told *w, char buf[TEXT_WAY])
{
    snprintf(buf, TEXT_WAY, "unknown, %s: %s%s%s%s%s", w->then, w->doc, *w->instead ? "; to translate it, use: " : "",
             w->instead, *w->next ? "; to make it known, use: " : "", w->next);
    return buf;
}

const char *text_tail(const char *s, unsigned width, char *buf, size_t len)
{
    const size_t n = strlen(s);
    if (n <= width)
        snprintf(buf, len, "%s", s);
    else
        snprintf(buf, len, "..%s", s + n - (width - 2));
    return text_clean(buf); /* the cut may have split a character */
}
