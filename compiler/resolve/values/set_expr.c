/* Evaluate expressions of sets of addresses: values, names, files and the algebra between them; and the address lists
 * of rules. A named set is evaluated once, on first use. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/resolve/sets/addrfile.h"
#include "compiler/resolve/values/values.h"
#include "lang/heap.h"

/* Return the ends of an address, a prefix or a range; report any other value. */
static bool value_ends(struct compile *c, const struct node *n, struct addr *lo, struct addr *hi)
{
    const struct node_value v = value_of(c, n);
    if (!v.node) return false;
    if (v.node->kind == N_NAME) {
        symbol_want(c, v.node, SYM(SET) | SYM(CONST), "set");
        return false;
    }
    if (v.node->kind != N_ADDR && v.node->kind != N_PREFIX && v.node->kind != N_ADDR_RANGE) {
        if (v.node->kind == N_STRING)
            diag(c->diags, E_HOST_NAME, n->span,
                 "a name in quotes isn't an address: write the host's addresses, or `file \"PATH\"` for a file with "
                 "addresses");
        else if (v.node->kind == N_ENDPOINT || v.node->kind == N_ENDPOINT_RANGE)
            report_wrong_value(c, n, v, "an address without a port (write the port after it: `to ADDRESS port N`)");
        else
            report_wrong_value(c, n, v, "an address, a prefix, a range of addresses or the name of a set");
        return false;
    }
    return address_ends(c, v.node, lo, hi);
}

struct symbol *named_set(struct compile *c, const struct node *n)
{
    struct symbol *sym = n->kind == N_NAME ? symbol_find(c->symbols, SPACE_VALUES, n->v.str) : NULL;
    return sym && sym->kind == SYM_SET ? sym : NULL;
}

char *path_beside(struct compile *c, struct span at, struct str name)
{
    const char *main = at.file < c->sources.count ? c->sources.files[at.file].path : "";
    const char *slash = strrchr(main, '/');
    const size_t dir = name.s[0] == '/' || !slash ? 0 : (size_t)(slash - main) + 1;
    char *path = arena_alloc(c->arena, dir + name.len + 1);
    memcpy(path, main, dir);
    memcpy(path + dir, name.s, name.len);
    return path;
}

void remember_file(struct symbols *s, const char *path, uint64_t dev, uint64_t ino)
{
    s->files = heap_grown(s->files, (size_t)s->file_count + 1, sizeof(*s->files), &s->file_cap);
    s->files[s->file_count++] = (struct read_file){path, dev, ino};
}

static bool eval_file(struct compile *c, const struct node *n, struct addr_set *out)
{
    const struct node *name = n->first;
    struct addrfile info;
    if (!name) return false;
    if (name->v.str.len == 0 || memchr(name->v.str.s, '\0', name->v.str.len)) {
        diag(c->diags, E_ADDRESS_FILE, name->span, "the file's name is empty or has a zero byte");
        return false;
    }
    const char *path = path_beside(c, n->span, name->v.str);
    const bool good = addrfile_read(c, path, n->span, out, &info);
    if (info.ino) remember_file(c->symbols, path, info.dev, info.ino);
    if (!good) return false;
    if (info.inside)
        diag(c->diags, W_NESTED_MEMBERS, n->span,
             "%" PRIu64 " of the file's %" PRIu64 " members are inside other members", info.inside, info.members);
    return true;
}

static bool eval_name(struct compile *c, const struct node *n, struct symbol *sym, struct symbol *from,
                      struct addr_set *out)
{
    sym->used = true;
    if (!set_resolve(c, sym, from, n->span) || !expand(c, n->span, set_size(&sym->set))) return false;
    set_add_set(out, &sym->set);
    return true;
}

static bool is_operator(const struct node *n)
{
    return n->kind == N_SET_UNION || n->kind == N_SET_EXCEPT || n->kind == N_SET_AND || n->kind == N_SET_GROUP;
}

/* Scalar members of a list being read */
struct members {
    struct set_member *m;
    size_t n;
};

static struct members members_new(struct compile *c, const struct node *list)
{
    return (struct members){.m = arena_alloc(c->arena, (node_count(list) + 1) * sizeof(struct set_member))};
}

static bool add_value(struct compile *c, const struct node *n, struct members *members, struct addr_set *out)
{
    struct addr lo, hi;
    if (!value_ends(c, n, &lo, &hi)) return false;
    set_add(out, &lo, &hi);
    members->m[members->n++] = (struct set_member){lo, hi, n};
    return true;
}

static bool is_value(struct compile *c, const struct node *n)
{
    return !is_operator(n) && n->kind != N_FILE_REF && n->kind != N_ANY && !named_set(c, n);
}

static bool eval_union(struct compile *c, const struct node *n, struct symbol *from, struct addr_set *out)
{
    struct members members = members_new(c, n);
    bool good = true;
    node_each(operand, n)
    {
        good = (is_value(c, operand) ? add_value(c, operand, &members, out) : set_eval(c, operand, from, out)) && good;
    }
    warn_members(c, members.m, members.n, n);
    set_normalise(out);
    return good;
}

/* Warn about an operator without effect or result. at: its right side. */
static void warn_operator(struct compile *c, const struct node *n, struct span at, const struct addr_set *a,
                          const struct addr_set *b, const struct addr_set *left)
{
    if (set_is_empty(a) || set_is_empty(b)) return; /* empty sets are reported where they are made */
    if (set_is_empty(left)) {
        c->symbols->emptied++;
        diag(c->diags, W_EMPTY_SET, n->span,
             n->kind == N_SET_AND ? "this set is empty: no address is on both sides of `and`"
                                  : "this set is empty: `except` removes every address before it");
        diag_advise(c->diags, n->kind == N_SET_AND
                                  ? "to join two sets, write a comma; `and` keeps only the common addresses"
                                  : "perhaps the two sides of `except` are swapped");
    } else if (n->kind == N_SET_EXCEPT && !set_overlaps(a, b)) {
        diag(c->diags, W_EXCEPT_NOTHING, at,
             "`except` removes nothing: no address after `except` is in the set before `except`");
    }
}

/* Apply `except` or `and` with `b` to `acc`. */
static bool apply(struct compile *c, const struct node *n, struct span at, const struct addr_set *b,
                  struct addr_set *acc)
{
    struct addr_set left = {0};
    if (!expand(c, n->span, set_size(acc) + set_size(b))) return false;
    (n->kind == N_SET_AND ? set_and : set_except)(&left, acc, b);
    warn_operator(c, n, at, acc, b, &left);
    set_fini(acc);
    *acc = left;
    return true;
}

/* Evaluate a chain of one operator, which groups to the left. After an error the other operands are evaluated only to
 * report their own errors. */
static bool eval_chain(struct compile *c, const struct node *n, struct symbol *from, struct addr_set *out)
{
    struct addr_set acc = {0};
    bool good = n->first && set_eval(c, n->first, from, &acc);
    for (const struct node *operand = n->first ? n->first->next : NULL; operand; operand = operand->next) {
        struct addr_set b = {0};
        good = set_eval(c, operand, from, &b) && good;
        good = good && apply(c, n, operand->span, &b, &acc);
        set_fini(&b);
    }
    set_add_set(out, &acc);
    set_fini(&acc);
    return good;
}

bool set_eval(struct compile *c, const struct node *n, struct symbol *from, struct addr_set *out)
{
    struct symbol *sym = named_set(c, n);
    struct addr lo, hi;
    bool good;
    if (n->kind == N_SET_UNION || n->kind == N_LIST) return eval_union(c, n, from, out);
    if (n->kind == N_SET_GROUP) return n->first && set_eval(c, n->first, from, out);
    if (n->kind == N_SET_EXCEPT || n->kind == N_SET_AND) {
        good = eval_chain(c, n, from, out);
    } else if (n->kind == N_FILE_REF) {
        good = eval_file(c, n, out);
    } else if (n->kind == N_ANY) {
        set_add_all(out);
        good = true;
    } else if (sym) {
        good = eval_name(c, n, sym, from, out);
    } else {
        good = value_ends(c, n, &lo, &hi);
        if (good) set_add(out, &lo, &hi);
    }
    set_normalise(out);
    return good;
}

static bool hold_ranges(struct compile *c, struct symbol *s)
{
    c->symbols->set_ranges += set_size(&s->set);
    if (c->symbols->set_ranges <= 1u << 26) return true;
    report_full(c, s->span, "ranges of addresses in sets", 1u << 26);
    return false;
}

bool set_resolve(struct compile *c, struct symbol *s, struct symbol *from, struct span at)
{
    if (s->state == STATE_NEW || s->state == STATE_VISITING) {
        if (!symbol_enter(c, s, from, at)) return false;
        const struct node *expr = s->decl->first->next;
        const uint32_t told = c->symbols->emptied;
        const bool live = expr && expr->kind == N_LIVE;
        const bool good =
            expr && (live ? live_declare(c, s, expr, &s->set) : set_eval(c, expr, s, &s->set)) && hold_ranges(c, s);
        symbol_leave(c, s, good);
        if (good && set_is_empty(&s->set) && told == c->symbols->emptied)
            diag(c->diags, W_EMPTY_SET, s->span, "the set `%s` is empty", s->name.s);
    }
    return s->state == STATE_DONE;
}

/* Most ranges of a named set that are copied into a list of several members; a larger set is referred to */
enum { COPY_MAX = 4096 };

static bool add_named(struct compile *c, const struct node *n, struct symbol *sym, bool alone, struct addr_list *out)
{
    out->name = sym;
    sym->used = true;
    if (!set_resolve(c, sym, NULL, n->span)) return false;
    if (!alone && !sym->set.split && set_size(&sym->set) <= COPY_MAX) return eval_name(c, n, sym, NULL, &out->set);
    out->big[out->big_count++] = sym;
    return true;
}

bool addr_list_of(struct compile *c, const struct node *list, struct addr_list *out)
{
    struct members members = members_new(c, list);
    const unsigned n = node_count(list);
    bool good = true;
    *out = (struct addr_list){.big = arena_alloc(c->arena, (n + 1) * sizeof(*out->big))};
    node_each(child, list)
    {
        struct symbol *sym = named_set(c, child);
        if (sym)
            good = add_named(c, child, sym, n == 1, out) && good;
        else if (child->kind == N_ANY)
            out->any = true;
        else if (child->kind == N_SELF)
            out->self = true;
        else if (is_value(c, child))
            good = add_value(c, child, &members, &out->set) && good;
        else
            good = set_eval(c, child, NULL, &out->set) && good;
    }
    warn_members(c, members.m, members.n, list);
    set_normalise(&out->set);
    if (n != 1) out->name = NULL;
    return good;
}

static bool place_ranges(struct compile *c, const struct addr_set *s, struct pbc_set *entry)
{
    const size_t n4 = s->v4.n, n6 = s->v6.n;
    struct pbc_range *r4 = heap_resized(NULL, n4, sizeof(*r4));
    struct pbc_range6 *r6 = heap_resized(NULL, n6, sizeof(*r6));
    for (size_t i = 0; i < n4; i++) r4[i] = (struct pbc_range){s->v4.r[i].lo, s->v4.r[i].hi};
    for (size_t i = 0; i < n6; i++)
        r6[i] = (struct pbc_range6){(uint64_t)(s->v6.r[i].lo >> 64), (uint64_t)s->v6.r[i].lo,
                                    (uint64_t)(s->v6.r[i].hi >> 64), (uint64_t)s->v6.r[i].hi};
    entry->count4 = (uint32_t)n4;
    entry->count6 = (uint32_t)n6;
    entry->first4 = image_share(c->image, PBC_SET4, r4, (uint32_t)n4);
    entry->first6 = image_share(c->image, PBC_SET6, r6, (uint32_t)n6);
    free(r4);
    free(r6);
    return entry->first4 != PBC_NONE && entry->first6 != PBC_NONE;
}

/* Enter a set by itself, and return its index; PBC_NONE: the image is full. */
static uint32_t place_alone(struct compile *c, const struct addr_set *s)
{
    struct pbc_set entry = {0};
    return set_place(c, s, &entry) ? image_share(c->image, PBC_SETS, &entry, 1) : PBC_NONE;
}

bool set_place(struct compile *c, const struct addr_set *s, struct pbc_set *entry)
{
    struct pbc_live_node node = {0};
    if (!place_ranges(c, s, entry)) return false;
    if (!s->split) return true;
    node.live = s->split->live;
    node.in = place_alone(c, &s->split->in);
    node.out = place_alone(c, &s->split->out);
    if (node.in == PBC_NONE || node.out == PBC_NONE) return false;
    const uint32_t at = image_share(c->image, PBC_LIVE_NODES, &node, 1);
    entry->live = at == PBC_NONE ? 0 : at + 1;
    return entry->live;
}

/* Return a named set's entry. Its ranges are placed once, when a rule first asks for it. */
static bool named_entry(struct compile *c, struct symbol *sym, struct pbc_set *entry)
{
    if (!sym->placed) {
        sym->entry = (struct pbc_set){.name = text_of(c, sym->name), .place = place_of(c, sym->span)};
        sym->placed = set_place(c, &sym->set, &sym->entry);
    }
    *entry = sym->entry;
    return sym->placed;
}

bool addr_list_is_live(const struct addr_list *l)
{
    bool live = l->set.split;
    for (uint32_t i = 0; i < l->big_count; i++) live |= l->big[i]->set.split != NULL;
    return live;
}

void report_live_here(struct compile *c, struct span at)
{
    diag(c->diags, E_LIVE_HERE, at, "a live set isn't possible here: the compiler must know these addresses");
}

bool addr_list_place(struct compile *c, const struct addr_list *l, struct span at, uint32_t *first, uint32_t *count)
{
    if (!addr_list_is_live(l)) return addr_list_place_live(c, l, at, first, count);
    report_live_here(c, at);
    return false;
}

bool addr_list_place_live(struct compile *c, const struct addr_list *l, struct span at, uint32_t *first,
                          uint32_t *count)
{
    struct pbc_set *run = arena_alloc(c->arena, (l->big_count + 1) * sizeof(*run));
    uint32_t n = 0;
    bool good = true;
    if (!set_is_empty(&l->set)) good = set_place(c, &l->set, &run[n++]);
    for (uint32_t i = 0; good && i < l->big_count; i++) good = named_entry(c, l->big[i], &run[n++]);
    *first = good ? image_share(c->image, PBC_SETS, run, n) : PBC_NONE;
    *count = n;
    if (*first != PBC_NONE) return true;
    if (c->image->live_nodes_count >= 1u << 16)
        report_full(c, at, "combinations of live sets", 1u << 16);
    else
        report_full(c, at, good ? "address sets" : "ranges of addresses in sets", good ? 1u << 20 : 1u << 26);
    return false;
}
