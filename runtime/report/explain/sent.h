/* Packets that left because of the explained frame. */
#pragma once

#include "runtime/report/subject.h"

enum { DEPARTURES_MOST = 16 };

/* A copy of a packet that left. */
struct departure {
    uint8_t *bytes;
    uint32_t cap_len, wire_len;
    uint8_t link, cause; /* enum pkt_link, enum tx_cause */
};
struct departures {
    struct departure of[DEPARTURES_MOST];
    unsigned count;
};

/* A field that differs between two packets. */
struct field {
    const char *name;
    char before[88], after[88];
};
/* Write the fields as a member `rewritten`, with a comma before it. */
void fields_json(FILE *out, const struct field *fields, unsigned count);

/* Keep the entry if it is sent; without room or memory it is left out. */
void departures_add(struct departures *d, const struct tx_entry *e);
void departures_fini(struct departures *d);

/* Write "sent tcp 10.0.0.1:61017 > 10.0.0.12:8443 SYN", with its lengths if the capture has truncated it, then a
 * line for each field that differs from the arriving packet. */
void departures_text(FILE *out, const struct subject *r, const struct departures *all, const struct pkt *came,
                     const struct key *key, const struct verdict *v);
void departures_json(FILE *out, const struct subject *r, const struct departures *all, const struct pkt *came,
                     const struct key *key, const struct verdict *v);
