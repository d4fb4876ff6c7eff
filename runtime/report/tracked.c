/* Lines of the summary about state kept between packets: connections, and fragments of datagrams. */
#include <stdlib.h>
#include <string.h>

#include "runtime/counters/counters.h"
#include "runtime/report/document/fill.h"
#include "runtime/report/document/item.h"
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

/* Write such a list from the document: the members that are not 0. */
static void list_text(FILE *out, const char *what, const cJSON *list)
{
    char *words = NULL;
    size_t len;
    FILE *to = open_memstream(&words, &len);
    if (!to) return;
    fill(to, list, "{*.?.||, |{#.} {$}}");
    if (!fclose(to) && len) words_text(out, what, words);
    free(words);
}

/* Write a line of causes, in the words of counter.def: "datagrams discarded: 3 for an overlap, 1 for two ends". */
static void causes_text(FILE *out, const struct vm_counters *c, const char *line)
{
    char words[1000] = "", a[TEXT_NUMBER], what[100];
    struct counter_row row;
    for (unsigned at = 0; counters_next(c, &at, &row);) {
        const size_t used = strlen(words);
        if (!row.value || strcmp(row.line, line)) continue;
        snprintf(words + used, sizeof words - used, "%s%s %s", used ? ", " : "", text_number(row.value, a), row.words);
    }
    snprintf(what, sizeof what, "%s:", line);
    if (*words) words_text(out, what, words);
}

static void fragments_text(FILE *out, const cJSON *fragments, const struct vm_counters *c)
{
    const struct frag_counters *f = c->frags;
    const uint64_t left = f->held - f->released - f->orphans;
    char n[TEXT_NUMBER];
    if (!f->datagrams) return;
    fill(out, fragments,
         "fragments   {#datagrams|datagram}, {#complete} complete; {#followed|fragment} followed "
         "{=followed|its|their} first\n"
         "{?held             {#held} waited for the first: it came for {#released}, never for {#orphans}}");
    if (f->held && left) fprintf(out, ", %s still wait%s", text_number(left, n), left == 1 ? "s" : "");
    fill(out, fragments,
         "{?held \n}{?not_held             {#not_held} couldn't wait, because there was no room\n}"
         "{?duplicates             {#duplicates} came again and {=duplicates|was|were} dropped\n}");
    causes_text(out, c, "datagrams discarded");
    causes_text(out, c, "datagrams forgotten");
}

/* Report packets of unknown way, by cause, and packets of flows that live traffic may send by another way. */
static void ways_text(FILE *out, const struct nat_counters *n, const struct vm_counters *c)
{
    char a[TEXT_NUMBER];
    uint64_t unknown = 0;
    if (n->guessed)
        note(out, "way guessed",
             "%s flow%s took one of several routes, or the route without a mark: in live traffic, this machine chooses",
             text_number(n->guessed, a), text_plural(n->guessed));
    for (enum way_why why = WAY_KNOWN + 1; why < WAY_WHYS; why++) unknown += way_why_packets(n, why);
    if (!unknown) return;
    const bool refused = c->reasons[REASON_NO_WAY].packets;
    note(out, "no way", "%s packet%s %s, because the routes don't show by which interface %s%s",
         text_number(unknown, a), text_plural(unknown), refused ? "dropped (no-way)" : "not translated",
         unknown == 1 ? "it leaves" : "they leave",
         n->way_no_routes == unknown ? ": add routes with --route or --routes FILE" : "");
    for (enum way_why why = WAY_KNOWN + 1; n->way_no_routes < unknown && why < WAY_WHYS; why++)
        if (way_why_packets(n, why))
            note(out, "", "%s: %s", text_number(way_why_packets(n, why), a), way_why_words(why)->doc);
}

void tracked_text(FILE *out, const cJSON *root, const struct vm_counters *c)
{
    if (c->flows) {
        const cJSON *flows = item(root, "flows");
        fill(out, flows, "flows       {#added} added, {#live.*} live, peak {#most}\n");
        list_text(out, "live:", item(flows, "live"));
        list_text(out, "ended:", item(flows, "ended"));
        fill(out, flows,
             "{?stacks_full             {#stacks_full|packet} opened no flow, because there was no room for another "
             "VLAN stack\n}"
             "{?remembered             {#remembered|packet} took a remembered verdict\n}");
    }
    fill(out, root,
         "{/cookies {?sent,proven cookies     {#sent|SYN} answered, {#proven} proven, {#unanswered} of them without a "
         "server\n}}");
    if (c->nat) {
        const struct nat_counters *n = c->nat;
        const struct mapping_counters *maps = n->mappings;
        if (n->out || n->in || n->hairpins || n->no_address || n->alike || maps->exhausted || maps->full) {
            fill(out, item(root, "translated"),
                 "translated  {#out+in+hairpins|flow}, {#hairpins} from inside to inside; {#mappings|mapping} now, "
                 "peak {#most}\n");
            causes_text(out, c, "flows refused");
        }
    }
    if (c->nat) ways_text(out, c->nat, c);
    if (c->frags) fragments_text(out, item(root, "fragments"), c);
    const struct observe_counters *w = c->observed;
    if (w && (w->packets || w->full || w->stack_full)) {
        fill(out, item(root, "observed"),
             "observed    {#sessions|connection}, {#live} now, peak {#most}; {#bytes|byte} in order\n"
             "{?holes             {#holes|hole} of {#hole_bytes|byte}\n}"
             "{?differs             {#differs|overlap} with other bytes than before\n}");
        causes_text(out, c, "observing stopped");
        causes_text(out, c, "left out of observing");
    }
}
