/* Reservation of interfaces: each belongs to one instance, because two that judge the same frames would forward them
 * twice */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct state;

/* Record in s that an instance serves these interfaces. Return 0, or a negative errno with one line in err: -EADDRINUSE
 * if another live instance in this namespace serves one of them. */
int served_reserve(struct state *s, const char *const interfaces[], unsigned count, char *err, size_t err_len);

/* True if a live instance in this namespace serves the interface, with the same line in err. Changes nothing. */
bool served_already(const char *run, const char *interface, char *err, size_t err_len);

/* True if the instance of that name serves the interface */
bool served_by(const char *run, const char *interface, const char *name);
/* True if a running instance with another name serves the interface. */
bool served_by_others(const char *run, const char *interface, const char *name);
