/* Alerts: servers that are down, and why; interfaces, programs and live sets at fault
 * (page_priv.h) */
#include <string.h>

#include "runtime/report/document/item.h"
#include "runtime/stats/html.h"
#include "runtime/stats/page_priv.h"

enum { SERVERS_SHOWN = 8 };

static bool is_down(const cJSON *server)
{
    return !strcmp(item_text(server, "health"), "down") && !cJSON_IsObject(item(server, "by_hand"));
}

bool page_is_past(const cJSON *one) { return item_true(one, "past") && !item_number(one, "flows"); }

unsigned page_down(const cJSON *pool)
{
    const cJSON *server;
    unsigned down = 0;
    cJSON_ArrayForEach(server, item(pool, "servers")) down += is_down(server);
    return down;
}

/* Write which servers of a pool are down, and why. "good": the server replies again, and needs some more good
 * replies. */
static void pool_alert(FILE *out, const cJSON *pool, unsigned down)
{
    const cJSON *server;
    unsigned shown = 0;
    html_fill(out, pool,
              "<li class=\"bad\"><b>{pool}</b>: {?servers_up {#servers_up}}{!servers_up none} of "
              "{#servers_count|server} up (");
    cJSON_ArrayForEach(server, item(pool, "servers"))
    {
        if (!is_down(server) || shown == SERVERS_SHOWN) continue;
        fputs(shown++ ? "; " : "", out);
        html_fill(out, server, "{name}{?why : {?why=good answers again}{!why=good {why}}}");
    }
    if (down > shown) fprintf(out, "; %u more", down - shown);
    fputs(")</li>", out);
}

static void servers_alerts(FILE *out, const cJSON *root, struct alerts *a)
{
    const cJSON *pool;
    cJSON_ArrayForEach(pool, item(root, "pools"))
    {
        if (page_is_past(pool)) continue;
        const unsigned down = page_down(pool);
        a->servers += (unsigned)cJSON_GetArraySize(item(pool, "servers"));
        a->down += down;
        if (!down) continue;
        a->bad++;
        if (out) pool_alert(out, pool, down);
    }
}

/* Write the pattern as an alert, if the member that fills it has a text. */
static void alert(FILE *out, const cJSON *of, const char *member, const char *pattern, unsigned *count)
{
    if (!*item_text(of, member)) return;
    ++*count;
    if (out) html_fill(out, of, pattern);
}

static void interfaces_alerts(FILE *out, const cJSON *root, struct alerts *a)
{
    const cJSON *one;
    cJSON_ArrayForEach(one, item(root, "interfaces")) if (strcmp(item_text(one, "link"), "up") != 0)
        alert(out, one, "link", "<li class=\"bad\">interface <b>{interface}</b>: {link}</li>", &a->bad);
}

static void reload_alert(FILE *out, const cJSON *root, struct alerts *a)
{
    const cJSON *history = item(item(root, "reloads"), "history"), *first = history ? history->child : NULL;
    const cJSON *last = first ? first->prev : NULL;
    if (*item_text(item(root, "program"), "file_fault")) return; /* the cause, which has its own alert */
    if (!last || strcmp(item_text(last, "event"), "refused") != 0) return;
    alert(out, last, "event", "<li class=\"warn\">the last reload failed, {@time}: {text}</li>", &a->warn);
}

struct alerts page_alerts(FILE *out, const cJSON *root)
{
    const cJSON *instance = item(root, "instance"), *set;
    struct alerts a = {0};
    servers_alerts(out, root, &a);
    interfaces_alerts(out, root, &a);
    alert(out, item(root, "program"), "file_fault",
          "<li class=\"bad\">{file} has no valid program, so a reload or a start would fail: {file_fault}</li>",
          &a.bad);
    alert(out, item(root, "recorder"), "error", "<li class=\"bad\">flight recorder {directory}: {error}</li>", &a.bad);
    cJSON_ArrayForEach(set, item(root, "sets"))
        alert(out, set, "fault", "<li class=\"warn\">live set <b>{set}</b>: {fault}</li>", &a.warn);
    reload_alert(out, root, &a);
    alert(out, instance, "unjudged", "<li class=\"warn\">not judged: {unjudged}</li>", &a.warn);
    alert(out, instance, "never", "<li class=\"warn\">{never}</li>", &a.warn);
    alert(out, instance, "clock_not_set",
          "<li class=\"warn\">the clock isn't set: {clock_not_set}; no schedule is active</li>", &a.warn);
    return a;
}
