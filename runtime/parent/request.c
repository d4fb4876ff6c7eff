/* The bounds of all requests, used by both processes and by tests */
#include "runtime/parent/request.h"

#include "runtime/host/socket/transparent.h"

#define BODY_NO_BODY            sizeof(struct request_none)
#define BODY_BODY(shape)        sizeof(struct request_##shape)
#define BODY_PATH(of)           sizeof(struct request_path)
#define EACH_ALONE              0, 0
#define EACH_LIST(thing, most)  sizeof(struct thing), most
#define EACH_BYTES(most)        1, most
#define FDS_DONE                0, 0, true
#define FDS_VALUE               0, 0, true
#define FDS_FDS(n)              n, n, true
#define FDS_SOME(most)          0, most, true
#define FDS_ANSWER(least, most) least, most, true
#define FDS_UNANSWERED          0, 0, false

const struct request_row request_rows[REQUEST_COUNT] = {
#define REQUEST(ident, asks, behind, gives, doc) [REQUEST_##ident] = {BODY_##asks, EACH_##behind, FDS_##gives},
#include "runtime/parent/request.def"
};
