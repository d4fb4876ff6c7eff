/* Decide one frame by code and by rule list. Both see unused meters and no flows, so conditions on these have the same
 * answer. */
#include "compiler/analysis/trial/trial_priv.h"
#include "vm/forward/service.h"

static struct span doubt_span(const struct doubt *d, const struct decision *a, const struct decision *b)
{
    const uint32_t rule = a->rule < b->rule ? a->rule : b->rule;
    const struct image *img = d->c->image;
    if (rule < d->draw.program->rules_count) return img->rule_span[rule];
    return img->firewalls_count ? img->firewall_span[0] : SPAN_NONE;
}

static const char *decider(const struct doubt *d, const struct decision *a, char *buf, size_t len)
{
    if (a->rule == RULE_NONE) return "nobody";
    return a->rule == RULE_DEFAULT ? "the default" : rule_name(d->draw.program, a->rule, buf, len);
}

bool agree_whole(struct doubt *d)
{
    const struct decision code = program_decide(d->draw.program, &d->draw.key, &d->draw.pkt);
    const struct decision list = program_decide_naive(d->draw.program, &d->draw.key, &d->draw.pkt);
    char names[2][256], frame[256];
    if (code.rule == list.rule && code.firewall == list.firewall && code.action == list.action &&
        program_serve(d->draw.program, &d->draw.key, &d->draw.pkt) ==
            program_serve_naive(d->draw.program, &d->draw.key, &d->draw.pkt))
        return true;
    pkt_describe(&d->draw.pkt, &d->draw.key, frame, sizeof(frame));
    diag(d->c->diags, E_PROGRAM_REFUSED, doubt_span(d, &code, &list),
         "internal error: in the program %s decides `%s`, in the rules %s; please report it with the rules",
         decider(d, &code, names[0], sizeof(names[0])), frame, decider(d, &list, names[1], sizeof(names[1])));
    return false;
}
