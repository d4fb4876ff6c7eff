/* The interfaces of an instance are its own: two that judge the same frames would send them on twice. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct state;

/* Record in s that these are served. 0, or a negative errno with one line in err: -EADDRINUSE where another instance
 * that lives in this namespace serves one of them. */
int served_claim(struct state *s, const char *const interfaces[], unsigned count, char *err, size_t err_len);

/* Does an instance that lives in this namespace serve it? Then one line is in err that names it, the same. Changes
 * nothing. */
bool served_already(const char *run, const char *interface, char *err, size_t err_len);

/* Is it the instance of that name that does? */
bool served_by(const char *run, const char *interface, const char *name);
