#include "interrupt.h"
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>
#include "command.h"

/* A handler can reach nothing but these. */
static volatile sig_atomic_t caught;
static _Atomic(tumorclass_session *) watched;
static _Atomic(tumorclass_stream *) watched_stream;

static void stop(int signal_number)
{
    if (caught) _exit(INTERRUPTED + signal_number);
    caught = signal_number;
    tumorclass_stream *stream = atomic_load(&watched_stream);
    tumorclass_session *session = stream ? NULL : atomic_load(&watched);
    if (stream) tumorclass_stream_cancel(stream);
    if (session) tumorclass_session_cancel(session);
}

/* A shell that starts us in the background has us ignore the interrupts of its foreground. */
static void catch_unless_ignored(int signal_number, const struct sigaction *action)
{
    struct sigaction before;
    if (!sigaction(signal_number, NULL, &before) && before.sa_handler != SIG_IGN)
        sigaction(signal_number, action, NULL);
}

void interrupt_catch(void)
{
    struct sigaction action = { .sa_flags = SA_RESTART };
    action.sa_handler = stop;
    sigemptyset(&action.sa_mask);
    catch_unless_ignored(SIGINT, &action);
    catch_unless_ignored(SIGTERM, &action);
}

void interrupt_watch(tumorclass_session *session)
{
    atomic_store(&watched, session);
}

void interrupt_watch_stream(tumorclass_stream *stream)
{
    atomic_store(&watched_stream, stream);
}

int interrupt_signal(void)
{
    return caught;
}
