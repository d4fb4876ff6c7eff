/* The flow table as bytes: the meaningful lines of each taken slot (flow_table.h, flow_table_archive) */
#include "vm/flow/table/shared.h"
#include "vm/flow/table/table_priv.h"
#include "vm/keyed/archive.h"
#include "vm/packet/parse/header.h"

/* The lines of a flow, in the table or copied. */
struct lines {
    struct flow *f;
    struct flow_cold *cold;
    struct flow_bind *bind; /* NULL: no flow is bound */
};

static void archive_lines(struct archive *a, const struct lines *l, bool begins)
{
    struct flow *f = l->f;
    if (!archive_part(a, f, sizeof *f)) return;
    if (a->reads) {
        f->epoch = 0;
        f->memo[0] = f->memo[1] = 0;
        f->recipe = RECIPE_NONE;
    }
    const bool cold = begins || f->kind & FLOW_ID_IP6 || f->joined || f->flags & (FLOW_PAIRED | FLOW_OWN_IDLE);
    if (cold) archive_part(a, l->cold, sizeof *l->cold);
    if (f->flags & FLOW_BOUND && archive_sound(a, l->bind)) archive_part(a, l->bind, sizeof *l->bind);
}

static struct lines lines_of(const struct flow_table *t, uint32_t slot)
{
    return (struct lines){table_slot(t, slot), table_cold(t, slot), t->binds ? table_bind(t, slot) : NULL};
}

void table_archive_slot(struct flow_table *t, struct archive *a, uint32_t slot, bool begins)
{
    const struct lines l = lines_of(t, slot);
    archive_lines(a, &l, begins);
}

static bool slot_is_taken(const struct flow_table *t, int32_t slot)
{
    return slot >= 0 && (uint32_t)slot < t->groups * GROUP && *table_tag(t, (uint32_t)slot);
}

/* True if the slot is a twin of a flow that refers back to it. */
static bool is_twin(const struct flow_table *t, uint32_t slot)
{
    const struct flow *f = table_slot(t, slot);
    if (f->flags & (FLOW_PAIRED | FLOW_BOUND | FLOW_COUNTED) || !slot_is_taken(t, f->flow)) return false;
    const struct flow *of = table_slot(t, f->flow);
    return !(of->flags & FLOW_TWIN) && of->flags & FLOW_PAIRED && table_cold(t, f->flow)->twin == (int32_t)slot &&
           tag_class(*table_tag(t, slot)) == tag_class(*table_tag(t, (uint32_t)f->flow));
}

static bool is_flow(const struct flow_table *t, uint32_t slot)
{
    const struct flow *f = table_slot(t, slot);
    if (f->flags & FLOW_PAIRED) {
        const int32_t twin = table_cold(t, slot)->twin;
        if (!slot_is_taken(t, twin) || !(table_slot(t, twin)->flags & FLOW_TWIN)) return false;
        if (table_slot(t, twin)->flow != (int32_t)slot) return false;
    }
    return (f->would & FLOW_WOULD_STATE) < FLOW_WOULDS &&
           tag_class(*table_tag(t, slot)) == flow_class_of((enum flow_state)f->state, f->flags, f->astray);
}

bool table_slot_is_sound(const struct flow_table *t, uint32_t slot)
{
    const struct flow *f = table_slot(t, slot);
    if (!f->hash || f->state >= FLOW_STATES) return false;
    return f->flags & FLOW_TWIN ? is_twin(t, slot) : is_flow(t, slot);
}

/* Check each slot, and count the flows. */
static void count_slots(struct flow_table *t, struct archive *a)
{
    for (uint32_t group = 0; group < t->groups; group++) {
        uint32_t taken = tags_taken(table_group(t, group));
        if (taken) table_note_half_open(t, group);
        TAGS_EACH(taken)
        {
            const uint32_t slot = group * GROUP + tags_first(taken);
            if (!archive_sound(a, table_slot_is_sound(t, slot))) return;
            const bool twin = table_slot(t, slot)->flags & FLOW_TWIN;
            (twin ? t->twins : t->counters.live)[tag_class(*table_tag(t, slot))]++;
            t->live += !twin;
        }
    }
    t->counters.most = t->live;
}

/* Prefetch the memory that is written to the archive soon: waiting for each flow would take half of the time. */
static uint32_t ask_ahead(const struct flow_table *t, uint32_t asked, uint32_t group)
{
    for (; asked < t->groups && asked < group + TABLE_AHEAD; asked++) table_ask_group(t, asked, true);
    return asked;
}

/* Bits of the number of groups. NEAR: some groups are near (in recordings up to version 10 no group is). RANKED:
 * tags have a class of three bits; up to version 12 they have two, and only the first FLOW_STATES_TWO states exist. */
#define GROUPS_NEAR   (UINT32_C(1) << 31)
#define GROUPS_RANKED (UINT32_C(1) << 30)
enum { FLOW_STATES_TWO = FLOW_STATE_OTHER + 1 };

/* Set the tag of a slot from an older recording, or of a flow that went on while it was written. older: an SCTP
 * association takes its verification tags from its next packets. */
static void rank(struct flow_table *t, uint32_t slot, bool older)
{
    struct flow *f = table_slot(t, slot);
    const struct flow *of = slot_is_taken(t, (int32_t)table_owner(t, slot)) ? table_slot(t, table_owner(t, slot)) : f;
    struct flow_id id;
    flow_id_of(t, (int32_t)slot, &id);
    *table_tag(t, slot) = (uint16_t)(place_tag(table_hash(t, &id)) |
                                     flow_class_of((enum flow_state)of->state, of->flags, of->astray) << TAG_CLASS_AT);
    if (older && f->proto == IPPROTO_NR_SCTP) f->tcp.plain = (struct plain_track){.sctp = SCTP_TRACK_UNSEEN};
}

static void rank_all(struct flow_table *t, bool older)
{
    for (uint32_t slot = 0; slot < t->groups * GROUP; slot++)
        if (*table_tag(t, slot)) rank(t, slot, older);
}

static bool archive_size(struct flow_table *t, struct archive *a, bool *ranked)
{
    uint32_t said = t->groups | (t->near ? GROUPS_NEAR : 0) | GROUPS_RANKED;
    if (!ARCHIVE(a, said)) return false;
    *ranked = said & GROUPS_RANKED;
    const uint32_t groups = said & ~(GROUPS_NEAR | GROUPS_RANKED),
                   near = said & GROUPS_NEAR ? table_near_of(groups) : 0;
    if (groups == t->groups && near == t->near) return true;
    return archive_sound(a, !a->rest && t->memory && table_resize(t, groups, near));
}

static bool archive_head(struct flow_table *t, struct archive *a, uint8_t *begins, bool *ranked)
{
    *begins = t->begins;
    if (!archive_size(t, a, ranked)) return false;
    ARCHIVE(a, *begins);
    ARCHIVE(a, t->key);
    archive_part(a, t->timeout_ns, *ranked ? sizeof t->timeout_ns : FLOW_STATES_TWO * sizeof *t->timeout_ns);
    ARCHIVE(a, t->half_open_most);
    ARCHIVE(a, t->sweep_group);
    ARCHIVE(a, t->hand);
    return archive_sound(a, t->sweep_group < t->groups && t->hand < t->groups * GROUP);
}

static bool archive_own(struct flow_table *t, struct archive *a)
{
    uint32_t next = 0, asked = 0;
    uint8_t begins;
    bool ranked;
    if (!archive_head(t, a, &begins, &ranked)) return false;
    if (a->rest) return archive_sound(a, ranked && begins == t->begins);
    for (uint32_t taken; (taken = archive_group(a, t->tags, t->groups, &next));) {
        if (!a->reads) asked = ask_ahead(t, asked, next);
        TAGS_EACH(taken)
        {
            const uint32_t slot = (next - 1) * GROUP + tags_first(taken);
            table_take_row(t, slot);
            table_archive_slot(t, a, slot, begins);
        }
    }
    if (a->reads && !a->bad && (!ranked || a->moves)) rank_all(t, !ranked);
    if (a->reads && !a->bad) count_slots(t, a);
    return !a->bad;
}

/* ---- a table that others change, too ---- */

/* Copy the lines of a slot, all from one flow, while others change them. False: it is free, or keeps changing. */
static bool copy_slot(const struct flow_table *t, uint32_t slot, struct flow *f, struct flow_cold *cold)
{
    struct flow again;
    for (unsigned tries = 0; tries < 16 && table_read(t, (int32_t)slot, f); tries++) {
        *cold = *table_cold(t, slot);
        if (!table_read(t, (int32_t)slot, &again)) return false;
        if (again.hash == f->hash && again.low == f->low && again.high == f->high && again.proto == f->proto)
            return true;
    }
    return false;
}

static void write_moving(const struct flow_table *t, struct archive *a, uint32_t group, bool begins)
{
    struct flow f[GROUP];
    struct flow_cold cold[GROUP];
    uint16_t tags[GROUP];
    memcpy(tags, table_group(t, group), sizeof tags);
    uint32_t taken = tags_taken(tags);
    TAGS_EACH(taken)
    {
        const unsigned i = tags_first(taken);
        if (!copy_slot(t, group * GROUP + i, &f[i], &cold[i])) tags[i] = 0;
    }
    uint32_t head[2] = {group, taken = tags_taken(tags)};
    if (!taken) return;
    ARCHIVE(a, head);
    ARCHIVE(a, tags);
    TAGS_EACH(taken)
    {
        const unsigned i = tags_first(taken);
        const struct lines l = {&f[i], &cold[i], lines_of(t, group * GROUP + i).bind};
        archive_lines(a, &l, begins);
    }
}

/* Bound flows and their twins stay as they are, because only this process begins and ends them. */
static bool write_shared(const struct flow_table *t, struct archive *a)
{
    const struct flow_table *common = table_common(t);
    struct flow_table view = *t;
    uint32_t end[2] = {UINT32_MAX, 0}, asked = 0;
    uint8_t begins;
    bool ranked;
    view.sweep_group = common->sweep_group;
    view.hand = common->hand;
    if (!archive_head(&view, a, &begins, &ranked)) return false;
    for (uint32_t group = 0; group < t->groups && !a->bad; group++) {
        asked = ask_ahead(t, asked, group);
        write_moving(t, a, group, begins);
    }
    return ARCHIVE(a, end);
}

/* Copy a table's settings, which never change. */
static void copy_settings(struct flow_table *to, const struct flow_table *from)
{
    to->key = from->key;
    to->begins = from->begins;
    to->half_open_most = from->half_open_most;
    memcpy(to->timeout_ns, from->timeout_ns, sizeof to->timeout_ns);
}

/* Read into memory that no stage uses yet, as into a worker's own. */
static bool read_shared(struct flow_table *t, struct archive *a)
{
    struct flow_table *common = table_common(t), view = *t;
    view.ops = NULL;
    view.counters = (struct flow_counters){0};
    view.live = 0;
    memset(view.twins, 0, sizeof view.twins);
    if (!archive_own(&view, a)) return false;
    copy_settings(t, &view);
    copy_settings(common, &view);
    common->sweep_group = view.sweep_group;
    common->hand = view.hand;
    common->live = view.live;
    memcpy(common->twins, view.twins, sizeof common->twins);
    memcpy(common->counters.live, view.counters.live, sizeof common->counters.live);
    common->counters.most = view.counters.most;
    return true;
}

bool flow_table_archive(struct flow_table *t, struct archive *a)
{
    if (!table_has_ops(t)) return archive_own(t, a);
    return a->reads ? read_shared(t, a) : write_shared(t, a);
}

/* ---- only the bindings ---- */

static bool is_bound(const struct flow_table *t, uint32_t slot)
{
    return *table_tag(t, slot) && (table_slot(t, slot)->flags & (FLOW_BOUND | FLOW_TWIN)) == FLOW_BOUND;
}

/* A binding, and the flow that has it. */
struct binding {
    uint32_t slot, hash;
    struct flow_bind bind;
};

size_t flow_table_bind_bytes(void) { return sizeof(struct binding); }

bool flow_table_has(const struct flow_table *common, uint64_t slots)
{
    return (uint64_t)common->groups * GROUP == slots && common->near == table_near_of(common->groups);
}

static bool write_binds(const struct flow_table *t, struct archive *a)
{
    uint32_t asked = 0, count = 0;
    uint8_t *const counted = a->at;
    ARCHIVE(a, count);
    for (uint32_t group = 0; group < t->groups && !a->bad; group++) {
        uint32_t taken = tags_taken(table_group(t, group));
        asked = ask_ahead(t, asked, group);
        TAGS_EACH(taken)
        {
            const uint32_t slot = group * GROUP + tags_first(taken);
            if (!is_bound(t, slot)) continue;
            const struct binding b = {slot, table_slot(t, slot)->hash, *table_bind(t, slot)};
            archive_part(a, (void *)(uintptr_t)&b, sizeof b);
            count++;
        }
    }
    if (!a->bad) memcpy(counted, &count, sizeof count);
    return !a->bad;
}

/* True if a twin leads back to its flow, or a flow to its twin: readers rely on that without a check. Their classes
 * may differ, because they change meanwhile. */
static bool leads_back(const struct flow_table *t, uint32_t slot)
{
    const struct flow *f = table_slot(t, slot);
    const int32_t other = f->flags & FLOW_TWIN     ? f->flow
                          : f->flags & FLOW_PAIRED ? table_cold(t, slot)->twin
                                                   : FLOW_NONE;
    if (other == FLOW_NONE) return true;
    if (!slot_is_taken(t, other)) return false;
    const struct flow *o = table_slot(t, other);
    return f->flags & FLOW_TWIN ? o->flags & FLOW_PAIRED && table_cold(t, other)->twin == (int32_t)slot
                                : o->flags & FLOW_TWIN && o->flow == (int32_t)slot;
}

/* Return the number of bound flows. Unbound flows end and begin meanwhile, and have no twins. */
static uint32_t count_bound(const struct flow_table *t, struct archive *a)
{
    uint32_t count = 0, asked = 0;
    for (uint32_t group = 0; group < t->groups && !a->bad; group++) {
        uint32_t taken = tags_taken(table_group(t, group));
        asked = ask_ahead(t, asked, group);
        TAGS_EACH(taken)
        {
            const uint32_t slot = group * GROUP + tags_first(taken);
            const bool bound = is_bound(t, slot), twin = table_slot(t, slot)->flags & FLOW_TWIN;
            if (bound || twin) archive_sound(a, leads_back(t, slot));
            count += bound;
        }
    }
    return count;
}

/* End bound flows in these slots, which no living process knows. */
static void end_unknown(struct flow_table *t, uint32_t from, uint32_t to)
{
    for (uint32_t slot = from; slot < to; slot++)
        if (is_bound(t, slot)) shared_forget(t, (int32_t)slot);
}

static bool read_binds(struct flow_table *t, struct archive *a)
{
    uint32_t count, next = 0, kept = 0;
    if (!ARCHIVE(a, count) || !archive_sound(a, !count || t->binds)) return false;
    for (uint32_t i = 0; i < count && !a->bad; i++) {
        struct binding b = {0};
        if (!ARCHIVE(a, b) || !archive_sound(a, b.slot >= next && b.slot < t->groups * GROUP)) break;
        const bool there = is_bound(t, b.slot) && table_slot(t, b.slot)->hash == b.hash;
        if (!archive_sound(a, there || a->late)) break;
        if (a->late) end_unknown(t, next, b.slot + !there);
        next = b.slot + 1;
        if (there) *table_bind(t, (int64_t)b.slot) = b.bind;
        kept += there;
    }
    if (a->late && !a->bad) end_unknown(t, next, t->groups * GROUP);
    return !a->bad && archive_sound(a, count_bound(t, a) == kept);
}

bool flow_table_archive_binds(struct flow_table *t, struct archive *a)
{
    ARCHIVE(a, t->sweep_group);
    archive_sound(a, t->sweep_group < t->groups);
    return a->reads ? read_binds(t, a) : write_binds(t, a);
}
