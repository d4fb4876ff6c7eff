/* Fuzzes the parser with any bytes as a rule file. It never crashes, takes time in proportion to the text, gives the
 * same result twice, and builds trees of the shape that lang/tree/ast.def promises. The formatter keeps the tree,
 * and its own output. With -DREPLAY this is a plain program that takes files. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lang/lang.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define require(what)                                                                                                  \
    do {                                                                                                               \
        if (!(what)) {                                                                                                 \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #what);                                       \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

struct parsed {
    struct arena *arena;
    struct sources sources;
    struct diags *diags;
    struct node *tree;
};

static void parse(struct parsed *p, const uint8_t *data, size_t size)
{
    p->arena = arena_new();
    sources_init(&p->sources);
    p->diags = diags_new(&p->sources);
    p->tree = lang_parse_text(p->arena, &p->sources, p->diags, "fuzz/rules", (const char *)data, size);
    require(p->tree && p->tree->kind == N_FILE);
}

static void parsed_fini(struct parsed *p)
{
    diags_free(p->diags);
    sources_fini(&p->sources);
    arena_free(p->arena);
}

static bool is_set_expr(const struct node *n)
{
    return n && (n->kind == N_SET_UNION || n->kind == N_SET_EXCEPT || n->kind == N_SET_AND || n->kind == N_SET_GROUP ||
                 n->kind == N_ADDR || n->kind == N_PREFIX || n->kind == N_ADDR_RANGE || n->kind == N_NAME ||
                 n->kind == N_FILE_REF);
}

static bool begins(const struct node *n, enum node_kind first, enum node_kind second)
{
    return n->first && n->first->kind == first && n->first->next && n->first->next->kind == second;
}

/* Check the shape that later stages rely on. */
static bool shape(const struct node *n)
{
    const unsigned count = node_count(n);
    switch (n->kind) {
    case N_EDITION: return n->v.kind == VALUE_INT;
    case N_CONST: return count == 2 && n->first->kind == N_NAME;
    case N_SET: return count == 2 && n->first->kind == N_NAME && is_set_expr(n->last);
    case N_SET_UNION:
    case N_SET_EXCEPT:
    case N_SET_AND: return count >= 2 && is_set_expr(n->first) && is_set_expr(n->last);
    case N_SET_GROUP: return count == 1 && is_set_expr(n->first);
    case N_PORTS:
    case N_MACS:
    case N_NAMES: return begins(n, N_NAME, N_LIST) && count == 2;
    case N_INTERFACE:
        return count == 2 && n->first->kind == N_NAME && (n->last->kind == N_STRING || n->last->kind == N_NAME);
    case N_LIST:
    case N_C_PROTO:
    case N_C_PROTO_NUM:
    case N_C_ETHER:
    case N_C_TYPE:
    case N_C_CODE:
    case N_C_ON:
    case N_C_VLAN:
    case N_C_INNER:
    case N_C_ETHER_FROM:
    case N_C_ETHER_TO:
    case N_C_FLAGS:
    case N_HAS:
    case N_LACKS:
    case N_C_STATE:
    case N_C_FRAGMENT:
    case N_C_TTL:
    case N_C_LENGTH:
    case N_C_DSCP:
    case N_C_FLOWLABEL:
    case N_C_OPTIONS:
    case N_C_DURING:
    case N_C_OVER:
    case N_C_WITHIN:
    case N_C_FLOWS:
    case N_ON:
    case N_POOLS:
    case N_SHARE:
    case N_AS:
    case N_COMMENT: return count >= 1;
    case N_C_FROM:
    case N_C_TO:
    case N_C_PORT:
    case N_C_SPORT: return count == 1 && n->first->kind == N_LIST;
    case N_C_BYTES:
        return (count == 3 || count == 4) && n->first->kind == N_NAME &&
               (n->last->kind == N_BYTES || n->last->kind == N_NAME);
    case N_FIREWALL: return node_child(n, N_NAME) && node_child(n, N_VERDICT);
    case N_CHAIN:
    case N_POOL:
    case N_NAT: return n->first && n->first->kind == N_NAME;
    case N_SERVICE: return begins(n, N_NAME, N_ON);
    case N_RULE: return count >= 1 && (n->first->kind == N_VERDICT || begins(n, N_AUDIT, N_VERDICT));
    case N_SERVER:
    case N_SERVERS:
    case N_SETTING: return count >= 2 && n->first->kind == N_NAME;
    case N_WHEN: return count >= 1 && n->last->kind == N_POOLS;
    case N_CHOICE:
    case N_CLAUSE:
    case N_STEP:
    case N_PACKET: return n->v.kind == VALUE_INT;
    default: return true;
    }
}

static void check(const struct parsed *p, const struct node *n, unsigned depth)
{
    require(depth < 1000);
    require(n->span.file < p->sources.count);
    require(n->span.start <= n->span.end && n->span.end <= p->sources.files[n->span.file].len);
    if (!shape(n)) {
        fprintf(stderr, "%s at %u\n", node_kind_name((enum node_kind)n->kind), n->span.start);
        abort();
    }
    const struct node *last = NULL;
    node_each(c, n)
    {
        check(p, c, depth + 1);
        last = c;
    }
    require(last == n->last);
}

/* Format a text without faults: lang_format checks itself that the meaning stays, and formatting again changes
 * nothing. */
static void check_format(const uint8_t *data, size_t size)
{
    struct sources sources;
    char *once = NULL, *twice = NULL;
    size_t len, len_twice;
    sources_init(&sources);
    struct diags *d = diags_new(&sources);
    int file = sources_add(&sources, "fuzz/rules", (const char *)data, size);
    require(file >= 0);
    int rc = lang_format(&sources, d, (uint32_t)file, &once, &len);
    require((rc == 0 && !diags_errors(d)) || (rc == -EINVAL && diags_errors(d)));
    if (rc == 0) {
        file = sources_add(&sources, "fuzz/rules", once, len);
        require(lang_format(&sources, d, (uint32_t)file, &twice, &len_twice) == 0);
        require(len == len_twice && memcmp(once, twice, len) == 0);
    }
    free(once);
    free(twice);
    diags_free(d);
    sources_fini(&sources);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *out;
    struct parsed p, q;
    if (!out && !(out = fopen("/dev/null", "w"))) abort();
    parse(&p, data, size);
    parse(&q, data, size);
    require(node_equal(p.tree, q.tree));
    require(diags_errors(p.diags) == diags_errors(q.diags));
    check(&p, p.tree, 0);
    lang_dump(p.tree, &p.sources, out);
    diags_print_text(p.diags, out, true);
    diags_print_json_with(p.diags, out, NULL, NULL);
    diags_print_sarif(p.diags, "fuzz", "1", out);
    check_format(data, size);
    parsed_fini(&q);
    parsed_fini(&p);
    return 0;
}

#ifdef REPLAY
int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        struct sources s;
        sources_init(&s);
        if (sources_read(&s, argv[i], (size_t)64 << 20) == 0)
            LLVMFuzzerTestOneInput((const uint8_t *)s.files[0].text, s.files[0].len);
        sources_fini(&s);
    }
    return 0;
}
#endif
