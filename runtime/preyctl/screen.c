/* The screen of `preyctl status` and `preyctl top`: lines for people, filled from the service's document by patterns; a
 * pool's columns are as wide as its names (screen.h) */
#include "runtime/preyctl/screen.h"

#include <string.h>

#include "runtime/report/document/fill.h"
#include "runtime/report/document/item.h"
#include "runtime/report/text.h"

/* Return the server's state, in capitals if it is set by hand. */
static const char *state_of(const cJSON *server)
{
    const char *set = item_text(item(server, "by_hand"), "state");
    if (!strcmp(set, "drain")) return item_true(server, "down") ? "DRAINED" : "DRAIN";
    if (!strcmp(set, "up")) return "UP";
    return strcmp(set, "down") ? item_text(server, "health") : "DOWN";
}

int screen_width(const cJSON *pool, const char *before)
{
    int width = 4;
    const cJSON *server;
    cJSON_ArrayForEach(server, item(pool, "servers"))
    {
        const int len = (int)strlen(item_text(server, "name"));
        if (len > width) width = len < 40 ? len : 40;
    }
    return (int)strlen(before) + width;
}

void screen_servers(FILE *out, const cJSON *pool, const char *before, int width)
{
    const int name = width - (int)strlen(before);
    const cJSON *server;
    cJSON_ArrayForEach(server, item(pool, "servers"))
    {
        fprintf(out, "%s%-*s  %-9s", before, name, item_text(server, "name"), state_of(server));
        /* `why` is "good" for a drained server, and for one that needs more good probes. */
        fill(out, server,
             " weight {weight:-4} {#flows:10} flows {#packets_per_s:10}/s{?backup    backup}"
             "{!health=down {?latency_us?    check {~latency_us}}}{?host    {host}{?address  is {address}}}"
             "{?since    since {@since}}"
             "{?health=down {?why {!why=good : {why}}}}{/by_hand    by user {uid} at {@time}}");
        const bool set = cJSON_IsObject(item(server, "by_hand"));
        if (set && item_number(server, "weight") != item_number(server, "weight_of_file"))
            fill(out, server, ", {weight_of_file} in the file");
        fill(out, server, "{!down {?by_hand.left_s? , {~by_hand.left_s} left}}\n");
    }
}

/* Print the interfaces by which replies leave, if there are several. */
static void replies_print(FILE *out, const cJSON *seen)
{
    const cJSON *one;
    unsigned count = 0;
    cJSON_ArrayForEach(one, item(seen, "interfaces")) count += *item_text(one, "replies") != 0;
    if (count < 2) return;
    fill(out, seen,
         "replies of translated and balanced connections leave by the interface where the connection "
         "arrived{*interfaces?replies=by it|, on these interfaces: |, |{interface}{!link=up  ({link})}}"
         "{*interfaces?replies=by the routes|; on interfaces without a link, the routes decide: |, "
         "|{interface}{!link=up  ({link})}}\n");
}

static void head_print(FILE *out, const cJSON *seen)
{
    const cJSON *flows = item(seen, "flows");
    const uint64_t limit = item_number(flows, "limit");
    fill(out, seen,
         "{instance.name}: {program.path} since {@program.since}, up {~instance.uptime_s}, {#reloads.good|reload}, "
         "{#reloads.refused} refused\n");
    if (limit) {
        fill(out, flows, "flows {#now}");
        fprintf(out, " (%.1f %% of ", 100.0 * (double)item_number(flows, "now") / (double)limit);
        fill(out, flows,
             "{#limit}), peak {#most}{?limit_of_rules ; the rules set a limit of {#limit_of_rules}, which takes effect "
             "after "
             "a stop and a start}\n");
    }
    fill(out, seen,
         "{/proxy proxy {#now|session}, {#sessions} accepted in all, {#http.requests|request}\n}"
         "{/program {?file_fault {file} has no valid program, so a reload or a start would fail: {file_fault}\n}"
         "{!file_fault {?file_differs {file} has another program, which a reload or a start would use\n}}}"
         "{/instance {*before?sessions|||the previous process {process} still serves "
         "{#sessions|connection}\n}}"
         "{/instance {?confirm_left_s? {?confirm_back {confirm_back} comes back}{!confirm_back preyrun stops} in "
         "{~confirm_left_s} unless you run: preyctl confirm\n}"
         "judged in {?exec=kernel the kernel}{!exec=kernel user space}: {exec_why}\n}"
         "{/kernel finished in the kernel: {#packets|packet}{*up?.|; sent to preyrun: |, |{$} {.}}{*long?.|; long path "
         "(man preyrun, kernel.long): |, |{$} {.}}\n}"
         "{?kernel {*interfaces?link=up,link=no carrier|taken at: |, |{interface} {hook}|\n}}");
    replies_print(out, seen);
    fill(out, seen,
         "{*interfaces?link=gone,link=down|not served yet: |, |{interface} ({?link=gone no such interface}{?link=down "
         "down})|\n}"
         "{*interfaces?returned|went and came back: |, |{interface} {#returned|time}|\n}"
         "{/instance {?unjudged not judged: {unjudged}\n}{?never notice: {never}\n}"
         "{?clock_not_set the clock isn't set: {clock_not_set}; no schedule is active\n}}"
         "{?instance.monitor packets to this machine itself are only counted: {#live.watched|packet} would have been "
         "dropped\n}");
}

static void counts_print(FILE *out, const cJSON *seen)
{
    fprintf(out, "%-12s %14s %18s %22s\n", "verdict", "packets/s", "packets", "bytes");
    fill(out, seen,
         "{*verdicts?packets|||  {$:-10} {#packets_per_s:14} {#packets:18} {#bytes:22}\n}"
         "{*would?changed_packets|||  audit      would {$} {#changed_packets|packet} of {#flows|flow}\n}"
         "{*mirrors|||  copies     {rule} to {to} {target}: {#packets}{*lost_by?.|, lost |, |{#.}: {$}}\n}"
         "{*reasons?packets|||  dropped    {#packets:14} {$}\n}");
    /* Reasons why the ways of packets for a nat were unknown. */
    char text[TEXT_WAY];
    const cJSON *one;
    cJSON_ArrayForEach(one, item(seen, "unknown_ways"))
    {
        const struct way_told told = {item_text(one, "then"), item_text(one, "instead"), item_text(one, "why"),
                                      item_text(one, "next")};
        fill(out, one, "  way        {#packets:14} ");
        fprintf(out, "%s\n", text_unknown_way(&told, text));
    }
    fill(out, seen, "{*limits?reached|||  limit      {#reached:14} {words}\n}");
#define KERNEL_COUNTER(field, key, words, doc)                                                                         \
    if (*words) fill(out, item(seen, "kernel"), "{?" key "   kernel     {#" key ":14|" words "}\n}");
#include "runtime/counters/counter.def"
}

void screen_print(FILE *out, const cJSON *seen)
{
    head_print(out, seen);
    counts_print(out, seen);
    fill(out, seen,
         "{*services?!past|||service {service}  {*endpoints||, |{.}}  {mode}  -> {*pools||, |{.}}{*others|{?pools , "
         "}|, |{.}}   {#flows|flow}   {#packets_per_s}/s{?drains    DRAIN, {?proxy? {#proxy.now}}{!proxy? {#flows}} "
         "left   by user {by_hand.uid} at {@by_hand.time}}\n}{*observe_services|||observe {service}  {#live} of "
         "{#sessions|connection} open, {#bytes|byte}{?holes , {#hole_bytes|byte} missing in "
         "{#holes|hole}}{?retransmissions , {#retransmissions|segment} retransmitted}\n}");
    fill(out, seen,
         "{*sets|||set {set}  {#members} of {#size|member}{?ranges , {#ranges|range} of a file}"
         "{?full,lengths,refused , {#full+lengths+refused} refused}{?failing ; {fault}}\n}");
    const cJSON *pool;
    cJSON_ArrayForEach(pool, item(seen, "pools"))
    {
        if (item_true(pool, "past") && !item_number(pool, "flows")) continue;
        fill(out, pool,
             "pool {pool}  {balance}  {servers_up} of {servers_count} up{?servers_draining , {servers_draining} "
             "draining}{?past   (of an earlier program)}\n");
        screen_servers(out, pool, "  ", screen_width(pool, "  "));
    }
}
