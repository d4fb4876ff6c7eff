/* What the parts of replay share. */
#ifndef RUNTIME_REPLAY_PRIV_H
#define RUNTIME_REPLAY_PRIV_H

#include "runtime/capture/capture.h"
#include "runtime/kernel/executor.h"
#include "runtime/replay/iface.h"
#include "runtime/replay/only.h"
#include "runtime/replay/out.h"
#include "runtime/replay/ports.h"
#include "runtime/replay/progress.h"
#include "runtime/replay/replay.h"
#include "runtime/replay/routes.h"
#include "runtime/replay/text.h"
#include "runtime/replay/verdicts.h"
#include "runtime/totals.h"

/* One replay's world: opened once, the same for every pass. */
struct replay {
    const struct options *o;
    struct program *program;
    struct capture *capture;
    struct labels labels;
    struct facts facts;
    struct ports *ports; /* NULL: not of a capture */
    struct known_routes routes;
    struct only only;
    uint8_t *down;     /* [servers_count] 1: --down names it; NULL: none */
    struct pool *pool; /* of answers */
    void *pool_memory;
};

struct flow_list;
struct explain_look;

/* Times of --repeat, in nanoseconds a packet. */
struct timing {
    double first, best, median, worst;
    uint64_t passes; /* that were made whole */
};

/* One line on standard error: "preyrun: ...". Returns 2. */
int complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same where a worker finds no memory: with the size that the rules ask for. */
int complain_memory(const struct program *p);

/* Why the rest of the capture cannot be read. */
int complain_capture(const struct replay *r);

/* A worker in this process, or one whose packets go through the kernel. NULL after complaining. */
struct executor *replay_executor(const struct replay *r, const struct vm_cfg *cfg, bool in_kernel);

/* Servers that --down names, into r->down and the facts. 0, or -ENOENT with a line that lists what there is. */
int down_find(struct replay *r, char *err, size_t err_len);

/* services.c: the service's part of the summary and of an explanation. */
void services_text(FILE *out, const struct replay *r, const struct vm_counters *c, const struct totals *t, int width);
struct counter server_served(const struct vm_counters *c, const struct totals *t, uint32_t server);
void explain_service_text(FILE *out, const struct replay *r, const struct served *s, const struct key *key,
                          const struct pkt *pkt, const struct verdict *v);
void explain_service_json(FILE *out, const struct replay *r, const struct served *s, const struct verdict *v);

/* explain_said.c: the same of a service whose connections end at a proxy. c: as they stand behind the packet; NULL:
 * nobody follows them. */
struct said;
void said_text(FILE *out, const struct replay *r, const struct streams *s);
struct cJSON;
void said_json(struct cJSON *root, const struct streams *s);
void explain_said_text(FILE *out, const struct replay *r, const struct said *c, const struct verdict *v);
void explain_said_json(FILE *out, const struct replay *r, const struct said *c, const struct verdict *v);

/* explain_flow.c: what `state` says of a frame, and the flow that it belongs to or quotes. Nothing where the program
 * keeps no flows. */
void explain_flow_text(FILE *out, const struct replay *r, const struct explain_look *k);
void explain_flow_json(FILE *out, const struct replay *r, const struct explain_look *k);

/* explain.c: what was asked of a worker, of a packet that it does not judge, and that would get this verdict. JSON: an
 * object without its end. */
void explain_print(const struct replay *r, const struct explain_look *k, uint64_t time_ns, const struct verdict *v,
                   FILE *out);

/* A frame of the capture as the vm wants it: a view, nothing copied. */
void frame_view(const struct replay *r, const struct capture_frame *f, struct pkt *pkt);

/* clock.c: the capture's clock, which never runs back. */
struct replay_clock {
    const struct program *program;
    struct facts facts; /* with the schedules that are active now */
    uint64_t now_ns;
    uint64_t until_ns;     /* the schedules hold for earlier times */
    uint64_t step_ns;      /* frames of one such step of time are judged at one time */
    uint64_t tick_ns;      /* when the vm's timers are due; UINT64_MAX: never */
    unsigned silent_ticks; /* so far, see clock.c */
    bool timers;           /* the program has any */
    bool only_fragments;   /* nothing but fragments can tell one time from another */
};
struct replay_clock replay_clock_of(const struct replay *r);
/* The vm's input at a frame; holds until the next call. */
struct vm_in replay_clock_at(struct replay_clock *c, uint64_t time_ns);
/* The vm holds a frame from now on. */
void replay_clock_held(struct replay_clock *c);
/* Tick the worker at every deadline up to this time, a bounded number of times; left: called after each, takes what is
 * in tx.
 */
typedef void left_fn(void *arg);
void replay_clock_tick(struct replay_clock *c, uint64_t time_ns, struct executor *exec, struct vm_tx *tx, left_fn *left,
                       void *arg);

/* sent.c: what the vm sends, as Ethernet frames. A next hop's MAC is written into the packet. 0 or a negative errno. */
int sent_write(struct capture_writer *w, const struct tx_entry *e, uint64_t time_ns);

/* log.c: one line an event on standard error. The packet is parsed again. */
void log_line(const struct replay *r, const struct event *e, struct pkt *pkt, uint64_t time_ns, uint64_t frame);

/* summary.c, json.c: the same numbers for a person and for a program. timing may be NULL; fault: why the capture's rest
 * could not be read, or "". list: of --flows, or NULL; for a person it is printed apart. */
void summary_text(FILE *out, const struct replay *r, const struct vm_counters *c, const struct totals *t,
                  const struct timing *timing, const char *fault);
int summary_json(FILE *out, const struct replay *r, const struct vm_counters *c, const struct totals *t,
                 const struct timing *timing, const char *fault, const struct flow_list *list);

/* coverage.c: which rules matched, and which never, instead of a summary; for a person and for a program. */
void coverage_text(FILE *out, const struct replay *r, const struct vm_counters *c, const struct totals *t,
                   const char *fault);
int coverage_json(FILE *out, const struct replay *r, const struct vm_counters *c, const struct totals *t,
                  const char *fault);

/* explain.c: the frames that o->explained says. Returns the exit status. */
int explain(const struct replay *r);

#endif
