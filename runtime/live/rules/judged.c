/* One walk over the devices for refusals, for a start's sentences, and for reports when links change */
#include "runtime/live/rules/judged.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/complain.h"
#include "runtime/live/carry/guard/unjudged.h"

enum {
    TOLD_MOST = 12, /* most devices in one text */
    WHY_MOST = 600, /* most bytes of the reason in a reply to `load` */
    STEP_MOST = 130 /* most bytes of the next step, without its names */
};

/* A text of clauses that is being written. */
struct clauses {
    const struct rules *rules;
    const struct program *p;
    char *text;
    size_t len, used;
    unsigned count, left_out;
};

__attribute__((format(printf, 2, 3))) static void add(struct clauses *c, const char *format, ...)
{
    va_list more;
    va_start(more, format);
    if (c->used < c->len) c->used += (size_t)vsnprintf(c->text + c->used, c->len - c->used, format, more);
    va_end(more);
}

/* Write the sentence on a device and the fate of its packets; empty for a pattern, which is no device. */
static void sentence(const struct program *p, const struct unjudged *u, char *buf, size_t len)
{
    char text[SERVED_TEXT];
    served_text(p, u->device, u->gaps, u->why, text, sizeof text);
    snprintf(buf, len, u->gaps ? "%s (%s)" : "%s", text, served_becomes(u->shut));
}

static void add_clause(struct clauses *c, const char *text)
{
    if (c->count++ >= TOLD_MOST)
        c->left_out++;
    else
        add(c, "%s%s", c->used ? "; " : "", text);
}

/* The search, under the rules in force, for a device of other rules. */
struct standing {
    const struct unjudged *next;
    bool is_no_worse;
};

/* Compare the device with itself under the rules in force: both shut it or lack it, and the new rules have no
 * further gaps. */
static void compare_standing(void *arg, const struct unjudged *now)
{
    struct standing *s = arg;
    const struct unjudged *next = s->next;
    if (!now->named || now->allowed || strcmp(now->device, next->device) != 0) return;
    const bool kept_shut = next->shut && now->shut;
    const bool kept_away = !next->gaps && next->why == WHY_ABSENT && now->why == WHY_ABSENT;
    s->is_no_worse |= (kept_shut || kept_away) && !(next->gaps & ~now->gaps);
}

/* True if these rules leave no more of the device unjudged than the rules in force do. */
static bool is_no_worse(const struct rules *rules, const struct unjudged *u)
{
    const struct ruling *now = &rules->carry->now;
    struct standing s = {.next = u};
    return unjudged_each(rules->carry, now->program, now->allows, compare_standing, &s) && s.is_no_worse;
}

/* True if rules are refused because of the device, unless those in force are no better. */
static bool is_fault(const struct unjudged *u)
{
    const bool judged = u->gaps && !(u->gaps & ~(unsigned)GAP_PAST);
    return u->named && !u->pattern && !u->allowed && (!judged || u->why == WHY_ABSENT);
}

static void add_fault(void *arg, const struct unjudged *u)
{
    struct clauses *c = arg;
    char text[SERVED_TEXT];
    if (!is_fault(u) || is_no_worse(c->rules, u)) return;
    served_text(c->p, u->device, u->gaps, u->why, text, sizeof text);
    add_clause(c, text);
}

static void add_name(void *arg, const struct unjudged *u)
{
    struct clauses *c = arg;
    if (is_fault(u)) add(c, "%s%s", c->used ? "," : "", u->device);
}

static void add_fault_name(void *arg, const struct unjudged *u)
{
    const struct clauses *c = arg;
    if (!is_no_worse(c->rules, u)) add_name(arg, u);
}

static void add_told(void *arg, const struct unjudged *u)
{
    struct clauses *c = arg;
    char text[SERVED_TEXT + 40];
    if (u->pattern) return;
    sentence(c->p, u, text, sizeof text);
    add_clause(c, text);
}

/* Write a text by a function that is called for each device. False if memory ran out, which the text reports. */
static bool write_text(const struct rules *rules, const struct program *p, const char *allows, unjudged_fn *fn,
                       char *text, size_t len)
{
    struct clauses c = {.rules = rules, .p = p, .text = text, .len = len};
    *text = 0;
    const bool found = unjudged_each(rules->carry, p, allows, fn, &c);
    if (!found) add(&c, "out of memory");
    if (c.left_out) add(&c, "; and %u more", c.left_out);
    return found;
}

/* Write why --allow-unjudged needs a name, with possible names. */
static void want_names(const struct rules *rules, const struct program *p, char *why, size_t len)
{
    char names[300];
    write_text(rules, p, NULL, add_name, names, sizeof names);
    snprintf(why, len, "--allow-unjudged needs device names%s%s",
             *names ? ": write --allow-unjudged " : ", and there is no device to allow: leave out the option", names);
}

bool judged_all(const struct rules *rules, const struct program *p, const char *allows, char *why, size_t len)
{
    char faults[sizeof rules->unjudged], names[300];
    if (allows && !*allows) {
        want_names(rules, p, why, len);
        return false;
    }
    if (rules->o->monitor) return true;
    write_text(rules, p, allows, add_fault, faults, sizeof faults);
    write_text(rules, p, allows, add_fault_name, names, sizeof names);
    /* The next step stays whole: a line of many faults is cut. */
    const size_t most = len < WHY_MOST ? len : WHY_MOST, step = STEP_MOST + strlen(names);
    if (*faults)
        snprintf(why, len,
                 "%.*s: add a firewall, name the interface with -i, or correct its name; to leave it unjudged, use "
                 "--allow-unjudged %s",
                 most > step ? (int)(most - step) : 0, faults, names);
    return !*faults;
}

bool judged_nameless(const struct rules *rules)
{
    char why[400];
    if (!rules->o->allows_nameless) return false;
    want_names(rules, rules->carry->now.program, why, sizeof why);
    complain("%s", why);
    return true;
}

/* Call fn with a sentence on each name of a list, with commas, that neither a device nor the rules have. */
static void each_stray(const struct rules *rules, const char *names, void (*fn)(void *arg, const char *text), void *arg)
{
    char one[OPTIONS_DEVICE_MOST + 1], text[SERVED_TEXT];
    for (const char *at = names; at && *at; at += *at == ',') {
        const size_t len = strcspn(at, ",");
        snprintf(one, sizeof one, "%.*s", (int)len, at);
        at += len;
        if (unjudged_knows(rules->carry, rules->carry->now.program, one)) continue;
        snprintf(text, sizeof text,
                 "--allow-unjudged %s has no effect now: neither this machine nor the rules have such a device", one);
        fn(arg, text);
    }
}

/* Call fn with the sentence on each name of --allow-unjudged that matches nothing. */
static void each_allowed(const struct rules *rules, void (*fn)(void *arg, const char *text), void *arg)
{
    for (unsigned i = 0; i < rules->o->allow_count; i++) each_stray(rules, rules->o->allows[i], fn, arg);
    each_stray(rules, rules->carry->now.allows, fn, arg);
}

/* Write the served devices without Ethernet, or the others, with commas. */
static void names_of(const struct rules *rules, bool bare, char *to, size_t len)
{
    size_t used = 0;
    enum pkt_link kind;
    for (unsigned i = 0; i < rules->o->iface_count; i++) {
        const struct host_link *link = host_link_named(rules->carry->host, rules->o->ifaces[i]);
        if ((link && host_link_reads(link, &kind) && kind == LINK_RAW) != bare) continue;
        used += (size_t)snprintf(to + used, len - used, "%s%.15s", used ? "," : "", rules->o->ifaces[i]);
    }
}

/* Call fn with the sentence on each rule that never matches. */
static void each_never(const struct rules *rules, void (*fn)(void *arg, const char *text), void *arg)
{
    const struct program *p = rules->carry->now.program;
    char serves[OPTIONS_IFACES * (OPTIONS_DEVICE_MOST + 1)] = "", text[SERVED_TEXT];
    const enum served_by by = rules->carry->in_kernel ? SERVED_NOT_KERNEL : SERVED_NOT;
    char ethernet[sizeof serves] = "", bare[sizeof serves] = "";
    size_t used = 0;
    for (unsigned i = 0; i < rules->o->iface_count; i++)
        used += (size_t)snprintf(serves + used, sizeof serves - used, "%s%.15s", i ? "," : "", rules->o->ifaces[i]);
    names_of(rules, false, ethernet, sizeof ethernet);
    names_of(rules, true, bare, sizeof bare);
    for (uint32_t i = 0, told = 0; i < p->rules_count && told < TOLD_MOST; i++) {
        if (!served_never(p, &p->rules[i], serves, by, text, sizeof text) &&
            !served_linkless(p, &p->rules[i], ethernet, bare, text, sizeof text))
            continue;
        fn(arg, text);
        told++;
    }
}

static void print_text(void *arg, const char *text) { complain("notice: %s", text); }

static void tell_text(void *arg, const char *text)
{
    struct rules *rules = arg;
    events_tell(&rules->tell->events, TOLD_UNJUDGED, "notice: %s", text);
}

static void print_device(void *arg, const struct unjudged *u)
{
    const struct rules *rules = arg;
    char text[SERVED_TEXT + 40];
    if (u->pattern) return;
    sentence(rules->carry->now.program, u, text, sizeof text);
    complain("notice: not judged: %s", text);
}

void judged_notice(const struct rules *rules)
{
    unjudged_each(rules->carry, rules->carry->now.program, NULL, print_device, (void *)(uintptr_t)rules);
    each_never(rules, print_text, NULL);
    each_allowed(rules, print_text, NULL);
}

static void add_text(void *arg, const char *text) { add_clause(arg, text); }

static void tell_device(void *arg, const struct unjudged *u)
{
    struct rules *rules = arg;
    char text[SERVED_TEXT + 40];
    if (u->pattern) return;
    sentence(rules->carry->now.program, u, text, sizeof text);
    events_tell(&rules->tell->events, TOLD_UNJUDGED, "notice: not judged: %s%s", text,
                u->named && rules->o->monitor ? "; --monitor enforces nothing" : "");
}

/* Write the present text. Return true if it has changed. */
static bool text_renew(struct rules *rules)
{
    char now[sizeof rules->unjudged];
    const bool found =
        write_text(rules, rules->carry->now.program, rules->carry->now.allows, add_told, now, sizeof now);
    struct clauses never = {.rules = rules, .text = rules->never, .len = sizeof rules->never};
    *rules->never = 0;
    each_never(rules, add_text, &never);
    rules->judged_at = found ? host_number(rules->carry->host) : 0; /* 0: no host has that number */
    rules->judged_for = rules->carry->now.program->serial;
    const bool other = strcmp(now, rules->unjudged) != 0;
    memcpy(rules->unjudged, now, sizeof now);
    rules->tell->changes += other;
    return other;
}

void judged_tell(struct rules *rules)
{
    text_renew(rules);
    unjudged_each(rules->carry, rules->carry->now.program, rules->carry->now.allows, tell_device, rules);
    each_never(rules, tell_text, rules);
    each_allowed(rules, tell_text, rules);
}

void judged_tick(struct rules *rules)
{
    const bool holds =
        rules->judged_at == host_number(rules->carry->host) && rules->judged_for == rules->carry->now.program->serial;
    if (rules->reload || holds || !text_renew(rules)) return;
    unjudged_each(rules->carry, rules->carry->now.program, rules->carry->now.allows, tell_device, rules);
}
