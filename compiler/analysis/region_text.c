/* Print a product like a rule's conditions: "tcp from not 10.0.0.0/8 to 203.0.113.10 port 80, 443". As in rules, `not`
 * lists the complement, if that is shorter. */
#include "compiler/analysis/region_text_priv.h"

#include <stdlib.h>
#include <string.h>

#include "compiler/analysis/directions.h"
#include "compiler/compiler.h"
#include "compiler/normal/normal.h"
#include "lang/heap.h"
#include "lang/order.h"
#include "vm/packet/key.h"

enum { VALUES_SHOWN = 8, VALUES_COMPARED = 32 };

void print_word(struct printer *t, const char *s)
{
    fprintf(t->out, "%s%s", t->begun ? " " : "", s);
    t->begun = true;
}

/* Print a name on one line: names of a stranger's program may contain line ends. */
void put_name(const char *name, FILE *out)
{
    for (; *name; name++) fputc(*name == '\n' ? ' ' : *name, out);
}

/* Print a number that differs if the unshown rest of a list differs, so that the texts differ, too. */
static void put_list(struct printer *t, uint32_t id)
{
    if (t->text->compared) fprintf(t->out, ", list %u of this comparison", id);
}

static void put_value(struct printer *t, enum ir_field f, uint32_t id)
{
    const unsigned most = t->text->compared ? VALUES_COMPARED : VALUES_SHOWN;
    if (!ir_print_value(t->text->c, f, id, most, t->out)) put_list(t, id);
}

static uint32_t value_count(const struct ir *ir, uint32_t id)
{
    const struct ir_addrs *a = ir_addrs(ir, id);
    return a->count4 + a->count6;
}

/* Return the complement if its list is shorter, else `id`. */
static uint32_t shorter(struct printer *t, uint32_t id, unsigned families)
{
    struct ir *ir = t->ir;
    const uint32_t negated = ir_addrs_of_families(ir, ir_addrs_not(ir, id), families);
    return negated != IR_EMPTY && negated != IR_ALL && value_count(ir, negated) < value_count(ir, id) ? negated : id;
}

static bool takes_all_of(const struct printer *t, uint32_t id, unsigned families)
{
    return id == IR_ALL || (families && (ir_addrs_full(t->ir, id) & families) == families);
}

static const char *value_set_name(struct printer *t, uint32_t id, unsigned families)
{
    return t->text->set_name && !takes_all_of(t, id, families) ? t->text->set_name(t->text->arg, id, families) : NULL;
}

/* Print a set's name, or `not` and the complement's; false if neither has one. */
static bool put_named(struct printer *t, uint32_t id, unsigned families)
{
    const char *name = value_set_name(t, id, families), *negated = NULL;
    if (!name && !takes_all_of(t, id, families))
        negated = value_set_name(t, ir_addrs_of_families(t->ir, ir_addrs_not(t->ir, id), families), families);
    if (!name && !negated) return false;
    print_word(t, negated ? "not " : "");
    put_name(negated ? negated : name, t->out);
    return true;
}

static void put_addrs(struct printer *t, uint32_t id, unsigned families)
{
    if (put_named(t, id, families)) return;
    const uint32_t list = takes_all_of(t, id, families) ? IR_ALL : shorter(t, id, families);
    if (list != id && list != IR_ALL) print_word(t, "not");
    print_word(t, "");
    put_value(t, IR_SRC, list);
}

/* Return the list, shortened if possible by adding addresses to which packets in these directions never go. For
 * crossing packets these are groups; for packets that come in, all but groups and services. */
static uint32_t as_travels(struct printer *t, enum ir_field f, uint32_t id, unsigned families)
{
    struct ir *ir = t->ir;
    if (f != IR_DST || (t->dirs != 1u << PBC_DIR_IN && t->dirs != 1u << PBC_DIR_FORWARD)) return id;
    const uint32_t never = t->dirs == 1u << PBC_DIR_IN ? ir_addrs_not(ir, t->text->come_in) : t->text->groups;
    const uint32_t more = ir_addrs_of_families(ir, ir_addrs_or(ir, id, never), families);
    if (takes_all_of(t, more, families)) return IR_ALL;
    return value_count(ir, shorter(t, more, families)) < value_count(ir, shorter(t, id, families)) ? more : id;
}

/* True if the printed side shows the family. */
static bool tells_family(struct printer *t, enum ir_field f, unsigned families)
{
    const uint32_t id = as_travels(t, f, t->p->field[f], families);
    if (id == IR_EMPTY || takes_all_of(t, id, families)) return false;
    if (value_set_name(t, id, families))
        return value_set_name(t, id, IR_V4 | IR_V6); /* the named set has no other family */
    return shorter(t, id, families) == id;
}

/* Print one side. self_possible: this machine's addresses may be on it in this direction. */
static void put_side(struct printer *t, enum ir_field f, const char *keyword, bool self_possible)
{
    const unsigned families = ir_families(t->ir, t->p);
    const uint32_t others = as_travels(t, f, t->p->field[f], families), own = t->p->field[f + 1];
    print_word(t, keyword);
    if (others == IR_EMPTY) {
        print_word(t, "self");
        if (takes_all_of(t, own, families)) return;
        print_word(t, "of");
        put_addrs(t, own, families);
        return;
    }
    put_addrs(t, others, families);
    if (others == own || !self_possible || (takes_all_of(t, others, families) && takes_all_of(t, own, families)))
        return;
    if (takes_all_of(t, own, families)) {
        fputs(", self", t->out);
    } else if (own == IR_EMPTY) {
        print_word(t, "except self");
    } else {
        fputs(", self of", t->out);
        put_addrs(t, own, families);
    }
}

static void put_numbers(struct printer *t, enum ir_field f, const char *keyword)
{
    struct ir *ir = t->ir;
    uint32_t id = t->p->field[f];
    if (id == IR_ALL) return;
    const uint32_t negated = ir_ranges_not(ir, id, ir_fields[f].most);
    const bool shorter_not = negated != IR_EMPTY && ir_ranges(ir, negated).count < ir_ranges(ir, id).count;
    print_word(t, keyword);
    if (shorter_not) print_word(t, "not");
    print_word(t, "");
    put_value(t, f, shorter_not ? negated : id);
}

/* Print, by name, devices that the set has or, with `not`, lacks. Leave out devices that the pattern around them
 * implies. */
static bool put_those(struct printer *t, uint32_t id, bool negated, bool outside, const char *lead)
{
    const struct image *img = t->text->c->image;
    const struct iface_table ifaces = image_ifaces(img);
    const char **devices = heap_resized(NULL, (size_t)img->ifaces_count + 1, sizeof(*devices));
    uint32_t count = 0;
    for (uint32_t i = 0; i < img->ifaces_count; i++) {
        const uint32_t around = iface_around(&ifaces, i);
        const bool around_says = around != PBC_NONE ? ir_ranges_have(t->ir, id, around) : negated;
        if (ir_ranges_have(t->ir, id, i) != outside || around_says == outside) continue;
        devices[count++] = image_str(img, img->ifaces[i].device);
    }
    if (count > 1) qsort(devices, count, sizeof(*devices), order_text);
    for (uint32_t i = 0; i < count; i++) {
        fprintf(t->out, "%s\"", i ? ", " : lead);
        put_name(devices[i], t->out);
        fputc('"', t->out);
    }
    free(devices);
    return count > 0;
}

/* Print the named interfaces that the set has or, with `not`, lacks. False: none. */
static bool put_devices(struct printer *t, uint32_t id, bool negated)
{
    const bool any = put_those(t, id, negated, !negated, negated ? "on not " : "on ");
    if (any) put_those(t, id, negated, negated, " except ");
    return any;
}

/* Print interfaces of arrival or departure. A set has all interfaces that the file does not name, or none of them. A
 * set that has them is printed by the interfaces that it lacks. Another set may have frames of a replay without a
 * known interface or way out: `unknown` is printed for these only, `beside` for these after interfaces. */
static void put_ifaces(struct printer *t, enum ir_field f, const char *lead, const char *unknown, const char *beside)
{
    const uint32_t id = t->p->field[f];
    if (id == IR_ALL) return;
    print_word(t, lead);
    const bool others = ir_ranges_have(t->ir, id, IFACE_OTHER), any = put_devices(t, id, others);
    if (others && !any)
        fputs("on any interface", t->out);
    else if (!others && ir_ranges_have(t->ir, id, IFACE_ABSENT))
        fputs(any ? beside : unknown, t->out);
}

static void put_way_out(struct printer *t)
{
    put_ifaces(t, IR_OUT, "out ", "by an unknown interface", " or by an unknown interface");
}

static void put_source(struct printer *t)
{
    const uint32_t id = t->p->field[IR_URPF];
    if (id != IR_ALL) print_word(t, ir_ranges_have(t->ir, id, 1) ? "urpf-failed" : "not urpf-failed");
}

static void put_flags(struct printer *t)
{
    const uint32_t has = t->p->field[IR_HAS], lacks = t->p->field[IR_LACKS];
    if (!has && !lacks) return;
    print_word(t, "flags");
    if (has) {
        print_word(t, "has ");
        put_value(t, IR_HAS, has);
    }
    if (lacks) {
        print_word(t, "lacks ");
        put_value(t, IR_LACKS, lacks);
    }
}

static void put_other(struct printer *t, enum ir_field f, const char *keyword)
{
    if (t->p->field[f] == IR_ALL) return;
    print_word(t, keyword);
    print_word(t, "");
    put_value(t, f, t->p->field[f]);
}

static void put_mac(uint64_t number, FILE *out)
{
    const uint64_t mac = mac_of_number(number);
    for (int shift = 40; shift >= 0; shift -= 8)
        fprintf(out, "%02x%s", (unsigned)(mac >> shift & 255), shift ? ":" : "");
}

/* Return the nth range of MACs or, with `not`, of the gaps between them; false: no more. */
static bool nth_macs(const struct ir_macs *m, bool negated, uint32_t n, uint64_t *lo, uint64_t *hi)
{
    const uint64_t nobody = UINT64_C(1) << 48; /* represents frames without MACs */
    uint64_t next = 0;
    for (uint32_t i = 0; i < m->count && m->macs[i] < nobody; i += 2) {
        *lo = negated ? next : m->macs[i];
        *hi = negated ? m->macs[i] - 1 : m->macs[i + 1] < nobody ? m->macs[i + 1] : nobody - 1;
        next = m->macs[i + 1] + 1;
        if ((!negated || m->macs[i] > *lo) && n-- == 0) return true;
    }
    *lo = next;
    *hi = nobody - 1;
    return negated && next < nobody && n == 0;
}

/* Print MACs: a set from which others were removed has ranges, and maybe frames without MACs. */
static void put_macs(struct printer *t, enum ir_field f, const char *keyword)
{
    const uint32_t most = t->text->compared ? VALUES_COMPARED : VALUES_SHOWN;
    const struct ir_macs *m = ir_macs(t->ir, t->p->field[f]);
    uint32_t members = 0, others = 0, i = 0;
    uint64_t lo, hi;
    if (m->kinds != MACS_ARE_RANGES) {
        put_other(t, f, keyword);
        return;
    }
    while (nth_macs(m, false, members, &lo, &hi)) members++;
    while (nth_macs(m, true, others, &lo, &hi)) others++;
    const bool without = m->count && m->macs[m->count - 1] >> 48, negated = others < members;
    print_word(t, keyword);
    if (negated) print_word(t, "not");
    for (; i < most && nth_macs(m, negated, i, &lo, &hi); i++) {
        fputs(i ? ", " : " ", t->out);
        put_mac(lo, t->out);
        if (lo != hi) fputc('-', t->out), put_mac(hi, t->out);
    }
    if ((negated ? others : members) > i) {
        fprintf(t->out, " and %u more", (negated ? others : members) - i);
        put_list(t, t->p->field[f]);
    }
    if (without && !negated) fputs(members ? ", none" : " none", t->out);
}

static void put_times(struct printer *t)
{
    if (!t->ir->moments) {
        put_other(t, IR_DURING, "during");
        put_other(t, IR_NOT_DURING, "not during");
    } else if (t->p->field[IR_DURING]) {
        print_word(t, "");
        t->text->times(t->text->arg, t->p->field[IR_DURING], t->out);
    }
}

static bool asks_addresses(struct printer *t)
{
    const unsigned families = ir_families(t->ir, t->p);
    for (enum ir_field f = IR_SRC; f <= IR_DST; f += IR_DST - IR_SRC) {
        const uint32_t others = as_travels(t, f, t->p->field[f], families), own = t->p->field[f + 1];
        if (others != IR_ALL || (own != IR_ALL && own != IR_EMPTY)) return true;
    }
    return false;
}

/* True if conditions imply that the packet is whole or a first fragment: those on ports, types, flags or state. */
static bool implies_fragment(const struct printer *t)
{
    static const enum ir_field fields[] = {IR_SPORT, IR_DPORT, IR_TYPE, IR_CODE, IR_HAS, IR_LACKS};
    const struct pbc_range begins = {FRAGMENT_NO, FRAGMENT_FIRST};
    bool asked = asks_state(t->ir, t->p);
    for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) asked |= t->p->field[fields[i]] != IR_ALL;
    return asked && t->p->field[IR_FRAGMENT] == ir_intern_ranges(t->ir, &begins, 1, ir_fields[IR_FRAGMENT].most);
}

void region_text_print(const struct region_text *text, const struct ir_product *p, uint8_t dirs, FILE *out)
{
    struct ir *const ir = text->c->ir;
    struct printer t = {text, ir, p, out, dirs, false};
    const unsigned families = ir_families(ir, p);
    const bool src = asks_addresses(&t), arrives = dirs & ~(1u << PBC_DIR_OUT),
               comes_in = dirs != 1u << PBC_DIR_FORWARD;
    print_what(&t, tells_family(&t, IR_SRC, families) || tells_family(&t, IR_DST, families));
    if (families && (src || p->field[IR_SPORT] != IR_ALL || p->field[IR_DPORT] != IR_ALL)) {
        put_side(&t, IR_SRC, "from", !arrives);
        put_numbers(&t, IR_SPORT, "source port");
        put_side(&t, IR_DST, "to", comes_in);
        put_numbers(&t, IR_DPORT, "port");
    }
    put_numbers(&t, IR_TYPE, "type");
    put_numbers(&t, IR_CODE, "code");
    put_numbers(&t, IR_ND, "neighbour discovery");
    put_ifaces(&t, IR_IFACE, "", "on no interface", " or no interface");
    put_way_out(&t);
    put_source(&t);
    put_numbers(&t, IR_VLAN, "vlan");
    put_numbers(&t, IR_INNER, "inner");
    /* the EtherType of all other frames follows from their protocol */
    if (ir_ranges_have(ir, p->field[IR_WHAT], WHAT_OTHER)) put_numbers(&t, IR_ETHER, "ether");
    if (p->field[IR_SRC_MAC] != IR_ALL) put_macs(&t, IR_SRC_MAC, "ether from");
    if (p->field[IR_DST_MAC] != IR_ALL) put_macs(&t, IR_DST_MAC, "ether to");
    put_flags(&t);
    if (asks_state(ir, p)) put_numbers(&t, IR_STATE, "state");
    if (!implies_fragment(&t)) put_numbers(&t, IR_FRAGMENT, "fragment");
#define IP_NUMBERS_ALONE
#define IP_NUMBER(ident, name, ...) put_numbers(&t, IR_##ident, name);
#include "vm/cond.def"
    put_numbers(&t, IR_OPTIONS, "options");
    put_other(&t, IR_BYTES, "bytes");
    put_times(&t);
    put_other(&t, IR_FLOWS, "flows");
    if (p->field[IR_METERS] != IR_ALL) {
        print_word(&t, "");
        put_value(&t, IR_METERS, p->field[IR_METERS]);
    }
    if (dirs == 1u << PBC_DIR_IN) fputs(", for this machine", out);
    if (dirs == 1u << PBC_DIR_FORWARD) fputs(", forwarded", out);
}

void region_text_way_out(const struct region_text *text, const struct ir_product *p, FILE *out)
{
    struct printer t = {text, text->c->ir, p, out, 0, true};
    put_way_out(&t);
}

void region_text_conditions(const struct region_text *text, const struct ir_product *p, bool family_shows, FILE *out)
{
    struct printer t = {text, text->c->ir, p, out, 0, true};
    const unsigned families = ir_families(t.ir, p);
    family_shows |= tells_family(&t, IR_SRC, families) || tells_family(&t, IR_DST, families);
    const bool all = what_is_all(&t);
    if (all && !family_shows && families != (IR_V4 | IR_V6)) print_word(&t, families == IR_V4 ? "ip" : "ip6");
    print_word(&t, "from");
    put_addrs(&t, p->field[IR_SRC], families);
    if (!takes_all_of(&t, p->field[IR_DST], families)) {
        print_word(&t, "to");
        put_addrs(&t, p->field[IR_DST], families);
    }
    if (!all) print_what(&t, family_shows);
    put_numbers(&t, IR_SPORT, "source port");
    put_numbers(&t, IR_DPORT, "port");
    put_ifaces(&t, IR_IFACE, "", "on no interface", " or no interface");
    put_way_out(&t);
}

void region_text_whence(const struct region_text *text, const struct ir_product *p, unsigned families, FILE *out)
{
    struct printer t = {text, text->c->ir, p, out, 0, true};
    put_ifaces(&t, IR_IFACE, "", "on no interface", " or no interface");
    if (takes_all_of(&t, p->field[IR_SRC], families)) return;
    print_word(&t, "from");
    put_addrs(&t, p->field[IR_SRC], families);
}

struct region_text region_text_of(struct compile *c)
{
    return (struct region_text){.c = c, .groups = addrs_of_groups(c->ir), .come_in = addrs_that_come_in(c)};
}
