/* Types and lines of the objects, merged: each object has its own, and the kernel takes one set. */
#include <bpf/btf.h>
#include <linux/btf.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/kernel/object/object_priv.h"

bool object_types_begin(struct objects *o) { return (o->types = btf__new_empty()) != NULL; }

bool object_types(struct objects *o, struct object_file *f)
{
    uint32_t len;
    const void *bytes = object_section(f, BTF_ELF_SEC, &len);
    f->types = btf__new(bytes, len);
    const int first = f->types ? btf__add_btf(o->types, f->types) : -1;
    f->first = (uint32_t)first - 1;
    return first > 0;
}

void object_file_fini(struct object_file *f) { btf__free(f->types); }

/* Header of .BTF.ext. Each part begins with the size of a record; then come records, by section. */
struct ext_header {
    uint16_t magic;
    uint8_t version, flags;
    uint32_t header_len, func_at, func_len, line_at, line_len;
};
struct ext_section {
    uint32_t name, count;
};

/* Return the records of that section. */
static const struct bpf_line_info *lines_of(const struct object_file *f, const char *section, uint32_t *count)
{
    uint32_t len;
    const struct ext_header *h = object_section(f, ".BTF.ext", &len);
    const uint8_t *at = (const uint8_t *)h + h->header_len + h->line_at, *end = at + h->line_len;
    uint32_t size;
    memcpy(&size, at, sizeof size);
    for (at += sizeof size; at + sizeof(struct ext_section) <= end;) {
        const struct ext_section *s = (const void *)at;
        at += sizeof *s;
        *count = s->count;
        if (size == sizeof(struct bpf_line_info) && !strcmp(btf__name_by_offset(f->types, s->name), section))
            return (const void *)at;
        at += (size_t)s->count * size;
    }
    *count = 0;
    return NULL;
}

/* Return the offset of the same text in the merged strings. */
static uint32_t moved(struct objects *o, const struct object_file *f, uint32_t string)
{
    const int at = btf__add_str(o->types, btf__name_by_offset(f->types, string));
    return at < 0 ? 0 : (uint32_t)at;
}

bool object_describe(struct objects *o, const struct object_file *f, const char *name, const char *section, uint32_t at,
                     struct object_function *to)
{
    const int type = btf__find_by_name_kind(f->types, name, BTF_KIND_FUNC);
    to->type = type > 0 ? (uint32_t)type + f->first : 0;
    if (!strcmp(name, "code_template")) o->template_type = to->type;
    if (!strcmp(name, "code_turn")) o->turn_type = to->type;
    uint32_t count;
    const struct bpf_line_info *all = lines_of(f, section, &count);
    struct object_line *lines = count ? malloc(count * sizeof *lines) : NULL;
    if (count && !lines) return false;
    to->lines = lines;
    for (uint32_t i = 0; i < count; i++) {
        if (all[i].insn_off < at || all[i].insn_off >= at + 8 * to->code.count) continue;
        lines[to->line_count++] = (struct object_line){.at = (all[i].insn_off - at) / 8,
                                                       .file = moved(o, f, all[i].file_name_off),
                                                       .text = moved(o, f, all[i].line_off),
                                                       .place = all[i].line_col};
    }
    return type > 0;
}

static uint32_t info(unsigned kind, unsigned count) { return kind << 24 | count; }

/* Convert a type for the kernel, without changing its length. Variables and their sections, which the kernel knows only
 * as maps of a loader, become numbers and a struct of them; a declared function becomes a typedef. */
static uint32_t put_right(struct btf_type *t)
{
    const unsigned kind = BTF_INFO_KIND(t->info), count = BTF_INFO_VLEN(t->info);
    switch (kind) {
    case BTF_KIND_VAR:
        t->info = info(BTF_KIND_INT, 0);
        t->size = 1;
        *(uint32_t *)(t + 1) = 8; /* number of bits of the type */
        return sizeof(uint32_t);
    case BTF_KIND_DATASEC: {
        struct btf_member *m = (struct btf_member *)(t + 1);
        t->name_off = 0;
        t->info = info(BTF_KIND_STRUCT, count);
        t->size = 1;
        for (unsigned i = 0; i < count; i++) {
            const struct btf_var_secinfo *v = (const void *)&m[i];
            m[i] = (struct btf_member){.type = v->type};
        }
        return count * (uint32_t)sizeof *m;
    }
    case BTF_KIND_FUNC:
        if (count == BTF_FUNC_EXTERN) t->info = info(BTF_KIND_TYPEDEF, 0);
        return 0;
    case BTF_KIND_INT: return sizeof(uint32_t);
    case BTF_KIND_ARRAY: return sizeof(struct btf_array);
    case BTF_KIND_STRUCT:
    case BTF_KIND_UNION: return count * (uint32_t)sizeof(struct btf_member);
    case BTF_KIND_ENUM: return count * (uint32_t)sizeof(struct btf_enum);
    case BTF_KIND_ENUM64: return count * (uint32_t)sizeof(struct btf_enum64);
    case BTF_KIND_FUNC_PROTO: return count * (uint32_t)sizeof(struct btf_param);
    case BTF_KIND_DECL_TAG: return sizeof(struct btf_decl_tag);
    default: return 0; /* pointers, typedefs, qualifiers */
    }
}

bool object_types_end(struct objects *o)
{
    const void *raw = btf__raw_data(o->types, &o->btf_len);
    uint8_t *mine = raw ? malloc(o->btf_len) : NULL;
    struct btf_type **types = raw ? calloc(btf__type_cnt(o->types), sizeof *types) : NULL;
    o->btf = mine;
    if (!mine || !types) {
        free(types);
        return false;
    }
    memcpy(mine, raw, o->btf_len);
    const struct btf_header *h = (const void *)mine;
    uint8_t *at = mine + h->hdr_len + h->type_off, *end = at + h->type_len;
    for (uint32_t number = 1; at < end; number++) {
        types[number] = (void *)at;
        at += sizeof **types;
        at += put_right(types[number]);
    }
    for (uint32_t i = 0; i < o->function_count; i++)
        if (o->functions[i].is_own || o->functions[i].type == o->turn_type) /* loops can't call global functions */
            types[o->functions[i].type]->info = info(BTF_KIND_FUNC, BTF_FUNC_STATIC);
    free(types);
    return true;
}

void object_types_fini(struct objects *o)
{
    btf__free(o->types);
    free((void *)(uintptr_t)o->btf);
}
