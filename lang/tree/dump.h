/* The tree as text. */
#pragma once

#include <stdio.h>

#include "lang/tree/ast.h"

/* Print the tree, indented, one node per line: kind, payload, line:col. */
void lang_dump(const struct node *tree, struct sources *sources, FILE *out);
