/* Lines of the summary about state kept between packets: connections, and fragments of datagrams. */
#include <string.h>

#include "runtime/counters/counters.h"
#include "runtime/report/flows.h"
#include "runtime/report/summary.h"
#include "vm/judge/routes.h"
#include "vm/verdict.h"

enum { WIDTH = 100, INDENT = 12 };

/* Write a list of words that begins with `what` and wraps onto further lines. */
static void words_text(FILE *out, const char *what, const char *words)
{
    int col = INDENT + fprintf(out, "%*s%s", INDENT, "", what) - INDENT;
    while (*words) {
        const char *comma = strstr(words, ", ");
        const int len = (int)(comma ? (size_t)(comma - words) + 1 : strlen(words));
        if (col + 1 + len > WIDTH) col = fprintf(out, "\n%*s", INDENT, "") - 2;
        col += fprintf(out, " %.*s", len, words);
        words += len + (comma ? 1 : 0);
    }
    fputc('\n', out);
}

static void flows_text(FILE *out, const struct vm_counters *c)
{
    const struct flow_counters *f = c->flows;
    char a[TEXT_NUMBER], b[TEXT_NUMBER], m[TEXT_NUMBER], words[800];
    uint64_t live = 0;
    for (unsigned i = 0; i < FLOW_CLASSES; i++) live += f->live[i];
    note(out, "flows", "%s added, %s live, at most %s at once", text_number(f->added, a), text_number(live, b),
         text_number(f->most, m));
    if (*flow_classes_words(f->live, words, sizeof words)) words_text(out, "live:", words);
    if (*flow_ends_words(f->ended, words, sizeof words)) words_text(out, "ended:", words);
    if (c->stacks_full)
        note(out, "", "%s packet%s made none: there was no room for another VLAN stack", text_number(c->stacks_full, a),
             text_plural(c->stacks_full));
    if (c->remembered)
        note(out, "", "%s packet%s took a remembered verdict", text_number(c->remembered, a),
             text_plural(c->remembered));
}

static void cookies_text(FILE *out, const struct forward_counters *f)
{
    char a[TEXT_NUMBER], b[TEXT_NUMBER], m[TEXT_NUMBER];
    if (!f->cookies_sent && !f->cookies_proven) return;
    note(out, "cookies", "%s SYN%s answered, %s proven, %s of them without a server that took them",
         text_number(f->cookies_sent, a), text_plural(f->cookies_sent), text_number(f->cookies_proven, b),
         text_number(f->cookies_unanswered, m));
}

/* Write a line of causes, in the words of counter.def: "datagrams given up: 3 for an overlap, 1 for two ends". */
static void causes_text(FILE *out, const struct vm_counters *c, const char *line)
{
    char words[400] = "", a[TEXT_NUMBER], what[100];
    struct counter_row row;
    for (unsigned at = 0; counters_next(c, &at, &row);) {
        const size_t used = strlen(words);
        if (!row.value || strcmp(row.line, line)) continue;
        snprintf(words + used, sizeof words - used, "%s%s %s", used ? ", " : "", text_number(row.value, a), row.words);
    }
    snprintf(what, sizeof what, "%s:", line);
    if (*words) words_text(out, what, words);
}

static void waited_text(FILE *out, const struct frag_counters *f)
{
    char a[TEXT_NUMBER], b[TEXT_NUMBER], m[TEXT_NUMBER], l[TEXT_NUMBER], words[100] = "";
    const uint64_t left = f->held - f->released - f->orphans;
    if (left) snprintf(words, sizeof words, ", %s still wait%s", text_number(left, l), left == 1 ? "s" : "");
    note(out, "", "%s waited for the first: it came for %s, never for %s%s", text_number(f->held, a),
         text_number(f->released, b), text_number(f->orphans, m), words);
}

static void fragments_text(FILE *out, const struct vm_counters *c)
{
    const struct frag_counters *f = c->frags;
    char a[TEXT_NUMBER], b[TEXT_NUMBER], m[TEXT_NUMBER];
    if (!f->datagrams) return;
    note(out, "fragments", "%s datagram%s, %s complete; %s fragment%s followed %s first", text_number(f->datagrams, a),
         text_plural(f->datagrams), text_number(f->complete, b), text_number(f->followed, m), text_plural(f->followed),
         f->followed == 1 ? "its" : "their");
    if (f->held) waited_text(out, f);
    if (f->not_held) note(out, "", "%s could not wait: there was no room", text_number(f->not_held, a));
    if (f->duplicates)
        note(out, "", "%s came again and %s dropped", text_number(f->duplicates, a),
             f->duplicates == 1 ? "was" : "were");
    causes_text(out, c, "datagrams given up");
    causes_text(out, c, "datagrams forgotten");
}

static void observed_text(FILE *out, const struct vm_counters *c)
{
    const struct observe_counters *w = c->observed;
    char a[TEXT_NUMBER], b[TEXT_NUMBER], m[TEXT_NUMBER], d[TEXT_NUMBER];
    if (!w->packets && !w->full && !w->stack_full) return;
    note(out, "watched", "%s connection%s, %s now, at most %s; %s byte%s in order", text_number(w->sessions, a),
         text_plural(w->sessions), text_number(w->live, b), text_number(w->most, m), text_number(w->bytes, d),
         text_plural(w->bytes));
    if (w->holes)
        note(out, "", "%s hole%s of %s byte%s", text_number(w->holes, a), text_plural(w->holes),
             text_number(w->hole_bytes, b), text_plural(w->hole_bytes));
    if (w->differs)
        note(out, "", "%s overlap%s with other bytes than before", text_number(w->differs, a), text_plural(w->differs));
    causes_text(out, c, "watching given up");
    causes_text(out, c, "left out of watching");
}

/* Tell of packets that nobody knew the way of, by cause, and of flows that live traffic may send by another one. */
static void ways_text(FILE *out, const struct nat_counters *n, const struct vm_counters *c)
{
    char a[TEXT_NUMBER];
    uint64_t unknown = 0;
    if (n->guessed)
        note(out, "way guessed", "%s flow%s by one of several ways, or as without a mark: live, this machine chooses",
             text_number(n->guessed, a), text_plural(n->guessed));
    for (enum way_why why = WAY_KNOWN + 1; why < WAY_WHYS; why++) unknown += way_why_packets(n, why);
    if (!unknown) return;
    const bool refused = c->reasons[REASON_NO_WAY].packets;
    note(out, "no way", "%s packet%s %s, for routes can't tell by which interface %s%s", text_number(unknown, a),
         text_plural(unknown), refused ? "dropped (no-way)" : "not translated",
         unknown == 1 ? "it leaves" : "they leave",
         n->way_no_routes == unknown ? ": --route or --routes FILE gives routes" : "");
    for (enum way_why why = WAY_KNOWN + 1; n->way_no_routes < unknown && why < WAY_WHYS; why++)
        if (way_why_packets(n, why))
            note(out, "", "%s: %s", text_number(way_why_packets(n, why), a), way_why_words(why)->doc);
}

static void translated_text(FILE *out, const struct vm_counters *c)
{
    const struct nat_counters *n = c->nat;
    char a[TEXT_NUMBER], b[TEXT_NUMBER], m[TEXT_NUMBER], d[TEXT_NUMBER];
    const struct mapping_counters *maps = n->mappings;
    const uint64_t flows = n->out + n->in + n->hairpins;
    if (!flows && !n->no_address && !n->alike && !maps->exhausted && !maps->full) return;
    note(out, "translated", "%s flow%s, %s from inside to inside; %s mapping%s now, at most %s", text_number(flows, a),
         text_plural(flows), text_number(n->hairpins, b), text_number(maps->live, m), text_plural(maps->live),
         text_number(maps->most, d));
    causes_text(out, c, "flows refused");
}

void tracked_text(FILE *out, const struct vm_counters *c)
{
    if (c->flows) flows_text(out, c);
    if (c->forward) cookies_text(out, c->forward);
    if (c->nat) translated_text(out, c);
    if (c->nat) ways_text(out, c->nat, c);
    if (c->frags) fragments_text(out, c);
    if (c->observed) observed_text(out, c);
}
