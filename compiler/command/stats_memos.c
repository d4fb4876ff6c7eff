/* `preyc --stats`: verdicts that flows remember, and reasons why others are not remembered. */
#include <string.h>

#include "compiler/command/command_priv.h"
#include "compiler/normal/normal.h"

static void print_place(const struct image *img, const struct pbc_place *p, FILE *out)
{
    fprintf(out, " (%s:%u:%u)", image_str(img, p->file), p->line, p->col);
}

/* Print the name in a reason: a condition, or a rule with its place. */
static void print_reason(const struct compile *c, const struct ir_memo *memo, FILE *out)
{
    static const char *const texts[] = {
#define MEMO(ident, text) [MEMO_##ident] = text,
        MEMO_REASONS(MEMO)
#undef MEMO
    };
    const struct image *img = c->image;
    const char *text = texts[memo->reason], *hole = strstr(text, "%s");
    if (!hole) {
        fputs(text, out);
        return;
    }
    fwrite(text, 1, (size_t)(hole - text), out);
    if (memo->reason == MEMO_ASKS) {
        fputs(cond_info[img->conds[memo->what].kind].name, out);
    } else {
        print_rule_name(c, memo->what, out);
        print_place(img, &img->rules[memo->what].place, out);
    }
    fputs(hole + 2, out);
}

static void print_decider(const struct compile *c, uint32_t i, FILE *out)
{
    const struct image *img = c->image;
    if (i < img->rules_count) {
        print_rule_name(c, i, out);
        print_place(img, &img->rules[i].place, out);
        return;
    }
    const struct pbc_firewall *firewall = &img->firewalls[i - img->rules_count];
    fprintf(out, "default of %s", image_str(img, firewall->name));
    print_place(img, &firewall->place, out);
}

static void print_memo(const struct compile *c, uint32_t i, struct figures *f)
{
    const struct ir_memo *memo = &c->ir->memos[i];
    const bool kept = memo->reason == MEMO_YES;
    figures_item_begin(f);
    figures_bool(f, "remembered", kept);
    figures_say(f, kept ? "  remembered " : "  not remembered ");
    print_decider(c, i, figures_words(f, "rule"));
    figures_words_end(f);
    if (!kept) {
        figures_say(f, ": ");
        print_reason(c, memo, figures_words(f, "why"));
        figures_words_end(f);
    }
    figures_say(f, "\n");
    figures_item_end(f);
}

/* Print, for each rule and default that can decide packets of established flows, if its verdict is remembered, or why
 * not. */
void stats_print_memos(const struct compile *c, struct figures *f)
{
    enum { PRINTED_MAX = 100 };
    const uint32_t count = c->image->rules_count + c->image->firewalls_count;
    uint32_t reasons = 0, left = 0;
    if (!c->ir->memos) return;
    figures_section(f, "verdicts remembered for flows");
    for (uint32_t i = 0; i < count; i++) reasons += c->ir->memos[i].reason != MEMO_NONE;
    figures_count(f, "decide flows", reasons, reasons == 1 ? "rule or default" : "rules and defaults");
    figures_count(f, "  remembered", c->image->memos_count, "");
    figures_count(f, "  given up", c->ir->memos_undecided, "verdicts that take too long to compute");
    figures_list_begin(f, "rules");
    for (uint32_t i = 0, n = 0; i < count; i++)
        if (c->ir->memos[i].reason != MEMO_NONE && n++ < PRINTED_MAX)
            print_memo(c, i, f);
        else if (c->ir->memos[i].reason != MEMO_NONE)
            left++;
    figures_list_end(f);
    if (left) figures_count(f, "  more", left, "not printed");
}
