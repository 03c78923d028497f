/* session: the public entry points that need more than one room: sessions, and the way from a volume to an answer.
 * Includes every room of the library; none but stream includes it. */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H
#include <sys/types.h>
#include "base/log.h"
#include "base/monitor.h"
#include "cpu/cpu_backend.h"
#include "network/plugin.h"
#include "network/network.h"
#include "result/result.h"

enum { MAX_MODELS = 64 };

/* The backward pass that was asked for last, ready to run again. */
struct explainer {
    tumorclass_attention_method method; /* AUTO: there is none yet */
    int32_t level;
    bool from_input; /* its input is the network's; else the activations at the default level */
    struct graph graph;
    struct network *network;
};

struct ensemble_model {
    tumorclass_model *model; /* retained */
    struct network *network;
    struct explainer explainer;
};

struct tumorclass_session {
    struct ensemble_model *models;
    int32_t model_count;
    struct pool *pool;
    const struct backend *backend; /* that the networks run on */
    struct backend_options backend_options;
    struct logger logger;
    struct monitor monitor;
    atomic_int cancelled;
    pid_t owner; /* threads and devices do not survive fork */
    bool broken; /* the device failed: nothing but free is safe */
    char device[320];
};

/* Whether a call may go on: not after fork, not after the device failed. */
tumorclass_status session_enter(const tumorclass_session *session);
/* A failure of the device is the session's last. Returns `status`. */
tumorclass_status session_leave(tumorclass_session *session, tumorclass_status status);
double session_seconds(void); /* monotonic */

/* scan.c: what a caller gave, checked and completed. */
tumorclass_status scan_check(tumorclass_scan_options *known, const tumorclass_session *session,
                             const tumorclass_volume *volume, const tumorclass_scan_options *options);

/* explainer.c: the raw map of one member, in units of the logit, on the cells of a level. */
tumorclass_status explainer_open(struct ensemble_model *model, const tumorclass_session *session,
                                 tumorclass_attention_method method, int32_t level);
tumorclass_status explainer_run(float *cells, struct explainer *explainer, const struct member *member,
                                int32_t class_index, const struct monitor *monitor);
void explainer_close(struct explainer *explainer);

#endif
