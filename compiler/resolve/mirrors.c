/* `mirror [sent] to IF | file "F" | socket "N" [limit RATE] [limit SIZE] [snap N]`: the row of a rule that copies, and
 * the check that no device is a target that the same rules judge. */
#include <string.h>

#include "compiler/resolve/resolve.h"
#include "compiler/resolve/values/clauses.h"

#define FILE_SIZE (UINT64_C(256) << 20) /* size of a mirror's files without a limit */

/* A rule's mirror as written; NULL: not written */
struct written {
    const struct node *target, *rate, *size, *snap;
    enum pbc_mirror_to to;
};

static bool clause_take(struct compile *c, const struct node **slot, const struct node *clause)
{
    if (*slot) {
        diag(c->diags, E_OPTION_TWICE, clause->span, "`%s` is written twice in this rule", node_words(clause));
        diag_note(c->diags, (*slot)->span, "the first one is here");
        return false;
    }
    *slot = clause;
    return true;
}

/* Read `limit` by its value: a rate of copies, or the size of files. */
static bool take_limit(struct compile *c, struct written *w, const struct node *clause)
{
    if (!clause->first) return false;
    const struct node_value v = value_of(c, clause->first);
    if (!v.node) return false;
    if (v.node->kind != N_SIZE) return clause_take(c, &w->rate, clause);
    if (w->to == PBC_MIRROR_FILE) return clause_take(c, &w->size, clause);
    diag(c->diags, E_MIRROR, clause->first->span,
         "only files take a size; to limit copies, write a rate such as 1000/s or 10Mbit/s");
    return false;
}

static bool read_words(struct compile *c, const struct node *verdict, struct written *w)
{
    bool good = true;
    node_each(n, verdict)
    {
        if (n->kind == N_CHOICE) continue;
        if (is_clause(n, CL_SNAP))
            good = clause_take(c, &w->snap, n) && good;
        else if (is_clause(n, CL_LIMIT))
            good = take_limit(c, w, n) && good;
        else if (n->kind == N_CLAUSE)
            w->to = is_clause(n, CL_FILE) ? PBC_MIRROR_FILE : PBC_MIRROR_SOCKET, w->target = n->first;
        else
            w->target = n;
    }
    return good && w->target;
}

static bool size_of(struct compile *c, const struct node *clause, uint64_t least, uint64_t most, const char *range,
                    uint64_t *size)
{
    if (!clause) return true;
    if (!clause->first) return false;
    const struct node_value v = value_of(c, clause->first);
    if (!v.node) return false;
    if (v.node->kind == N_NAME) return symbol_want(c, v.node, SYM(CONST), "constant") && false;
    if (v.node->kind != N_SIZE) {
        report_wrong_value(c, clause->first, v, "a size such as 128B");
        return false;
    }
    *size = v.node->v.i;
    if (*size >= least && *size <= most) return true;
    diag(c->diags, E_OUT_OF_RANGE, clause->first->span, "%s", range);
    return false;
}

/* Enter the target in STRINGS; 0 after a report. */
static uint32_t mirror_target(struct compile *c, const struct written *w)
{
    static const char *const wanted[] = {
        [PBC_MIRROR_DEVICE] = "a copy needs one device: 1 to 15 characters, without blanks, `/`, `:` and `*`",
        [PBC_MIRROR_FILE] =
            "the name of a mirror's file ends in .pcapng and has at most 250 bytes, and the path has at most 4,000",
        [PBC_MIRROR_SOCKET] = "a socket for `preyrun --tap` has a name of 1 to 64 letters, digits, `-`, `_` and `.`",
    };
    const struct node *n = w->target;
    const char *text = w->to == PBC_MIRROR_DEVICE ? device_known(c, c->image, n) : n->v.str.s;
    if (!text || (n->kind == N_STRING && !text_without_zero(c, n))) return 0;
    if (mirror_target_is_right(w->to, text)) return text_of(c, (struct str){text, strlen(text)});
    diag(c->diags, E_MIRROR, n->span, "%s", wanted[w->to]);
    return 0;
}

static bool mirror_fill(struct compile *c, const struct written *w, struct pbc_mirror *m)
{
    static const char snap_file[] = "a copy has 1B to 256KiB of a frame",
                      snap_sent[] = "a copy to a device has 14B (the Ethernet header) to 256KiB of a frame";
    const bool device = w->to == PBC_MIRROR_DEVICE;
    uint64_t snap = PBC_SNAP_MAX;
    m->to = (uint8_t)w->to;
    m->size = w->to == PBC_MIRROR_FILE ? FILE_SIZE : 0;
    m->target = mirror_target(c, w);
    m->meter = w->rate ? mirror_meter_of(c, w->rate->first) : 0;
    const bool sized = size_of(c, w->size, PBC_MIRROR_SIZE_MIN, PBC_MIRROR_SIZE_MAX,
                               "the files of a mirror need a limit from 1MiB to 1048576GiB", &m->size);
    if (!size_of(c, w->snap, device ? PBC_SNAP_SENT_MIN : 1, PBC_SNAP_MAX, device ? snap_sent : snap_file, &snap))
        return false;
    m->snap = (uint32_t)snap;
    return sized && m->target && (!w->rate || m->meter);
}

uint32_t mirror_of(struct compile *c, const struct node *verdict, uint32_t rule)
{
    struct written w = {.to = PBC_MIRROR_DEVICE};
    struct pbc_mirror m = {.rule = rule};
    node_each(n, verdict) if (is_clause(n, CL_FILE)) w.to = PBC_MIRROR_FILE;
    if (verdict->first && is_choice(verdict->first, CL_SENT)) m.flags = PBC_MIRROR_SENT;
    if (!read_words(c, verdict, &w) || !mirror_fill(c, &w, &m)) return 0;
    struct pbc_mirror *slot = image_add_mirrors(c->image);
    if (!slot) {
        report_full(c, verdict->span, "mirrors", PBC_MIRRORS_MAX);
        return 0;
    }
    *slot = m;
    return c->image->mirrors_count - 1;
}

/* Return the place that names the interface as one to be judged; SPAN_NONE if none does. */
static struct span judged_at(const struct image *img, uint32_t iface)
{
    for (uint32_t i = 0; i < img->firewalls_count; i++)
        if (img->firewalls[i].iface == iface) return img->firewall_span[i];
    for (uint32_t i = 0; i < img->conds_count; i++) {
        const struct pbc_cond *k = &img->conds[i];
        if (!(cond_info[k->kind].traits & COND_IFACES) || k->flags & PBC_COND_NOT) continue;
        for (uint32_t r = k->first; r < k->first + k->count; r++)
            if (iface >= img->ranges[r].lo && iface <= img->ranges[r].hi) return img->cond_span[i];
    }
    return SPAN_NONE;
}

void check_mirrors(struct compile *c)
{
    const struct image *img = c->image;
    const struct iface_table t = image_ifaces(img);
    for (uint32_t i = 0; i < img->mirrors_count; i++) {
        const struct pbc_mirror *m = &img->mirrors[i];
        const char *device = image_str(img, m->target);
        const uint32_t iface = m->to == PBC_MIRROR_DEVICE ? iface_match(&t, device) : PBC_NONE;
        const struct span at = iface == PBC_NONE ? SPAN_NONE : judged_at(img, iface);
        if (at.file == UINT32_MAX) continue;
        diag(c->diags, E_MIRROR, img->rule_span[m->rule],
             "copies can't go to `%s`: the rules judge this device's packets, and would judge the copies again",
             device);
        diag_advise(c->diags, "name a device that the rules don't judge");
        diag_note(c->diags, at, "the device is named here");
    }
}
