/* Readers of text as a value, wherever it is (values.c, value_addr.c). */
#pragma once

#include "lang/arena.h"
#include "lang/tree/ast.h"

/* Read an unsigned number, decimal or 0x, with single _ between digits. Return 0, -EINVAL or -ERANGE. */
int parse_uint(const char *s, size_t len, uint64_t *out);
int parse_addr4(const char *s, size_t len, struct addr *out);
int parse_addr6(const char *s, size_t len, struct addr *out);
bool is_name(const char *s, size_t len);
/* Read `80`, `80-90`, `64-` or `-63` into kind and v of `out`. Return 0, -EINVAL or -ERANGE. */
int parse_int_or_range(const char *s, size_t len, struct node *out);

/* Return a MAC address such as `02-00-00-00-00-01` or `0200.0000.0001` with colons, as in rule files; in the arena.
 * NULL: not a MAC address. */
const char *mac_meant(struct arena *arena, const char *s, size_t len);
