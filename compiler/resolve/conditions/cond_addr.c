/* Conditions on addresses, ports and origin: from, to, port, source port, on, vlan, ether from and to */
#include <string.h>

#include "compiler/resolve/conditions/conditions.h"
#include "vm/packet/key.h"

/* Return the families that have an address in the list. */
static uint32_t families_of(const struct addr_list *l)
{
    uint32_t families = (l->set.v4.n ? KIND_IP4 : 0) | (l->set.v6.n ? KIND_IP6 : 0);
    for (uint32_t i = 0; i < l->big_count; i++)
        families |= (l->big[i]->set.v4.n ? KIND_IP4 : 0) | (l->big[i]->set.v6.n ? KIND_IP6 : 0);
    return families;
}

static bool holds_all(const struct addr_list *l)
{
    bool all = l->any || set_is_all(&l->set);
    for (uint32_t i = 0; i < l->big_count; i++) all = all || set_is_all(&l->big[i]->set);
    return all;
}

void narrow_by_addresses(struct rule_work *w, const struct node *n, const struct addr_list *l)
{
    const uint32_t families = families_of(l);
    w->families &= KIND_IP4 | KIND_IP6;
    if (says_not(n)) {
        if (holds_all(l)) warn_never(w, n, "`not` excludes every address");
        return;
    }
    if (!l->any && !l->self && families) /* an empty set has a separate warning */
        w->families &= families;
    if (!w->families && !w->families_end) w->families_end = n;
}

void cond_addresses(struct rule_work *w, const struct node *n)
{
    const bool from = n->kind == N_C_FROM;
    struct addr_list list = {0};
    struct pbc_cond *cond;
    uint32_t first, count;
    if (!n->first || !addr_list_of(w->c, n->first, &list)) {
        w->bad = true;
    } else if (addr_list_place_live(w->c, &list, n->span, &first, &count)) {
        narrow_by_addresses(w, n, &list);
        cond = cond_add(w, from ? COND_FROM : COND_TO, n);
        if (cond) {
            cond->flags |= (list.any ? PBC_COND_ANY : 0) | (addr_list_is_live(&list) ? PBC_COND_LIVE : 0);
            cond->arg = list.self ? (from ? KIND_SRC_SELF : KIND_DST_SELF) : 0;
            cond->first = first;
            cond->count = count;
            cond->name = list.name ? text_of(w->c, list.name->name) : 0;
        }
        if (list.self) w->c->image->meta[0].flags |= PBC_NEEDS_SELF;
    }
    set_fini(&list.set);
}

void cond_ports(struct rule_work *w, const struct node *n)
{
    const struct symbol *name = NULL;
    struct number_set ports = {0};
    struct pbc_cond *cond;
    if (!n->first || !numbers_of(w->c, n->first->first, &listed_port_kind, NULL, &ports, &name)) {
        w->bad = true;
        return;
    }
    if (says_not(n) && ports.n == 1 && ports.r[0].lo == 0 && ports.r[0].hi == 65535)
        warn_never(w, n, "`not` excludes every port");
    cond = cond_add(w, n->kind == N_C_PORT ? COND_PORT : COND_SOURCE_PORT, n);
    if (!cond) return;
    cond->arg = KIND_WITH_PORTS;
    cond->name = name ? text_of(w->c, name->name) : 0;
    cond_ranges(w, cond, &ports);
}

/* Warn, once for each file, that earlier compilers read `not` differently here. */
static void warn_others(struct compile *c, const struct node *n)
{
    if (c->told_others || !says_not(n) || diags_allowed(c->diags, W_OTHER_INTERFACES, n->span)) return;
    c->told_others = true;
    diag(c->diags, W_OTHER_INTERFACES, n->span, "`%s not` also matches interfaces that the file doesn't name",
         n->kind == N_C_ON ? "on" : "out on");
    diag_advise(c->diags,
                "name the interfaces to match, without `not`; or, to match all other interfaces, write `allow "
                "W0513` at the top of the file");
}

/* Add a condition on the listed interfaces; NULL if there is no room for it. */
static struct pbc_cond *listed_interfaces(struct rule_work *w, uint8_t kind, const struct node *n)
{
    const struct symbol *name = NULL;
    struct number_set ids = {0};
    struct pbc_cond *cond;
    node_each(child, n)
    {
        const uint32_t id = interface_of(w->c, child, &name);
        if (id == PBC_NONE)
            w->bad = true;
        else
            numbers_add(w->c, &ids, id, id);
    }
    numbers_normalise(&ids);
    cond = cond_add(w, kind, n);
    if (!cond) return NULL;
    cond->name = name && node_count(n) == 1 ? text_of(w->c, name->name) : 0;
    return cond_ranges(w, cond, &ids) ? cond : NULL;
}

void cond_on(struct rule_work *w, const struct node *n)
{
    listed_interfaces(w, COND_ON, n);
    warn_others(w->c, n);
}

/* Add `out on`. check_ways_out rejects it if the packets don't leave. */
void cond_out_on(struct rule_work *w, const struct node *n)
{
    struct out_on *asked = arena_alloc(w->c->arena, sizeof(*asked));
    if (!listed_interfaces(w, COND_OUT_ON, n)) return;
    *asked = (struct out_on){w->c->outs, w->c->image->conds_count - 1};
    w->c->outs = asked;
    warn_others(w->c, n);
}

void cond_urpf(struct rule_work *w, const struct node *n)
{
    const struct number_set failed = {.r = &(struct pbc_range){1, 1}, .n = 1};
    struct pbc_cond *cond;
    w->families &= KIND_IP4 | KIND_IP6;
    cond = cond_add(w, COND_URPF, n);
    if (cond) cond_ranges(w, cond, &failed);
}

void cond_vlan(struct rule_work *w, const struct node *n)
{
    struct number_set tags = {0};
    struct pbc_cond *cond;
    const struct node *word = NULL;
    node_each(child, n) if (child->kind == N_ANY || child->kind == N_NONE) word = child;
    if (word && node_count(n) > 1) {
        diag(w->c->diags, E_STANDS_ALONE, word->span, "`%s` can't be combined with other values of `vlan`",
             node_kind_name(word->kind));
        w->bad = true;
        return;
    }
    if (!word && !numbers_of(w->c, n->first, &vlan_kind, NULL, &tags, NULL)) {
        w->bad = true;
        return;
    }
    cond = cond_add(w, COND_VLAN, n);
    if (!cond) return;
    cond->arg = !word ? 0 : word->kind == N_ANY ? VLAN_ANY : VLAN_NONE;
    cond_ranges(w, cond, &tags);
}

void cond_inner(struct rule_work *w, const struct node *n)
{
    const struct node *outer = w->seen[N_C_VLAN]; /* not NULL: the parser takes `inner` only after `vlan` */
    struct number_set tags = {0};
    struct pbc_cond *cond;
    if (!numbers_of(w->c, n->first, &vlan_kind, NULL, &tags, NULL)) {
        w->bad = true;
        return;
    }
    if (outer && outer->first && (outer->first->kind == N_NONE) != says_not(outer) &&
        (outer->first->kind == N_NONE || outer->first->kind == N_ANY))
        warn_never(w, n, "a frame without a VLAN tag has no inner tag");
    cond = cond_add(w, COND_VLAN_INNER, n);
    if (cond) cond_ranges(w, cond, &tags);
}

void cond_macs(struct rule_work *w, const struct node *n)
{
    const struct symbol *name = NULL;
    struct mac_set macs = {0};
    uint32_t words = 0;
    struct pbc_cond *cond;
    if (!macs_of(w->c, n->first, NULL, &macs, &words, &name)) {
        w->bad = true;
        return;
    }
    struct pbc_set set = {.first4 = image_share(w->c->image, PBC_MACS, macs.macs, macs.n), .count4 = macs.n};
    if (name) {
        set.name = text_of(w->c, name->name);
        set.place = place_of(w->c, name->span);
    }
    const uint32_t first =
        set.first4 == PBC_NONE ? PBC_NONE : image_share(w->c->image, PBC_MACSETS, &set, macs.n ? 1 : 0);
    if (first == PBC_NONE) {
        report_full(w->c, n->span, set.first4 == PBC_NONE ? "MAC addresses" : "sets of MAC addresses",
                    set.first4 == PBC_NONE ? 1u << 24 : 1u << 16);
        return;
    }
    cond = cond_add(w, n->kind == N_C_ETHER_FROM ? COND_ETHER_FROM : COND_ETHER_TO, n);
    if (!cond) return;
    cond->arg = words;
    cond->first = first;
    cond->count = macs.n ? 1 : 0;
    cond->name = set.name;
}

/* True if Linux allows the name: at most 15 bytes, without `/`, `:` and blanks. */
static bool device_is_named_right(struct str s)
{
    if (s.len == 0 || s.len > 15 || str_is(s, ".") || str_is(s, "..")) return false;
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.s[i] <= ' ' || s.s[i] == '/' || s.s[i] == ':' || s.s[i] == 0x7f) return false;
    return true;
}

/* Check a pattern: one `*`, at the end of the name. */
static bool pattern_is_right(struct compile *c, const struct node *device)
{
    const struct str s = device->v.str;
    const char *star = memchr(s.s, '*', s.len);
    if (s.s[s.len - 1] == '+') {
        diag(c->diags, E_DEVICE_NAME, device->span, "write `%.*s*`, not `%.*s`", (int)s.len - 1, s.s, (int)s.len, s.s);
        diag_suggest(c->diags, device->span, "\"%.*s*\"", (int)s.len - 1, s.s);
        return false;
    }
    if (!star || star == s.s + s.len - 1) return true;
    diag(c->diags, E_DEVICE_NAME, device->span, "`*` is only possible at the end of a device's name");
    return false;
}

static uint32_t device_id(struct compile *c, const struct node *device, struct str name)
{
    struct image *img = c->image;
    if (!device_is_named_right(device->v.str)) {
        diag(c->diags, E_DEVICE_NAME, device->span, "a device's name has 1 to 15 characters and no blanks, `/` or `:`");
        return PBC_NONE;
    }
    if (!pattern_is_right(c, device)) return PBC_NONE;
    const uint32_t text = text_of(c, device->v.str);
    for (uint32_t i = 0; i < img->ifaces_count; i++)
        if (img->ifaces[i].device == text) return i;
    struct pbc_iface *iface = image_add_ifaces(img);
    if (!iface) {
        report_full(c, device->span, "interfaces", 1u << 12);
        return PBC_NONE;
    }
    iface->device = text;
    iface->name = name.len ? text_of(c, name) : 0;
    return img->ifaces_count - 1;
}

/* Return the id of a device in quotes, or of a constant of one. */
static uint32_t device_index(struct compile *c, const struct node *n, struct str name)
{
    const struct node_value v = value_of(c, n);
    if (v.node->kind == N_STRING) return device_id(c, v.node, name);
    if (v.node->kind == N_NAME) {
        const struct symbol *of = symbol_want(c, v.node, SYM(INTERFACE) | SYM(CONST), "interface");
        if (of && of->kind == SYM_INTERFACE) {
            /* as in `interface lan = lan` */
            diag(c->diags, E_WRONG_VALUE, v.node->span,
                 "`%s` is a name that these rules declare; put a device's name in quotes", v.node->v.str.s);
            diag_suggest(c->diags, v.node->span, "\"%s\"", v.node->v.str.s);
        }
    } else {
        report_wrong_value(c, n, v, "a device in quotes, such as \"eth0\"");
    }
    return PBC_NONE;
}

void declare_interfaces(struct compile *c)
{
    for (struct symbol *s = c->symbols->first; s; s = s->next)
        if (s->kind == SYM_INTERFACE)
            s->index = s->decl->first->next ? device_index(c, s->decl->first->next, s->name) : PBC_NONE;
}

uint32_t interface_of(struct compile *c, const struct node *n, const struct symbol **name)
{
    struct symbol *sym = n->kind == N_NAME ? symbol_find(c->symbols, SPACE_VALUES, n->v.str) : NULL;
    if (!sym || sym->kind != SYM_INTERFACE) return device_index(c, n, (struct str){0});
    sym->used = true;
    *name = sym;
    return sym->index;
}

uint32_t interface_alone(struct compile *c, const struct node *n, const struct symbol **name)
{
    const uint32_t id = interface_of(c, n, name);
    const char *device = id == PBC_NONE ? "" : image_str(c->image, c->image->ifaces[id].device);
    if (!strchr(device, '*')) return id;
    diag(c->diags, E_DEVICE_NAME, n->span, "write one device here: `%s` is a pattern", device);
    return PBC_NONE;
}

const char *device_known(struct compile *c, const struct image *program, const struct node *n)
{
    const struct node_value v = value_of(c, n);
    if (v.node->kind == N_STRING) return v.node->v.str.s;
    if (v.node->kind != N_NAME) {
        report_wrong_value(c, n, v, "an interface");
        return NULL;
    }
    const struct symbol *s = symbol_want(c, v.node, SYM(INTERFACE), "interface");
    return s && s->index != PBC_NONE ? image_str(program, program->ifaces[s->index].device) : NULL;
}
