/* Types are walked by name, offset and size; memory behind a pointer is another process's, and left out */
#include "runtime/kernel/pass/layout.h"

#include <bpf/btf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/kernel/object/object.h"

enum { NAME_MOST = 64 };

/* A walk over types. */
struct layout {
    const struct btf *types;
    FILE *to;
    uint8_t *told; /* [types] 1: the struct was described */
};

const char *layout_words(void)
{
    return ""
#define FLAT(name, type, entries)        #name ": flat " #type ";"
#define EXACT(name, type, entries)       #name ": exact " #type ";"
#define KEYED(name, type, key, value, n) #name ": " #type " " #key " " #value ";"
#include "runtime/kernel/maps/map.def"
#define TABLE(name, type, entries) #name ": table " #type ";"
#define EXACT(name, type, entries) #name ": exact " #type ";"
#define CONST(name, number)
#include "runtime/kernel/maps/table.def"
           "events: struct kernel_event_packet, struct kernel_event_sample, struct kernel_event_flow, struct "
           "kernel_event_add;"
           "copied: struct kernel_copied; rings: struct kernel_raised;";
}

static void write_type(struct layout *l, uint32_t id);

static void write_members(struct layout *l, const struct btf_type *t)
{
    const struct btf_member *m = btf_members(t);
    for (unsigned i = 0; i < btf_vlen(t); i++) {
        fprintf(l->to, "%s@%u:%u ", btf__name_by_offset(l->types, m[i].name_off), btf_member_bit_offset(t, i),
                btf_member_bitfield_size(t, i));
        write_type(l, m[i].type);
    }
}

static void write_words(const struct layout *l, const struct btf_type *t)
{
    const struct btf_enum *e = btf_enum(t);
    for (unsigned i = 0; i < btf_vlen(t) && btf_is_enum(t); i++)
        fprintf(l->to, "%s=%d,", btf__name_by_offset(l->types, e[i].name_off), e[i].val);
}

/* The depth of structs within structs is bounded by their declarations, and so is the recursion. */
static void write_type(struct layout *l, uint32_t id)
{
    const struct btf_type *t = btf__type_by_id(l->types, id);
    while (t && (btf_is_mod(t) || btf_is_typedef(t))) t = btf__type_by_id(l->types, id = t->type);
    if (!t || !id) {
        fputs("void;", l->to);
        return;
    }
    const char *name = btf__name_by_offset(l->types, t->name_off);
    if (btf_is_array(t)) {
        fprintf(l->to, "[%u]", btf_array(t)->nelems);
        write_type(l, btf_array(t)->type);
    } else if (btf_is_composite(t)) {
        fprintf(l->to, "%s %s %u", btf_is_union(t) ? "union" : "struct", name, t->size);
        if (l->told[id]) {
            fputc(';', l->to);
            return;
        }
        l->told[id] = 1;
        fputs("{", l->to);
        write_members(l, t);
        fputs("}", l->to);
    } else if (btf_is_any_enum(t)) {
        fprintf(l->to, "enum %s %u{", name, t->size);
        write_words(l, t);
        fputs("}", l->to);
    } else {
        fprintf(l->to, "%u:%s:%u:%u;", btf_kind(t), btf_is_ptr(t) ? "" : name, btf_is_ptr(t) ? 8 : t->size,
                btf_is_int(t) ? btf_int_encoding(t) : 0);
    }
}

char *layout_text(const struct btf *types, const char *words, unsigned *missing)
{
    static const char before[] = "struct ";
    char *text = NULL;
    size_t len;
    struct layout l = {.types = types, .told = calloc(btf__type_cnt(types) + (size_t)1, 1)};
    l.to = open_memstream(&text, &len);
    *missing = 0;
    if (l.to) fprintf(l.to, "%d %s\n", KERNEL_LAYOUT, words);
    for (const char *at = words; l.to && l.told && (at = strstr(at, before));) {
        char name[NAME_MOST];
        at += sizeof before - 1;
        snprintf(name, sizeof name, "%.*s", (int)strspn(at, "abcdefghijklmnopqrstuvwxyz_0123456789"), at);
        const int id = btf__find_by_name_kind(types, name, BTF_KIND_STRUCT);
        *missing += id <= 0;
        if (id > 0)
            write_type(&l, (uint32_t)id);
        else
            fprintf(l.to, "? %s", name);
        fputc('\n', l.to);
    }
    const bool bad = !l.told || !l.to || ferror(l.to);
    if (l.to && fclose(l.to)) free(text), text = NULL;
    free(l.told);
    if (!bad) return text;
    free(text);
    return NULL;
}

bool kernel_layout(uint8_t digest[PBC_DIGEST_LEN])
{
    static uint8_t known[PBC_DIGEST_LEN];
    static bool knows; /* reading all objects takes long, and they never change */
    char err[200];
    unsigned missing;
    struct objects *o = knows ? NULL : objects_new(false, err, sizeof err);
    char *text = o ? layout_text(o->types, layout_words(), &missing) : NULL;
    if (text) pbc_digest(text, strlen(text), known);
    knows |= text != NULL;
    objects_free(o);
    free(text);
    memcpy(digest, known, sizeof known);
    return knows;
}
