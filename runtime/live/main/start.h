/* The start: what is looked at before anything is changed, and what is opened. */
#pragma once

#include "runtime/live/main/state.h"

/* Look before anything is changed: the program, the interfaces, what cannot be enforced. The exit status. */
int start_look(struct live *l);
/* The same of a program alone, which is loaded, of the file called so: what is not supported, what cannot be enforced;
 * of one that ran already (again) that is not asked, for own addresses may have changed since, which is told. False:
 * `why` says it. */
bool start_look_at(const struct live *l, const struct program *p, const char *name, bool again, char *why, size_t len);
/* Which rule may drop what this process could only watch; false: none may. */
bool start_watched(const struct live *l, const struct program *p, char *what, size_t len);
/* Own addresses have changed: say so where that holds of the program that runs, which did not hold before. */
void start_watched_now(struct live *l);
/* Does this process enforce all of the program, or the kernel, as was chosen? False: `why` says where it does not. */
bool start_enforces(const struct live *l, const struct program *p, char *why, size_t len);
/* Is what crosses from one interface given to another the program's to send on? Where a firewall judges it, and either
 * the host's stack forwards packets, whose place prey takes then, or a `forward` firewall says so. */
bool start_routes(const struct live *l, const struct program *p);
bool start_has_tunnels(const struct program *p);
/* The program's file once more, by the parent. NULL, with one line in err. */
struct program *start_load_again(const struct live *l, char *err, size_t err_len);
/* Sockets and the worker, up to where it could run. */
int start_open(struct live *l);
/* A socket of that worker on the interface as it is now. *group: of the sockets that share what arrives there, -1: this
 * is the first. NULL, and it is told why. */
struct io_port *start_open_io(struct live *l, const struct worker *w, unsigned at, int *group);
void start_close(struct live *l);
