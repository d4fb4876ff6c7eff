/* Writers of observe services: the file of sessions, the directory of bytes. */
#pragma once

#include "runtime/observe/conns.h"

struct observed_service;
struct observed_services {
    const struct observed_files *files;
    void (*complain)(void *arg, const char *what);
    void *arg;
    struct observed_service *first;
    struct observed_counters counters;
};
void services_init(struct observed_services *all, const struct observed_files *files,
                   void (*complain)(void *arg, const char *what), void *arg);
void services_fini(struct observed_services *all);
void services_flush(struct observed_services *all);
/* Continue after another process: look for files of sessions that it has turned, and files of bytes that it has made
 * since this one's were opened. */
void services_again(struct observed_services *all);
/* Return the writer of a program's service, the one of an earlier program with the same name and files, or a new one,
 * with its files open. NULL: a line in err. */
struct observed_service *services_get(struct observed_services *all, const struct program *p,
                                      const struct pbc_observe *o, char *err, size_t err_len);

/* Write bytes of a connection; return the number of lost bytes. */
uint64_t service_bytes(struct observed_service *s, struct conn_seen *c, const struct observe_event *e,
                       uint64_t wall_time_ns);
/* Finish the connection's files. e: its END; NULL: the connection is given up. s NULL: it has no service. */
void service_done(struct observed_service *s, struct conn_seen *c, const struct observe_event *e);
/* Write the connection's session. c NULL: it had neither bytes nor gaps. */
void service_session(struct observed_service *s, const struct conn_seen *c, const struct observe_event *e,
                     uint64_t wall_ns);
