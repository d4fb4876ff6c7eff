/* The main thread's state of live traffic, and the functions that its files share. */
#pragma once

#include "runtime/live/control/control_state.h"

struct take;

/* Progress of a start that takes over from a keeper (heir.h) */
enum heir { HEIR_NONE, HEIR_WAITS, HEIR_DONE, HEIR_REFUSED };

/* One part for each room, with pointers to the rooms below */
struct live {
    const struct options *o;
    struct tell tell;
    struct carry carry;
    struct world world;
    struct rules rules;
    struct control control;
    uint64_t renumbered; /* value of world.renumbered when probes through services last got new numbers */
    uint32_t half_open;  /* most half-open inline connections of a worker (files_allow) */
    enum heir heir;
    int heir_to;       /* with `heir`: the process that the service manager has started; -1: none */
    struct take *take; /* the instance taken over (take.h); NULL: a plain start */
    int signal_fd;
    int ended_by; /* signal that ended the run; 0: none */
    bool report;  /* print counters once no change is pending */
};

/* ---- look_at.c: obstacles of this host ---- */

/* Check privileges, interfaces and, if the program could be loaded, ways to servers. Each finding is a line with its
 * remedy. Return the exit status. */
int look_at_host(struct live *l);
int look_at_privileges(void); /* call first: without privileges other findings are useless */
/* Check for obstacles to the kernel executor and print them, the most basic first: privileges, the kernel's version,
 * a place for pins. Return 0 or the exit status. */
int look_at_kernel(const struct live *l);
/* For --preflight: print that the kernel has taken the program, which is attached to no interface. */
void look_at_proof(const struct live *l);

/* ---- start.c: checks before any change, and the opening of sockets ---- */

struct parent;

/* Load the program, and open the host's view. Return the exit status. */
int start_load(struct live *l);
/* With --on-exit closed, before the slow steps: take the instance's name, and shut the interfaces of -i, unless
 * judges of a former run are there. *p stays NULL if another process has the name, which the look reports. Return
 * the exit status. */
int start_shut(struct live *l, struct parent **p);
/* After the look, if this process judges, shut the interfaces of a former run's judges, and remove those judges.
 * Return the exit status. */
int start_shut_again(struct live *l, struct parent *p);
/* Check program, interfaces, and rules that can't be enforced, before any change. Return the exit status. */
int start_look(struct live *l);
/* Open sockets and make the workers, up to the point where they could run. Return the exit status. */
int start_open(struct live *l);
void start_close(struct live *l);

/* ---- files.c: the limit on open descriptors ---- */

/* Raise the limit on descriptors (RLIMIT_NOFILE) of this process and its children: up to the hard limit in any case,
 * and beyond if the ports, workers, checks and sessions of carry->now may need more. If the kernel refuses, print a
 * notice with the consequence and the remedy. Call after start_look. Return the number of half-open inline
 * connections that a worker may have: half of those for which there are descriptors. */
uint32_t files_allow(const struct live *l);

/* ---- drain.c: connections that end here, after a takeover ---- */

/* Continue only proxied sessions, until they have ended, their time has expired, or the process that has taken over
 * is gone. Workers are stopped, and are freed. */
void drain(struct live *l);

/* ---- turn.c: turns, from readiness to the requested end ---- */

/* Do turns until the end. Return the exit status. */
int turns(struct live *l);

/* Take what a worker reports: log notes, refusals, faults, questions about ways. False: out of memory. */
bool turn_called(struct live *l, struct worker *w);
/* Print the counters; `running`: the workers have threads. False: they were not printed, which is reported. */
bool turn_report(struct live *l, bool running);
