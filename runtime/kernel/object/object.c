/* Reader of the objects of vm/kernel/. They are from the same build, so their shape is asserted, not checked. */
#include "runtime/kernel/object/object.h"
#include "runtime/kernel/object/object_priv.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/embed.h"
#include "runtime/base/grown.h"

/* Bytes of the objects: made by the Makefile from all vm/kernel/NAME.bpf.c, in both forms. */
struct object {
    const char *name;
    const uint8_t *bytes;
};
#include "vm/kernel/objects.inc"
enum { OBJECTS = sizeof kernel_objects / sizeof *kernel_objects };

enum { LOAD_64 = BPF_LD | BPF_IMM | BPF_DW, CALL = BPF_JMP | BPF_CALL };

static const Elf64_Shdr *section(const struct object_file *f, unsigned at)
{
    const Elf64_Ehdr *e = (const void *)f->bytes;
    return (const Elf64_Shdr *)(const void *)(f->bytes + e->e_shoff) + at;
}

static unsigned section_count(const struct object_file *f)
{
    return ((const Elf64_Ehdr *)(const void *)f->bytes)->e_shnum;
}

static const char *section_name(const struct object_file *f, unsigned at)
{
    const Elf64_Ehdr *e = (const void *)f->bytes;
    return (const char *)f->bytes + section(f, e->e_shstrndx)->sh_offset + section(f, at)->sh_name;
}

const void *object_section(const struct object_file *f, const char *name, uint32_t *len)
{
    for (unsigned i = 1; i < section_count(f); i++) {
        if (strcmp(section_name(f, i), name)) continue;
        *len = (uint32_t)section(f, i)->sh_size;
        return f->bytes + section(f, i)->sh_offset;
    }
    *len = 0;
    return NULL;
}

static const Elf64_Sym *symbols(const struct object_file *f, unsigned *count, const char **names)
{
    for (unsigned i = 1; i < section_count(f); i++) {
        const Elf64_Shdr *s = section(f, i);
        if (s->sh_type != SHT_SYMTAB) continue;
        *count = (unsigned)(s->sh_size / sizeof(Elf64_Sym));
        *names = (const char *)f->bytes + section(f, s->sh_link)->sh_offset;
        return (const void *)(f->bytes + s->sh_offset);
    }
    *count = 0;
    return NULL;
}

/* Return "look/NAME", for a name local to a file, or NULL if memory is out. */
static char *own_name(const struct object_file *f, const char *name)
{
    char *own;
    return asprintf(&own, "%s/%s", f->name, name) < 0 ? NULL : own;
}

/* True if the symbol is local to its file: all but those marked GLOBAL, and entries, which have their own sections. */
static bool symbol_is_own(const struct object_file *f, const Elf64_Sym *s)
{
    if (s->st_shndx == SHN_UNDEF) return false;
    return ELF64_ST_BIND(s->st_info) == STB_LOCAL ||
           (ELF64_ST_VISIBILITY(s->st_other) == STV_HIDDEN && !strcmp(section_name(f, s->st_shndx), ".text"));
}

static char *symbol_name(const struct object_file *f, const Elf64_Sym *s, const char *names)
{
    if (ELF64_ST_TYPE(s->st_info) == STT_SECTION) return own_name(f, section_name(f, s->st_shndx));
    return symbol_is_own(f, s) ? own_name(f, names + s->st_name) : strdup(names + s->st_name);
}

/* Return the function that begins there. */
static const Elf64_Sym *function_at(const struct object_file *f, unsigned in, uint64_t at, const char **names)
{
    unsigned count;
    const Elf64_Sym *all = symbols(f, &count, names);
    for (unsigned i = 0; i < count; i++)
        if (ELF64_ST_TYPE(all[i].st_info) == STT_FUNC && all[i].st_shndx == in && all[i].st_value == at) return &all[i];
    return NULL;
}

struct refs {
    struct code_ref *v;
    uint32_t count, room;
};

static bool add_ref(struct refs *r, uint32_t at, char *symbol)
{
    if (!grow(&r->v, r->count, &r->room, 4, sizeof *r->v)) {
        free(symbol);
        return false;
    }
    r->v[r->count++] = (struct code_ref){.at = at, .symbol = symbol};
    return true;
}

static const Elf64_Rel *relocations(const struct object_file *f, unsigned of, unsigned *count)
{
    for (unsigned i = 1; i < section_count(f); i++) {
        const Elf64_Shdr *s = section(f, i);
        if (s->sh_type != SHT_REL || s->sh_info != of) continue;
        *count = (unsigned)(s->sh_size / sizeof(Elf64_Rel));
        return (const void *)(f->bytes + s->sh_offset);
    }
    *count = 0;
    return NULL;
}

/* Return the target of a relocation. The target of a named constant is its section, and imm then holds the offset. A
 * function that is referred to by its section is found by its place there. */
static char *target_name(const struct object_file *f, const Elf64_Rel *r, struct bpf_insn *insn)
{
    unsigned count;
    const char *names;
    const Elf64_Sym *s = symbols(f, &count, &names) + ELF64_R_SYM(r->r_info);
    if (ELF64_ST_TYPE(s->st_info) == STT_SECTION && insn->code == CALL) {
        s = function_at(f, s->st_shndx, s->st_value + 8 * (uint64_t)((int64_t)insn->imm + 1), &names);
        return s ? symbol_name(f, s, names) : NULL;
    }
    if (ELF64_ST_TYPE(s->st_info) == STT_SECTION && section(f, s->st_shndx)->sh_flags & SHF_EXECINSTR) {
        s = function_at(f, s->st_shndx, (uint32_t)insn->imm, &names);
        insn->imm = 0;
        return s ? symbol_name(f, s, names) : NULL;
    }
    if (ELF64_ST_TYPE(s->st_info) == STT_OBJECT && s->st_shndx != SHN_UNDEF) {
        insn->imm += (int32_t)s->st_value;
        return own_name(f, section_name(f, s->st_shndx));
    }
    return symbol_name(f, s, names);
}

/* Collect a function's references. Calls within a section have no relocation; all others do, in order. insns: copy. */
static bool read_refs(const struct object_file *f, const Elf64_Sym *s, struct bpf_insn *insns, struct refs *refs)
{
    const uint32_t count = (uint32_t)(s->st_size / 8), first = (uint32_t)(s->st_value / 8);
    unsigned rel_count;
    const Elf64_Rel *rel = relocations(f, s->st_shndx, &rel_count);
    unsigned r = 0;
    for (uint32_t i = 0; i < count; i++) {
        char *name = NULL;
        const char *names;
        while (r < rel_count && rel[r].r_offset < 8ull * (first + i)) r++;
        if (r < rel_count && rel[r].r_offset == 8ull * (first + i) && !(name = target_name(f, &rel[r], &insns[i])))
            return false;
        if (!name && insns[i].code == CALL && insns[i].src_reg == BPF_PSEUDO_CALL) {
            const Elf64_Sym *to =
                function_at(f, s->st_shndx, 8 * (uint64_t)((int64_t)first + i + insns[i].imm + 1), &names);
            if (!to || !(name = symbol_name(f, to, names))) return false;
        }
        if (name && !add_ref(refs, i, name)) return false;
        if (insns[i].code == LOAD_64) i++;
    }
    return true;
}

static bool read_function(struct objects *o, const struct object_file *f, const Elf64_Sym *s, const char *names)
{
    struct object_function *more = realloc(o->functions, (o->function_count + 1) * sizeof *more);
    if (!more) return false;
    o->functions = more;
    struct object_function *to = &o->functions[o->function_count++];
    struct bpf_insn *insns = malloc(s->st_size);
    struct refs refs = {0};
    if (insns) memcpy(insns, f->bytes + section(f, s->st_shndx)->sh_offset + s->st_value, s->st_size);
    const bool whole = insns && read_refs(f, s, insns, &refs);
    *to = (struct object_function){
        .code = {.name = symbol_name(f, s, names),
                 .insns = insns,
                 .count = (uint32_t)(s->st_size / 8),
                 .refs = refs.v,
                 .ref_count = refs.count},
        .is_own = symbol_is_own(f, s),
    };
    const char *name = names + s->st_name;
    return whole && to->code.name &&
           object_describe(o, f, name, section_name(f, s->st_shndx), (uint32_t)s->st_value, to) &&
           (!o->counted || object_test_pointers(f, name, to));
}

static bool read_constants(struct objects *o, const struct object_file *f)
{
    for (unsigned i = 1; i < section_count(f); i++) {
        const Elf64_Shdr *s = section(f, i);
        if (s->sh_type != SHT_PROGBITS || strncmp(section_name(f, i), ".rodata", 7)) continue;
        const uint32_t begin = (o->constants_len + 63) & ~63u;
        uint8_t *more = realloc(o->constants, begin + s->sh_size);
        struct object_place *places = realloc(o->places, (o->place_count + 1) * sizeof *places);
        if (more) o->constants = more;
        if (places) o->places = places;
        if (!more || !places) return false;
        memset(more + o->constants_len, 0, begin - o->constants_len);
        memcpy(more + begin, f->bytes + s->sh_offset, s->sh_size);
        o->constants_len = begin + (uint32_t)s->sh_size;
        char *name = own_name(f, section_name(f, i));
        if (!name) return false;
        o->places[o->place_count++] = (struct object_place){.name = name, .at = begin};
    }
    return true;
}

static bool read_object(struct objects *o, struct object_file *f)
{
    unsigned count;
    const char *names;
    if (!object_types(o, f) || !read_constants(o, f)) return false;
    const Elf64_Sym *all = symbols(f, &count, &names);
    for (unsigned i = 0; i < count; i++)
        if (ELF64_ST_TYPE(all[i].st_info) == STT_FUNC && all[i].st_shndx != SHN_UNDEF &&
            !read_function(o, f, &all[i], names))
            return false;
    return true;
}

struct objects *objects_new(bool counted, char *err, size_t err_len)
{
    const struct object *objects = counted ? counted_objects : kernel_objects;
    struct objects *o = calloc(1, sizeof *o);
    bool whole = o && object_types_begin(o);
    if (o) o->counted = counted;
    for (unsigned i = 0; whole && i < OBJECTS; i++) {
        struct object_file f = {.name = objects[i].name, .bytes = objects[i].bytes};
        whole = read_object(o, &f);
        object_file_fini(&f);
    }
    if (whole && object_types_end(o)) return o;
    snprintf(err, err_len, "out of memory");
    objects_free(o);
    return NULL;
}

void objects_free(struct objects *o)
{
    if (!o) return;
    for (uint32_t i = 0; i < o->function_count; i++) {
        struct object_function *f = &o->functions[i];
        for (uint32_t r = 0; r < f->code.ref_count; r++) free((char *)(uintptr_t)f->code.refs[r].symbol);
        free((void *)(uintptr_t)f->code.refs);
        free((void *)(uintptr_t)f->code.insns);
        free((char *)(uintptr_t)f->code.name);
        free((void *)(uintptr_t)f->lines);
    }
    for (uint32_t i = 0; i < o->place_count; i++) free(o->places[i].name);
    object_types_fini(o);
    free(o->places);
    free(o->functions);
    free(o->constants);
    free(o);
}

uint32_t objects_constant(const struct objects *o, const char *name)
{
    for (uint32_t i = 0; i < o->place_count; i++)
        if (!strcmp(o->places[i].name, name)) return o->places[i].at;
    return UINT32_MAX;
}
