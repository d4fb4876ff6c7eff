/* Packet notation, text to frame. Each layer's header is written as it is read; then the missing fields are
 * computed, from the last layer to the first. */
#include "tests/lib/note.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/note_priv.h"
#include "vm/packet/key.h"

enum { LAYERS_MAX = 64, FIELDS_MAX = 32 };

struct layer {
    enum layer_id id;
    size_t at, header_len; /* tail included */
    uint64_t number;       /* number that leads here, if `tpid` gave one */
    bool number_set, tail_set;
    uint32_t written; /* one bit per field of the layer, in the table's order */
};

struct parser {
    const char *next, *layer_start;
    char word[64]; /* the current word, if it is short enough for a value; strings are read in place */
    const char *word_start;
    size_t word_len;
    struct note *n;
    size_t len;
    struct layer layers[LAYERS_MAX];
    unsigned count;
    long pad_at;        /* offset where padding begins; -1: none */
    uint32_t cut, wire; /* UINT32_MAX: not given */
    char *err;
    size_t err_len;
    bool failed;
};

static void fail(struct parser *p, const char *what)
{
    if (!p->failed)
        snprintf(p->err, p->err_len, "%s at `%.*s`", what, (int)(p->word_len > 40 ? 40 : p->word_len),
                 p->word_len ? p->word_start : "the end");
    p->failed = true;
}

/* Read the next word. It ends at white space; a string ends at its closing quote. */
static void scan(struct parser *p)
{
    while (isspace((unsigned char)*p->next)) p->next++;
    const char *s = p->word_start = p->next;
    bool quoted = false;
    for (; *s && (quoted || !isspace((unsigned char)*s)); s++) quoted ^= *s == '"';
    p->next = s;
    p->word_len = (size_t)(s - p->word_start);
    snprintf(p->word, sizeof(p->word), "%.*s", (int)(p->word_len < 64 ? p->word_len : 63), p->word_start);
    if (quoted) fail(p, "a string doesn't end");
}

static bool at_end(const struct parser *p) { return p->word_len == 0; }
static bool at_separator(const struct parser *p) { return strcmp(p->word, "/") == 0; }

static bool number_of(const char *word, uint64_t *v)
{
    char *end;
    if (!isdigit((unsigned char)word[0])) return false;
    *v = strtoull(word, &end, 0);
    return *end == '\0';
}

static uint64_t number(struct parser *p)
{
    uint64_t v = 0;
    if (!number_of(p->word, &v)) fail(p, "a number must stand here");
    scan(p);
    return v;
}

/* Return room for `len` more bytes, zeroed, or NULL beyond the maximum. */
static uint8_t *grow(struct parser *p, size_t len)
{
    if (p->len + len > NOTE_MAX) {
        fail(p, "the frame is too long");
        return NULL;
    }
    uint8_t *at = p->n->bytes + p->len;
    memset(at, 0, len);
    p->len += len;
    return at;
}

static int hex_digit(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

static void append_hex(struct parser *p, const char *s, size_t len)
{
    int high = -1;
    for (size_t i = 0; i < len && !p->failed; i++) {
        const int d = hex_digit(s[i]);
        if (s[i] == ' ') continue;
        if (d < 0)
            fail(p, "this is not hex");
        else if (high < 0)
            high = d;
        else {
            uint8_t *byte = grow(p, 1);
            if (byte) *byte = (uint8_t)(high << 4 | d);
            high = -1;
        }
    }
    if (high >= 0) fail(p, "half a byte is left over");
}

/* Append "text" or x"hex" to the frame. */
static void append_string(struct parser *p)
{
    const bool hex = p->word[0] == 'x';
    const char *s = p->word_start + (hex ? 2 : 1);
    if (p->word_start[hex] != '"' || p->word_len < (hex ? 3u : 2u) || p->word_start[p->word_len - 1] != '"') {
        fail(p, "\"text\" or x\"hex\" must stand here");
        return;
    }
    const size_t len = (size_t)(p->word_start + p->word_len - 1 - s);
    if (hex)
        append_hex(p, s, len);
    else {
        uint8_t *at = grow(p, len);
        if (at) memcpy(at, s, len);
    }
    scan(p);
}

static uint64_t mac(struct parser *p)
{
    unsigned b[6];
    int used = 0;
    uint64_t v = 0;
    if (sscanf(p->word, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5], &used) != 6 ||
        (size_t)used != p->word_len)
        fail(p, "a MAC address must stand here");
    else
        for (unsigned i = 0; i < 6; i++) v = v << 8 | b[i];
    scan(p);
    return v;
}

static uint64_t named_number(struct parser *p, const struct field_desc *f)
{
    uint64_t v;
    if (number_of(p->word, &v)) {
        scan(p);
        return v;
    }
    for (const struct icmp_name *t = note_icmp; f->kind == F_TYPE && t->name; t++)
        if (t->layer == f->layer && strcmp(t->name, p->word) == 0) {
            scan(p);
            return t->type;
        }
#define PROTO(ident, value, text)                                                                                      \
    if (f->kind == F_NEXT && f->bits == 8 && strcmp(p->word, text) == 0) {                                             \
        scan(p);                                                                                                       \
        return value;                                                                                                  \
    }
#include "vm/proto.def"
#undef PROTO
    fail(p, "no such name or number");
    return 0;
}

static void address(struct parser *p, const struct field_desc *f, uint8_t *header)
{
    if (inet_pton(f->kind == F_IP4 ? AF_INET : AF_INET6, p->word, header + f->bit / 8) != 1)
        fail(p, f->kind == F_IP4 ? "an IPv4 address must stand here" : "an IPv6 address must stand here");
    scan(p);
}

/* Read one field's value (a FLAG has none) into the header. */
static void read_field(struct parser *p, struct layer *l, const struct field_desc *f, unsigned index)
{
    uint8_t *header = p->n->bytes + l->at;
    uint64_t v = 1;
    switch (f->kind) {
    case F_IP4:
    case F_IP6: address(p, f, header); return;
    case F_FLAG: break;
    case F_MAC: v = mac(p); break;
    case F_TYPE:
    case F_NEXT: v = named_number(p, f); break;
    default: v = number(p); break;
    }
    if (f->kind == F_UNITS && v % 8) fail(p, "an offset must be a multiple of 8 before");
    if (f->kind == F_UNITS) v /= 8;
    if (f->bits < 64 && v >> f->bits) fail(p, "the number is too large before");
    field_set(f, header, v);
    l->written |= 1u << index;
}

static const struct field_desc *fields_of(enum layer_id id)
{
    const struct field_desc *f = note_fields;
    while (f->name && f->layer != id) f++;
    return f;
}

/* Find the field of that name; if a flag and a number share it, the next word decides. */
static const struct field_desc *find_field(struct parser *p, enum layer_id id, unsigned *index)
{
    const struct field_desc *found = NULL, *first = fields_of(id);
    const char *after = p->next;
    while (isspace((unsigned char)*after)) after++;
    for (const struct field_desc *f = first; f->name && f->layer == id; f++) {
        if (strcmp(f->name, p->word) || (found && !isdigit((unsigned char)*after))) continue;
        found = f;
        *index = (unsigned)(f - first);
    }
    return found;
}

/* Read the leading fields: `VID`, `A > B`. Link layers may omit them; `eth back` swaps the usual addresses. */
static void read_places(struct parser *p, struct layer *l)
{
    const struct field_desc *f = fields_of(l->id);
    const unsigned places = note_layers[l->id].places;
    if (l->id == L_ETH && strcmp(p->word, "back") == 0) {
        field_set(f, p->n->bytes + l->at, f[1].usual);
        field_set(f + 1, p->n->bytes + l->at, f[0].usual);
        scan(p);
        return;
    }
    if (places == 0 || (l->id == L_ETH && !strchr(p->word, ':'))) return;
    read_field(p, l, f, 0);
    if (places == 1) return;
    if (strcmp(p->word, ">") != 0) fail(p, "`>` must stand between the two sides");
    scan(p);
    read_field(p, l, f + 1, 1);
}

/* Read a word that isn't a header's field. */
static bool read_special(struct parser *p, struct layer *l)
{
    const bool opt = strcmp(p->word, "opt") == 0, target = strcmp(p->word, "target") == 0;
    const bool reply = l->id == L_ARP && strcmp(p->word, "reply") == 0;
    const bool is_at = l->id == L_ARP && strcmp(p->word, "is-at") == 0;
    if (strcmp(p->word, "tpid") == 0 && l->id == L_VLAN) {
        scan(p);
        l->number = number(p);
        l->number_set = true;
    } else if (opt && !layer_is_link(l->id)) {
        scan(p);
        append_string(p);
        l->tail_set = true;
    } else if (target && l->id == L_ICMP6) {
        const struct field_desc at = {.kind = F_IP6};
        scan(p);
        uint8_t *tail = grow(p, 16);
        if (tail) address(p, &at, tail);
        l->tail_set = true;
    } else if (reply || is_at) { /* arp reply A is-at MAC */
        scan(p);
        uint8_t *header = p->n->bytes + l->at;
        const struct field_desc at = {.kind = F_IP4, .bit = 112};
        if (reply) bits_set(header, 48, 16, 2);
        if (reply)
            address(p, &at, header);
        else
            bits_set(header, 64, 48, mac(p));
    } else
        return false;
    return true;
}

static void read_fields(struct parser *p, struct layer *l)
{
    while (!p->failed && !at_end(p) && !at_separator(p)) {
        unsigned index = 0;
        const struct field_desc *f = find_field(p, l->id, &index);
        if (f) {
            scan(p);
            read_field(p, l, f, index);
        } else if (!read_special(p, l)) {
            uint64_t v;
            if (l->id == L_IP4 && strcmp(p->word, "ipip") == 0) /* `proto` is optional */
                bits_set(p->n->bytes + l->at, 72, 8, 4);
            else {
                fail(p, number_of(p->word, &v) ? "no field is named before" : "no such word here");
                return;
            }
            scan(p);
        }
    }
}

static void read_data(struct parser *p, struct layer *l)
{
    uint64_t len;
    if (l->id == L_PAD && p->pad_at < 0)
        p->pad_at = (long)l->at;
    else if (l->id != L_PAD && p->pad_at >= 0)
        fail(p, "nothing may follow the padding");
    if (number_of(p->word, &len) && (l->id == L_PAD || l->id == L_ZEROS)) {
        grow(p, len > NOTE_MAX ? NOTE_MAX + 1 : len);
        scan(p);
    } else
        append_string(p);
}

static void start_header(struct parser *p, struct layer *l)
{
    uint8_t *header = grow(p, note_layers[l->id].bytes);
    if (!header) return;
    const struct field_desc *first = fields_of(l->id);
    for (const struct field_desc *f = first; f->name && f->layer == l->id; f++)
        if (f->usual && f->kind != F_NEXT) field_set(f, header, f->usual);
    read_places(p, l);
    read_fields(p, l);
    if (!l->tail_set) append_hex(p, note_layers[l->id].tail, strlen(note_layers[l->id].tail));
}

/* Read `cut N`, `wire N` or `taken VID`, which apply to the whole frame. */
static bool read_frame_word(struct parser *p)
{
    uint32_t *const what = strcmp(p->word, "cut") == 0 ? &p->cut : strcmp(p->word, "wire") == 0 ? &p->wire : NULL;
    if (what) {
        scan(p);
        *what = (uint32_t)number(p);
        return true;
    }
    if (strcmp(p->word, "taken") != 0) return false;
    scan(p);
    const uint64_t vid = number(p);
    uint64_t tpid = 0x8100;
    if (strcmp(p->word, "tpid") == 0) {
        scan(p);
        tpid = number(p);
    }
    if (p->n->tag_count == 2 || vid > 0xffff || tpid > 0xffff)
        fail(p, "at most two tags of 16 bits can be taken off, before");
    else {
        p->n->tags[p->n->tag_count].tpid = (uint16_t)tpid;
        p->n->tags[p->n->tag_count++].tci = (uint16_t)vid;
    }
    return true;
}

static void read_layer(struct parser *p)
{
    if (read_frame_word(p)) return;
    enum layer_id id = 0;
    while (id < L_COUNT && strcmp(note_layers[id].name, p->word) != 0) id++;
    if (id == L_COUNT || p->count == LAYERS_MAX || (layer_is_link(id) && p->count)) {
        fail(p, id == L_COUNT ? "no such layer" : "no such layer here");
        return;
    }
    scan(p);
    struct layer *l = &p->layers[p->count++];
    *l = (struct layer){.id = id, .at = p->len};
    if (layer_is_data(id))
        read_data(p, l);
    else
        start_header(p, l);
    l->header_len = p->len - l->at;
}

/* Compute one field that the text left out. ip: the index of the IP layer before this one, or -1. */
static void compute(struct parser *p, unsigned i, const struct field_desc *f, size_t end, long ip)
{
    struct layer *l = &p->layers[i];
    uint8_t *header = p->n->bytes + l->at;
    const struct layer *next = i + 1 < p->count && p->layers[i + 1].id != L_PAD ? l + 1 : NULL;
    uint64_t v = 0;
    switch (f->kind) {
    case F_NEXT:
        if (field_get(f, header)) /* `ipip` alone */
            return;
        v = next && next->number_set ? next->number : next_number(l->id, next ? next->id : L_COUNT, f->usual);
        break;
    case F_LEN: v = end - l->at - (l->id == L_IP6 ? 40 : 0); break;
    case F_WORDS: v = words_from_bytes(l->id, (unsigned)l->header_len); break;
    case F_CSUM:
        v = note_csum(p->n->bytes, l->id, l->at, end, ip < 0 ? L_COUNT : p->layers[ip].id,
                      ip < 0 ? -1 : (long)p->layers[ip].at);
        break;
    default: return;
    }
    field_set(f, header, v);
}

static void complete(struct parser *p)
{
    const size_t end = p->pad_at >= 0 ? (size_t)p->pad_at : p->len;
    for (unsigned i = p->count; i-- > 0;) {
        const struct layer *l = &p->layers[i];
        long ip = (long)i - 1;
        while (ip >= 0 && p->layers[ip].id != L_IP4 && p->layers[ip].id != L_IP6) ip--;
        const struct field_desc *first = fields_of(l->id);
        for (int sums = 0; sums < 2; sums++) /* checksums after everything else */
            for (const struct field_desc *f = first; f->name && f->layer == l->id; f++)
                if (!(l->written >> (f - first) & 1) && (f->kind == F_CSUM) == sums) compute(p, i, f, end, ip);
    }
}

static enum pkt_link link_of(enum layer_id first)
{
    static const enum pkt_link links[] = {
        [L_ETH] = LINK_ETHER, [L_SLL] = LINK_SLL, [L_SLL2] = LINK_SLL2, [L_BSD] = LINK_BSD, [L_LOOP] = LINK_LOOP,
    };
    return layer_is_link(first) ? links[first] : first == L_IP4 || first == L_IP6 ? LINK_RAW : LINK_ETHER;
}

int note_parse(const char *text, struct note *n, char *err, size_t err_len)
{
    struct parser p = {
        .next = text, .n = n, .pad_at = -1, .cut = UINT32_MAX, .wire = UINT32_MAX, .err = err, .err_len = err_len};
    n->tag_count = 0;
    scan(&p);
    if (at_end(&p)) fail(&p, "a frame must stand here,");
    while (!p.failed && !at_end(&p)) {
        read_layer(&p);
        while (!p.failed && read_frame_word(&p))
            ;
        if (!p.failed && !at_end(&p) && !at_separator(&p)) fail(&p, "`/` must stand between layers");
        if (at_separator(&p)) scan(&p);
    }
    if (p.failed) return -EINVAL;
    complete(&p);
    n->link = p.count ? link_of(p.layers[0].id) : LINK_ETHER;
    n->wire_len = p.wire != UINT32_MAX ? p.wire : (uint32_t)p.len;
    n->cap_len = p.cut < p.len ? p.cut : (uint32_t)p.len;
    n->cap_len = n->cap_len < n->wire_len ? n->cap_len : n->wire_len;
    return 0;
}

void note_view(struct note *n, uint16_t iface, struct pkt *pkt)
{
    *pkt = (struct pkt){
        .data = n->bytes,
        .head_len = n->cap_len,
        .cap_len = n->cap_len,
        .wire_len = n->wire_len,
        .link = (uint8_t)n->link,
        .iface = iface,
        .tag_count = n->tag_count,
    };
    for (unsigned i = 0; i < n->tag_count; i++) {
        pkt->tags[i].tpid = n->tags[i].tpid;
        pkt->tags[i].tci = n->tags[i].tci;
    }
}
