/* Meters and schedules of random rule files: small bursts and tables, so that a few frames use them up. */
#include "tests/lib/draw_priv.h"

enum { METERS_MAX = 4, SCHEDULES_MAX = 3 };

static void put_meter(struct draw *d, unsigned number)
{
    static const char *const keys[] = {" per source",        " per destination",        " per flow",
                                       " per source/24,/64", " per destination/16,/32", " per source/31,/127"};
    static const char *const units[] = {"s", "m", "h"};

    put(d, "meter t%u = ", number);
    if (one_in(d, 3))
        put(d, "%ukbit/s burst %uB", 1 + below(d, 900), 40 + below(d, 800));
    else
        put(d, "%u/%s burst %u", 1 + below(d, 2000), units[below(d, 3)], 1 + below(d, 6));
    if (!one_in(d, 4)) {
        put(d, "%s", keys[below(d, 6)]);
        if (!one_in(d, 4)) put(d, " entries %u", 1 + below(d, 6));
    }
    put(d, "\n");
}

static void put_schedule(struct draw *d, unsigned number)
{
    static const char *const spans[] = {"mon-fri 08:00-18:00", "22:00-06:00", "sat, sun", "mon 00:00-24:00, thu"};

    put(d, "schedule w%u = %s\n", number, spans[below(d, 4)]);
}

void put_meters(struct draw *d)
{
    d->meters = one_in(d, 2) ? 1 + below(d, METERS_MAX) : 0;
    d->schedules = one_in(d, 2) ? 1 + below(d, SCHEDULES_MAX) : 0;
    for (unsigned i = 0; i < d->meters; i++) put_meter(d, i);
    for (unsigned i = 0; i < d->schedules; i++) put_schedule(d, i);
}

/* Put conditions on meters and schedules; a rule's other conditions may come before or after them. */
void put_meter_conditions(struct draw *d)
{
    while (d->meters && one_in(d, 4)) {
        begin(d, one_in(d, 2) ? "over " : "within ");
        put(d, "t%u", below(d, d->meters));
    }
    if (!d->schedules || !one_in(d, 6)) return;
    begin(d, one_in(d, 3) ? "during not " : "during ");
    put(d, "w%u", below(d, d->schedules));
    if (one_in(d, 3)) put(d, ", w%u", below(d, d->schedules));
}
