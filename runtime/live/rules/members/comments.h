/* Comments of members, each text stored once, because a script that bans a hundred thousand senders gives all the
 * same reason. */
#pragma once

#include <stdint.h>

struct comments;
struct comments *comments_new(uint64_t seed); /* NULL: out of memory */
void comments_free(struct comments *c);       /* NULL is allowed; all comments must have been put back */
/* Hold a comment of that text, at most NOTE_COMMENT_MOST bytes (notes.h), until comments_put. NULL: out of memory. */
const char *comment_get(struct comments *c, const char *text);
void comment_put(struct comments *c, const char *comment);
