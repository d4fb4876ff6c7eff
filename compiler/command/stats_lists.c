/* `preyc --stats`: lists of rules, and the cost of their classifiers. */
#include "compiler/classify/cost.h"
#include "compiler/command/command_priv.h"
#include "compiler/normal/normal.h"

static void print_classifier(const struct list_figures *l, struct figures *f)
{
    figures_count(f, "  rules in", l->rules, "");
    figures_count(f, "  boxes out", l->boxes, "");
    figures_count(f, "  cuts", l->cuts, "");
    figures_count(f, "  forks", l->forks, "");
    figures_count(f, "  leaves", l->leaves, "");
    figures_count(f, "  longest leaf", l->longest_leaf, "boxes");
    figures_count(f, "  blocks", l->blocks, "lines of 64 bytes");
    figures_count(f, "  bytes", l->bytes, "");
    figures_real(f, "  expected", l->expected_blocks, 1, "blocks, for packets that its boxes match");
    figures_count(f, "  at most", l->compared, "blocks");
    figures_count(f, "  of the tree", l->words, "words");
    if (l->climbed) figures_count(f, "  for ranks", l->climbed, "lines, in which both addresses are looked up first");
    figures_count(f, "  of memory", l->lines, "cache lines");
    const double words = l->words + 2.0 * l->climbed; /* a line for ranks takes about two words' time */
    figures_real(f, "  expected", classifier_ns(words, l->expected_blocks), 1, "ns (modelled)");
    figures_real(f, "  at most", classifier_ns(words, l->compared), 1, "ns (modelled, for each search)");
    figures_count(f, "  rules with code", l->coded, "");
    figures_count(f, "  asked in turn", l->chain, "rules with code at most, with a search after each");
    figures_count(f, "  peak of the build", l->peak_bytes / 1024, "KiB");
    if (l->last_resort) figures_say(f, "    many rules overlap, so prey compares them one block after another\n");
}

/* Print a list that has separate code; a list in its caller's code is not printed. */
static void print_list(const struct compile *c, const struct list_figures *l, struct figures *f)
{
    const char *name = image_str(c->image, l->name);
    figures_item_begin(f);
    figures_text(f, "name", name);
    figures_bool(f, "arp", l->arp);
    figures_bool(f, "classifier", l->classified);
    figures_say(f, "  %s%s: ", name, l->arp ? " (ARP)" : "");
    if (l->classified) {
        figures_say(f, "classifier\n");
        print_classifier(l, f);
    } else {
        figures_number(f, "rules in", l->rules, 0);
        figures_say(f, "straight code, %u rule%s%s\n", l->rules, l->rules == 1 ? "" : "s",
                    l->in_dispatch ? ", in the dispatch" : "");
    }
    figures_item_end(f);
}

void stats_print_lists(const struct compile *c, struct figures *f)
{
    enum { PRINTED_MAX = 100 };
    uint32_t n = 0;
    if (!c->lists) return;
    figures_section(f, "lists");
    figures_list_begin(f, "lists");
    for (const struct list_figures *l = c->lists; l; l = l->next)
        if (n++ < PRINTED_MAX) print_list(c, l, f);
    figures_list_end(f);
    if (n > PRINTED_MAX) figures_count(f, "more", n - PRINTED_MAX, "not printed");
}
