/* `mode proxy`: the first bytes choose the branch, if some branch needs them; then all bytes pass unchanged */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "runtime/proxy/access.h"
#include "runtime/proxy/connect.h"
#include "runtime/proxy/inline/leave_sockets.h"
#include "runtime/proxy/inline/middle.h"
#include "vm/judge/decide.h"

/* Return the end of a session whose first bytes are bad, too long or too late */
static enum session_end why_bad(const struct first *f)
{
    const unsigned r = f->reason;
    if (r == STREAM_INSTRUCTION_MALFORMED || r == STREAM_INSTRUCTION_REFUSED) return SESSION_INSTRUCTION;
    if (r == STREAM_FIRST_LATE) return SESSION_FIRST_LATE;
    if (r == STREAM_FIRST_TOO_LONG) return SESSION_FIRST_LONG;
    return SESSION_FIRST_BAD;
}

/* True if the branch connects to the target of an instruction */
static bool branch_asks(const struct program *p, uint32_t branch)
{
    const struct pbc_branch *b = &p->branches[branch];
    for (uint32_t c = b->conds; c < b->conds + b->cond_count; c++)
        if (p->conds[c].kind == COND_INSTRUCTION) return true;
    return false;
}

/* Remove the instruction, which is for prey, from the client's bytes, if a `when instruction` has chosen the branch */
static void instruction_take(struct session *s)
{
    const struct first *f = &s->proxy->first;
    if (f->instruction != FIRST_KNOWN || !branch_asks(s->proxy->program, s->branch)) return;
    s->up.buffer->from += f->told.len;
    s->nat = f->told.nat;
    s->instructed = true;
}

/* True if the target is a service of this proxy that takes instructions: its bytes could make sessions without end */
static bool instruction_leads_back(const struct session *s)
{
    const struct program *p = s->proxy->program;
    if (branch_goes(&p->branches[s->branch]) != PBC_GOES_TARGET) return false;
    const uint32_t service = listeners_service(s->proxy, &s->proxy->first.told.target);
    bool takes = false;
    for (uint32_t i = 0; service != PBC_NONE && i < p->services[service].branch_count; i++)
        takes |= branch_goes(&p->branches[p->services[service].branches + i]) == PBC_GOES_TARGET;
    return takes;
}

/* True if the instruction asks to show the target the proxy's own address. A service in the wire always shows the
 * client's */
static bool instruction_hides(const struct session *s)
{
    const struct first *f = &s->proxy->first;
    const bool wire = mode_is(s->proxy->program->services[s->service].mode, MODE_INLINE);
    return wire && f->instruction == FIRST_KNOWN && f->told.nat == INSTRUCTION_NAT_OURS &&
           branch_goes(&s->proxy->program->branches[s->branch]) == PBC_GOES_TARGET;
}

/* After connecting, send the client the branch's acknowledgement, if it has one. One write is enough: the socket's
 * buffer has room, because nothing was sent to the client before. False on failure. */
static bool instruction_answer(struct session *s)
{
    const struct pbc_pattern *ack = s->instructed ? program_ack(s->proxy->program, s->branch) : NULL;
    return !ack || side_write(&s->client, ack->value, ack->len) == ack->len;
}

/* Set the final branch and free the state of reading first bytes. The bytes themselves stay in the buffer. */
static void branch_choose(struct session *s, uint32_t branch)
{
    struct proxy *p = s->proxy;
    if (s->at) slab_give(&p->ats, s->at);
    s->at = NULL;
    s->branch = branch == STREAM_MORE ? PBC_NONE : branch;
    session_wait(s, 0);
    proxy_took(session_counts(s), PROXY_TIME_DECIDE, p->loop.now_ns - s->begun_ns);
    if (s->branch == PBC_NONE) {
        session_end(s, SESSION_NO_SERVER);
    } else if (program_refuses(p->program, s->branch, &p->first) || instruction_leads_back(s) || instruction_hides(s)) {
        count_up(&session_counts(s)->refused[STREAM_INSTRUCTION_REFUSED], 1);
        session_end(s, SESSION_INSTRUCTION);
    } else {
        instruction_take(s);
        if (branch_goes(&p->program->branches[branch]) == PBC_GOES_TARGET)
            connect_target(s, &p->first.told.target);
        else
            connect_branch(s);
    }
}

/* Return what to look for in first bytes; not TLS, if the client's TLS ended here */
static uint32_t wants(const struct session *s)
{
    const uint32_t all = program_wants(s->proxy->program, s->service);
    return s->client.tls ? all & ~(uint32_t)FIRST_TLS : all;
}

static struct first_asked first_asks(const struct session *s, enum first_end end)
{
    const uint64_t says = s->proxy->program->settings->first_bytes, room = s->up.buffer->size - BUFFER_FRONT;
    const uint64_t most = says < room ? says : room; /* buffers keep the size of the start */
    return (struct first_asked){
        .wants = wants(s), .end = (uint8_t)end, .limit = (uint32_t)(most < STREAM_MAX ? most : STREAM_MAX)};
}

/* Let the program choose a branch by the bytes so far */
static void first_judge(struct session *s, enum first_end end)
{
    struct proxy *p = s->proxy;
    struct buffer *b = s->up.buffer;
    const struct first_asked a = first_asks(s, end);
    if (first_read(&p->first, s->at, buffer_at(b), buffer_len(b), &a) == READ_BAD) {
        count_up(&session_counts(s)->refused[p->first.reason], 1);
        session_end(s, why_bad(&p->first));
        return;
    }
    proxy_tells_tls(s);
    const uint32_t branch = program_stream(p->program, &s->key, &p->first);
    if (branch == STREAM_MORE && !p->first.ended) return;
    branch_choose(s, branch == STREAM_MORE ? PBC_NONE : branch);
}

/* Read the client's first bytes */
static void first_hear(struct session *s)
{
    struct buffer *b = s->up.buffer;
    while (s->at && s->ended == SESSION_ENDS && name_heard(s)) {
        const ssize_t n = side_read(&s->client, b->bytes + b->to, buffer_room(b));
        if (n == -EAGAIN) return;
        if (n < 0) {
            session_end(s, SESSION_CLIENT_GONE);
            return;
        }
        b->to += (uint32_t)n;
        first_judge(s, n ? FIRST_OPEN : FIRST_CLOSED);
    }
}

static void plain_begin(struct session *s)
{
    struct proxy *p = s->proxy;
    if (!wants(s)) {
        memset(&p->first, 0, offsetof(struct first, scratch));
        p->first.instruction = FIRST_ABSENT;
        proxy_tells_tls(s);
        const struct pbc_service *service = &p->program->services[s->service];
        const bool cut = service->flags & PBC_SERVICE_CUT; /* such a service has no endpoint */
        branch_choose(s, cut ? service->branches : program_stream(p->program, &s->key, &p->first));
        return;
    }
    s->at = slab_take(&p->ats);
    s->up.buffer = buffer_take(&p->buffers);
    if (!s->at || !s->up.buffer) {
        session_end(s, SESSION_FULL);
        return;
    }
    memset(s->at, 0, sizeof *s->at);
    first_judge(s, FIRST_OPEN); /* a branch before the first that needs bytes may match */
}

/* Return the longest allowed silence, in nanoseconds */
static uint64_t patience(const struct session *s)
{
    const bool half = s->client.flags & SIDE_ENDED || s->server->flags & SIDE_ENDED;
    return half ? s->proxy->program->settings->proxy_half_close_ns : session_idle_ns(s);
}

/* Move bytes between client and server. False: the session has ended. */
static bool move_both(struct session *s)
{
    struct proxy *p = s->proxy;
    const uint64_t up_before = s->up.moved, down_before = s->down.moved;
    s->up.keeps_open = s->client.flags & SIDE_SHUT && side_ends_by_closing(s->server);
    const enum way_result up = name_heard(s) ? way_move(&s->up, &p->buffers) : WAY_WAITS;
    count_up(&session_counts(s)->up_bytes, s->up.moved - up_before);
    if (s->ended != SESSION_ENDS || !session_heed(s, up, true)) return false;
    s->down.keeps_open = up == WAY_DONE && side_ends_by_closing(&s->client);
    const enum way_result down = way_move(&s->down, &p->buffers);
    count_up(&session_counts(s)->down_bytes, s->down.moved - down_before);
    if (!session_heed(s, down, false)) return false;
    if (up == WAY_DONE && down == WAY_DONE) session_end(s, SESSION_DONE);
    return s->ended == SESSION_ENDS;
}

/* Move bytes; if some were moved, the time of silence begins again */
static void bytes_move(struct session *s)
{
    const uint64_t up_before = s->up.moved, down_before = s->down.moved;
    const unsigned ended_before = (s->client.flags | s->server->flags) & SIDE_ENDED;
    if (!(s->middle ? middle_move : move_both)(s)) return;
    const bool ended = ended_before != ((s->client.flags | s->server->flags) & SIDE_ENDED);
    if (ended || s->up.moved != up_before || s->down.moved != down_before) session_wait(s, patience(s));
}

static void connected(struct session *s, enum session_end failed)
{
    if (failed != SESSION_ENDS)
        session_end(s, failed);
    else if (s->branch != PBC_NONE && branch_goes(&s->proxy->program->branches[s->branch]) == PBC_GOES_PROGRAM &&
             !middle_begin(s))
        session_end(s, SESSION_PROGRAM);
    else if (!instruction_answer(s))
        session_end(s, SESSION_CLIENT_GONE);
    else {
        session_wait(s, patience(s));
        leave_begin(s);
    }
}

static bool moves(struct session *s)
{
    return s->server && !s->dials && s->ended == SESSION_ENDS && !leave_goes_on(s) && s->ended == SESSION_ENDS;
}

static void plain_step(struct session *s)
{
    if (s->at) first_hear(s);
    if (moves(s)) {
        bytes_move(s);
        leave_moved(s);
    }
    /* A reset by the client ends the session while a connection to a server is being made */
    if (s->dials && s->client.flags & SIDE_FAILED) session_end(s, SESSION_CLIENT_GONE);
}

static void late(struct session *s)
{
    if (s->at)
        first_judge(s, FIRST_LATE);
    else if (session_is_spliced(s))
        after_late(s);
    else
        session_end(s,
                    s->server && (s->client.flags | s->server->flags) & SIDE_ENDED ? SESSION_HALF_CLOSE : SESSION_IDLE);
}

/* Close streams to a program, and write the connection's line to the access log */
static void fini(struct session *s)
{
    middle_fini(s);
    leave_fini(s);
    if (!access_wanted(s)) return;
    const bool good = session_end_class(s->ended) == END_GOOD;
    struct log_entry e = {
        .bytes_in = s->up.moved, .bytes_out = s->down.moved, .reason = good ? NULL : session_end_name(s->ended)};
    access_write_line(s, &e, s->begun_ns);
}

const struct session_ops session_plain = {plain_begin, plain_step, connected, late, NULL, leave_ends,
                                          fini,        NULL,       NULL,      NULL, 0};
