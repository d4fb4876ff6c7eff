/* The verifier: proves in time linear in the image that nothing in it leads outside, in circles, or too far, so that
 * executors need no checks. Here: facts of the whole file; sets, rules and code have separate files. */
#include "vm/program/verify/verify_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

bool fault(const struct verifier *v, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(v->err, v->err_len, format, args);
    va_end(args);
    return false;
}

bool fault_memory(const struct verifier *v)
{
    if (v->failed) *v->failed = -ENOMEM;
    return fault(v, "out of memory");
}

bool verify_text(const struct verifier *v, uint32_t offset, const char *what, uint32_t index)
{
    return offset < v->p->strings_count || fault(v, "%s %u: a string is past the end of `strings`", what, index);
}

bool verify_string(const struct verifier *v, uint32_t offset, const char *what, uint32_t index)
{
    if (!verify_text(v, offset, what, index)) return false;
    return strnlen(v->p->strings + offset, PBC_NAME_MAX + 1) <= PBC_NAME_MAX ||
           fault(v, "%s %u: a name or path has more than %u bytes", what, index, PBC_NAME_MAX);
}

/* Verify that the section ends in NUL, so that every offset inside it is a string. */
static bool verify_strings(const struct verifier *v)
{
    const struct program *p = v->p;
    if (p->strings_count == 0) return fault(v, "section `strings` is missing");
    if (p->strings[0] != '\0') return fault(v, "section `strings` doesn't start with the empty string");
    return p->strings[p->strings_count - 1] == '\0' || fault(v, "section `strings` doesn't end with NUL");
}

static bool verify_meta(const struct verifier *v)
{
    const struct pbc_meta *m = v->p->meta;
    if (v->p->meta_count != 1) return fault(v, "section `meta` is missing");
    if (m->edition != 1) return fault(v, "meta: the edition is %u, but this prey reads edition 1", m->edition);
    if (m->flags & ~(uint32_t)(PBC_NEEDS_SELF | PBC_NAMES_ARP | PBC_NEEDS))
        return fault(v, "meta: unknown flags 0x%x", m->flags);
    if (m->reach > UINT16_MAX) return fault(v, "meta: the reach of %u bytes is longer than any frame", m->reach);
    return verify_string(v, m->source, "meta", 0);
}

/* Verify the twins of rules as they would decide. The other fields of these rules are verified like those of any
 * rules. */
static bool verify_twins(const struct verifier *v)
{
    const struct program *p = v->p;
    if (p->would_twins_count != p->would_rules_count + p->would_firewalls_count)
        return fault(v, "section `would_twins` has %u entries for %u rules and %u firewalls", p->would_twins_count,
                     p->would_rules_count, p->would_firewalls_count);
    for (uint32_t i = 0; i < p->would_twins_count; i++) {
        const bool rule = i < p->would_rules_count;
        const uint32_t twin = p->would_twins[i];
        if (twin != PBC_NONE && twin >= (rule ? p->rules_count : p->firewalls_count))
            return fault(v, "twin %u: %s %u doesn't exist", i, rule ? "rule" : "firewall", twin);
    }
    return true;
}

static bool verify_would(const struct verifier *v)
{
    const struct pbc_meta *m = v->p->meta;
    if (!v->p->would)
        return !m->would_classifiers ||
               fault(v, "meta: there are classifiers without `audit`, but no function without `audit`");
    if (!m->would || m->would >= v->p->funcs_count) return fault(v, "meta: function %u doesn't exist", m->would);
    if (m->services >= m->would || m->streams >= m->would)
        return fault(v, "meta: functions of services must come before function %u", m->would);
    if (m->would_classifiers > v->p->classifiers_count)
        return fault(v, "meta: classifier %u doesn't exist", m->would_classifiers);
    const struct verifier would = {.p = v->p->would, .err = v->err, .err_len = v->err_len, .failed = v->failed};
    return verify_twins(v) && verify_rules(&would) && verify_logs(&would) && verify_memos(&would);
}

/* Verify that flags match the needs: a missing flag would let rules ask for state that the worker does not keep. The
 * rules of both lists are verified before this, because their conditions are read here. */
static bool verify_needs(const struct verifier *v)
{
    const struct program *p = v->p;
    uint32_t *before __attribute__((cleanup(free_held))) = malloc(((size_t)p->conds_count + 1) * sizeof *before);
    if (!before) return fault_memory(v);
    const uint32_t needs = pbc_needs(&(struct pbc_lists){.rules = p->rules,
                                                         .conds = p->conds,
                                                         .patterns = p->patterns,
                                                         .meters = p->meters,
                                                         .rules_count = p->rules_count,
                                                         .would = p->would_rules,
                                                         .would_count = p->would_rules_count,
                                                         .conds_count = p->conds_count,
                                                         .services_count = p->services_count,
                                                         .nats = p->nats,
                                                         .nats_count = p->nats_count,
                                                         .ifaces = p->ifaces,
                                                         .ifaces_count = p->ifaces_count},
                                     before);
    return (p->meta->flags & PBC_NEEDS) == needs ||
           fault(v, "meta: the flags are 0x%x, but the conditions, services, nats and interfaces need 0x%x",
                 p->meta->flags & PBC_NEEDS, needs);
}

int program_verify(const struct program *p, char *err, size_t err_len)
{
    uint32_t *live_before __attribute__((cleanup(free_held))) = NULL;
    int failed = -EINVAL;
    struct verifier v = {.p = p, .err = err, .err_len = err_len, .failed = &failed};
    if (p->live_nodes_count) {
        live_before = malloc(((size_t)p->sets_count + 1) * sizeof *live_before);
        if (!live_before) return fault_memory(&v), failed;
        live_before[0] = 0;
        for (uint32_t i = 0; i < p->sets_count; i++) live_before[i + 1] = live_before[i] + (p->sets[i].live != 0);
        v.live_before = live_before;
    }
    bool good = verify_strings(&v) && verify_meta(&v) && verify_sets(&v) && verify_meters(&v) && verify_rules(&v) &&
                verify_mirrors(&v) && verify_services(&v) && verify_proxies(&v) && verify_nats(&v) &&
                verify_observes(&v) && verify_would(&v) && verify_needs(&v) && verify_memos(&v) &&
                verify_classifiers(&v) && verify_code(&v) && verify_meter_users(&v);
    return good ? 0 : failed;
}
