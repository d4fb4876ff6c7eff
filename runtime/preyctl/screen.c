#include "runtime/preyctl/screen.h"

#include <string.h>

#include "runtime/preyctl/print.h"

/* Return the server's state, in capitals if it is set by hand. */
static const char *state_of(const cJSON *server)
{
    const cJSON *hand = part(server, "by_hand");
    const char *set = text_at(hand, "state");
    if (!strcmp(set, "drain")) return is_true(server, "down") ? "DRAINED" : "DRAIN";
    if (!strcmp(set, "up")) return "UP";
    return strcmp(set, "down") ? text_at(server, "health") : "DOWN";
}

static void hand_print(FILE *out, const cJSON *server)
{
    const cJSON *hand = part(server, "by_hand");
    char when[TEXT_TIME], left[TEXT_NUMBER];
    if (!cJSON_IsObject(hand)) return;
    fprintf(out, "   by user %llu at %s", (unsigned long long)number_at(hand, "uid"), when_at(hand, "time", when));
    if (number_at(server, "weight") != number_at(server, "weight_of_file"))
        fprintf(out, ", %llu in the file", (unsigned long long)number_at(server, "weight_of_file"));
    if (part(hand, "left_s") && !is_true(server, "down"))
        fprintf(out, ", %s left", text_duration(number_at(hand, "left_s") * 1000000000, left));
}

/* Return what the last probe found wrong; "" for a drained server, or one that needs more good probes. */
static const char *wrong_with(const cJSON *server)
{
    const char *why = text_at(server, "why");
    return strcmp(why, "good") ? why : "";
}

static void screen_check(FILE *out, const cJSON *server)
{
    char took[TEXT_NUMBER], when[TEXT_TIME];
    const bool down = !strcmp(text_at(server, "health"), "down");
    if (cJSON_IsNumber(part(server, "latency_us")) && !down)
        fprintf(out, "   check %s", text_duration(number_at(server, "latency_us") * 1000, took));
    if (*when_at(server, "since", when)) fprintf(out, "   since %s", when);
    if (down && *wrong_with(server)) fprintf(out, ": %s", wrong_with(server));
}

int screen_width(const cJSON *pool, const char *before)
{
    int width = 4;
    const cJSON *server;
    cJSON_ArrayForEach(server, part(pool, "servers"))
    {
        const int len = (int)strlen(text_at(server, "name"));
        if (len > width) width = len < 40 ? len : 40;
    }
    return (int)strlen(before) + width;
}

void screen_servers(FILE *out, const cJSON *pool, const char *before, int width)
{
    char a[TEXT_NUMBER], b[TEXT_NUMBER];
    const int name = width - (int)strlen(before);
    const cJSON *server;
    cJSON_ArrayForEach(server, part(pool, "servers"))
    {
        fprintf(out, "%s%-*s  %-9s weight %-4llu %10s flows %10s/s", before, name, text_at(server, "name"),
                state_of(server), (unsigned long long)number_at(server, "weight"), count_at(server, "flows", a),
                count_at(server, "packets_per_s", b));
        if (is_true(server, "backup")) fputs("   backup", out);
        screen_check(out, server);
        hand_print(out, server);
        fputc('\n', out);
    }
}

/* Print texts of a list. between: what stands before the first. Return what stands before the next. */
static const char *list_print(FILE *out, const cJSON *texts, const char *between)
{
    const cJSON *one;
    cJSON_ArrayForEach(one, texts)
    {
        fprintf(out, "%s%s", between, cJSON_GetStringValue(one) ? cJSON_GetStringValue(one) : "");
        between = ", ";
    }
    return between;
}

/* Print that a service drains, how many of its connections are left, and who has set it. */
static void drain_print(FILE *out, const cJSON *service)
{
    char left[TEXT_NUMBER], when[TEXT_TIME];
    const cJSON *hand = part(service, "by_hand"), *proxy = part(service, "proxy");
    if (!is_true(service, "drains")) return;
    fprintf(out, "   DRAIN, %s left   by user %llu at %s",
            proxy ? count_at(proxy, "now", left) : count_at(service, "flows", left),
            (unsigned long long)number_at(hand, "uid"), when_at(hand, "time", when));
}

static void services_print(FILE *out, const cJSON *seen)
{
    char a[TEXT_NUMBER], b[TEXT_NUMBER];
    const cJSON *service;
    cJSON_ArrayForEach(service, part(seen, "services"))
    {
        if (is_true(service, "past")) continue;
        fprintf(out, "service %s  ", text_at(service, "service"));
        list_print(out, part(service, "endpoints"), "");
        fprintf(out, "  %s  -> ", text_at(service, "mode"));
        list_print(out, part(service, "others"), list_print(out, part(service, "pools"), ""));
        fprintf(out, "   %s flow%s   %s/s", count_at(service, "flows", a), text_plural(number_at(service, "flows")),
                count_at(service, "packets_per_s", b));
        drain_print(out, service);
        fputc('\n', out);
    }
}

/* Print the services that watch: connections, bytes, and what could not be put in order. */
static void observes_print(FILE *out, const cJSON *seen)
{
    char a[TEXT_NUMBER], b[TEXT_NUMBER], c[TEXT_NUMBER], d[TEXT_NUMBER];
    const cJSON *service;
    cJSON_ArrayForEach(service, part(seen, "observe_services"))
    {
        fprintf(out, "observe %s  %s of %s connection%s open, %s bytes", text_at(service, "service"),
                count_at(service, "live", a), count_at(service, "sessions", b),
                text_plural(number_at(service, "sessions")), count_at(service, "bytes", c));
        if (number_at(service, "holes"))
            fprintf(out, ", %s in %s hole%s", count_at(service, "hole_bytes", d), count_at(service, "holes", a),
                    text_plural(number_at(service, "holes")));
        if (number_at(service, "retransmissions"))
            fprintf(out, ", %s segment%s again", count_at(service, "retransmissions", a),
                    text_plural(number_at(service, "retransmissions")));
        fputc('\n', out);
    }
}

static void pools_print(FILE *out, const cJSON *seen)
{
    const cJSON *pool;
    cJSON_ArrayForEach(pool, part(seen, "pools"))
    {
        if (is_true(pool, "past") && !number_at(pool, "flows")) continue;
        fprintf(out, "pool %s  %s  %llu of %llu up%s\n", text_at(pool, "pool"), text_at(pool, "balance"),
                (unsigned long long)number_at(pool, "servers_up"), (unsigned long long)number_at(pool, "servers_count"),
                is_true(pool, "past") ? "  (of an earlier program)" : "");
        screen_servers(out, pool, "  ", screen_width(pool, "  "));
    }
}

static void screen_proxy(FILE *out, const cJSON *proxy)
{
    char a[TEXT_NUMBER], b[TEXT_NUMBER], c[TEXT_NUMBER];
    if (!cJSON_IsObject(proxy)) return;
    fprintf(out, "proxy %s session%s, %s accepted in all, %s request%s\n", count_at(proxy, "now", a),
            text_plural(number_at(proxy, "now")), count_at(proxy, "sessions", b),
            count_at(part(proxy, "http"), "requests", c), text_plural(number_at(part(proxy, "http"), "requests")));
}

/* Print the members of an object that are not 0, behind `before`. */
static void reasons_print(FILE *out, const char *before, const cJSON *reasons)
{
    const cJSON *one;
    cJSON_ArrayForEach(one, reasons)
    {
        if (one->valuedouble <= 0) continue;
        fprintf(out, "%s %s %.0f", before, one->string, one->valuedouble);
        before = ",";
    }
}

/* Print where the kernel takes what arrives, by interface. */
static void hooks_print(FILE *out, const cJSON *interfaces)
{
    const char *between = "taken at: ";
    const cJSON *one;
    cJSON_ArrayForEach(one, interfaces)
    {
        fprintf(out, "%s%s %s", between, text_at(one, "interface"), text_at(one, "hook"));
        between = ", ";
    }
    fputc('\n', out);
}

/* Print the executor and the reason; for the kernel also how many packets ended there, how many came up, and how many
 * took the long way there, by why. */
static void judged_print(FILE *out, const cJSON *kernel, const char *why)
{
    char a[TEXT_NUMBER];
    fprintf(out, "judged in %s: %s\n", kernel ? "the kernel" : "user space", why);
    if (!kernel) return;
    fprintf(out, "finished in the kernel: %s packet%s", count_at(kernel, "packets", a),
            number_at(kernel, "packets") == 1 ? "" : "s");
    reasons_print(out, "; came up:", part(kernel, "up"));
    reasons_print(out, "; the long way there (man preyrun, kernel.long):", part(kernel, "long"));
    fputc('\n', out);
}

/* Print the interfaces of whose connections replies leave so, behind `before`; nothing if there are none. */
static void replies_list(FILE *out, const cJSON *interfaces, const char *by, const char *before)
{
    const cJSON *one;
    cJSON_ArrayForEach(one, interfaces)
    {
        if (strcmp(text_at(one, "replies"), by)) continue;
        fprintf(out, "%s%s", before, text_at(one, "interface"));
        if (strcmp(text_at(one, "link"), "up")) fprintf(out, " (%s)", text_at(one, "link"));
        before = ", ";
    }
}

/* Print where replies leave, if they could leave by several interfaces. */
static void replies_print(FILE *out, const cJSON *interfaces)
{
    const cJSON *one;
    unsigned count = 0;
    cJSON_ArrayForEach(one, interfaces) count += *text_at(one, "replies") != 0;
    if (count < 2) return;
    fputs("replies of translated and balanced connections leave by the interface that these came in by", out);
    replies_list(out, interfaces, "by it", ": ");
    replies_list(out, interfaces, "by the routes", "; while it is down, by the routes: ");
    fputc('\n', out);
}

/* Print the interfaces that are missing or down, if any. */
static void missing_print(FILE *out, const cJSON *interfaces)
{
    const char *before = "not served until they come: ";
    const cJSON *one;
    cJSON_ArrayForEach(one, interfaces)
    {
        const char *link = text_at(one, "link");
        if (strcmp(link, "gone") && strcmp(link, "down")) continue;
        fprintf(out, "%s%s (%s)", before, text_at(one, "interface"), link);
        before = ", ";
    }
    if (*before == ',') fputc('\n', out);
}

/* Print how often interfaces came back, if any did. */
static void returned_print(FILE *out, const cJSON *interfaces)
{
    const char *before = "went and came back: ";
    char times[TEXT_NUMBER];
    const cJSON *one;
    cJSON_ArrayForEach(one, interfaces)
    {
        const uint64_t count = number_at(one, "returned");
        if (!count) continue;
        fprintf(out, "%s%s %s time%s", before, text_at(one, "interface"), count_at(one, "returned", times),
                text_plural(count));
        before = ", ";
    }
    if (*before == ',') fputc('\n', out);
}

static void head_print(FILE *out, const cJSON *seen)
{
    const cJSON *one = part(seen, "instance"), *program = part(seen, "program"), *reloads = part(seen, "reloads");
    const cJSON *flows = part(seen, "flows");
    char a[TEXT_NUMBER], b[TEXT_NUMBER], c[TEXT_NUMBER], when[TEXT_TIME];
    fprintf(out, "%s: %s since %s, up %s, %s reload%s, %s refused\n", text_at(one, "name"), text_at(program, "path"),
            when_at(program, "since", when), text_duration(number_at(one, "uptime_s") * 1000000000, a),
            count_at(reloads, "good", b), number_at(reloads, "good") == 1 ? "" : "s", count_at(reloads, "refused", c));
    const uint64_t limit = number_at(flows, "limit");
    if (limit)
        fprintf(out, "flows %s (%.1f %% of %s), at most %s\n", count_at(flows, "now", a),
                100.0 * (double)number_at(flows, "now") / (double)limit, count_at(flows, "limit", b),
                count_at(flows, "most", c));
    screen_proxy(out, part(seen, "proxy"));
    if (part(program, "file_fault"))
        fprintf(out, "%s holds no program, so a reload or a start is refused: %s\n", text_at(program, "file"),
                text_at(program, "file_fault"));
    else if (is_true(program, "file_differs"))
        fprintf(out, "%s holds another program, which a reload or a start takes\n", text_at(program, "file"));
    if (part(one, "confirm_left_s"))
        fprintf(out, "%s %s in %s, unless it is confirmed: preyctl confirm\n",
                part(one, "confirm_back") ? text_at(one, "confirm_back") : "it",
                part(one, "confirm_back") ? "comes back" : "ends",
                text_duration(number_at(one, "confirm_left_s") * 1000000000, a));
    judged_print(out, part(seen, "kernel"), text_at(one, "exec_why"));
    if (part(seen, "kernel")) hooks_print(out, part(seen, "interfaces"));
    replies_print(out, part(seen, "interfaces"));
    missing_print(out, part(seen, "interfaces"));
    returned_print(out, part(seen, "interfaces"));
    if (part(one, "unjudged")) fprintf(out, "not judged: %s\n", text_at(one, "unjudged"));
    if (part(one, "never")) fprintf(out, "notice: %s\n", text_at(one, "never"));
    if (part(one, "clock_not_set"))
        fprintf(out, "the clock is not set: %s; no schedule is active\n", text_at(one, "clock_not_set"));
    if (is_true(one, "monitor"))
        fprintf(out, "packets to this machine itself are only watched: %s packet%s would have been dropped\n",
                count_at(part(seen, "live"), "watched", a), text_plural(number_at(part(seen, "live"), "watched")));
}

static void verdicts_print(FILE *out, const cJSON *seen)
{
    char a[TEXT_NUMBER], b[TEXT_NUMBER], c[TEXT_NUMBER];
    const cJSON *one;
    fprintf(out, "%-12s %14s %18s %22s\n", "verdict", "packets/s", "packets", "bytes");
    cJSON_ArrayForEach(one, part(seen, "verdicts")) if (number_at(one, "packets"))
        fprintf(out, "  %-10s %14s %18s %22s\n", one->string, count_at(one, "packets_per_s", a),
                count_at(one, "packets", b), count_at(one, "bytes", c));
}

/* Print what would be without the word `audit`; nothing for rules without it. */
static void audit_print(FILE *out, const cJSON *seen)
{
    char a[TEXT_NUMBER], b[TEXT_NUMBER];
    const cJSON *one;
    cJSON_ArrayForEach(one, part(seen, "would"))
    {
        const uint64_t packets = number_at(one, "changed_packets"), flows = number_at(one, "flows");
        if (packets)
            fprintf(out, "  audit      would %s %s packet%s of %s flow%s\n", one->string,
                    count_at(one, "changed_packets", a), text_plural(packets), count_at(one, "flows", b),
                    text_plural(flows));
    }
}

/* Print the copies that rules make; nothing where none does. */
static void copies_print(FILE *out, const cJSON *seen)
{
    char a[TEXT_NUMBER], b[TEXT_NUMBER];
    const cJSON *one, *why;
    cJSON_ArrayForEach(one, part(seen, "mirrors"))
    {
        fprintf(out, "  copies     %s to %s %s: %s", text_at(one, "rule"), text_at(one, "to"), text_at(one, "target"),
                count_at(one, "packets", a));
        const char *before = ", lost ";
        cJSON_ArrayForEach(why, part(one, "lost_by"))
        {
            if (!number_at(part(one, "lost_by"), why->string)) continue;
            fprintf(out, "%s%s: %s", before, count_at(part(one, "lost_by"), why->string, b), why->string);
            before = ", ";
        }
        fputc('\n', out);
    }
}

/* Print the causes for which ways of packets were unknown that a nat may take. */
static void unknown_ways_print(FILE *out, const cJSON *ways)
{
    char a[TEXT_NUMBER], text[TEXT_WAY];
    const cJSON *one;
    cJSON_ArrayForEach(one, ways)
    {
        const struct way_told told = {text_at(one, "then"), text_at(one, "instead"), text_at(one, "why"),
                                      text_at(one, "next")};
        fprintf(out, "  way        %14s %s\n", count_at(one, "packets", a), text_unknown_way(&told, text));
    }
}

/* Print what is not as it should be: drop reasons, limits reached, frames lost. */
static void troubles_print(FILE *out, const cJSON *seen)
{
    char a[TEXT_NUMBER];
    const cJSON *one;
    cJSON_ArrayForEach(one, part(seen, "reasons")) if (number_at(one, "packets"))
        fprintf(out, "  dropped    %14s %s\n", count_at(one, "packets", a), one->string);
    unknown_ways_print(out, part(seen, "unknown_ways"));
    cJSON_ArrayForEach(one, part(seen, "limits")) if (number_at(one, "reached"))
        fprintf(out, "  limit      %14s %s\n", count_at(one, "reached", a), text_at(one, "words"));
#define KERNEL_COUNTER(field, key, words, doc)                                                                         \
    if (*words && number_at(part(seen, "kernel"), key))                                                                \
        fprintf(out, "  kernel     %14s %s\n", count_at(part(seen, "kernel"), key, a), words);
#include "runtime/counters/counter.def"
}

void screen_print(FILE *out, const cJSON *seen)
{
    head_print(out, seen);
    verdicts_print(out, seen);
    audit_print(out, seen);
    copies_print(out, seen);
    troubles_print(out, seen);
    services_print(out, seen);
    observes_print(out, seen);
    pools_print(out, seen);
}
