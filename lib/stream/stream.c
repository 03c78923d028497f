/* The queue, its threads, and the public functions.
 *
 *     push -> [ items ] -> readers: item_read -> engine: item_run -> next
 *
 * Items stay in one list in the order of pushing; two cursors say which is the next to read and which the next to run.
 * `ahead` + 1 of them at most are between the start of reading and their taking. Where the system starts no reader the
 * engine reads, and where it starts no engine the caller's thread does that work in next. */
#include <stdatomic.h>
#include <unistd.h>
#include "base/memory.h"
#include "base/threads.h"
#include "session/session.h"
#include "stream/item.h"

enum { MAX_READERS = 64 };
static const int32_t default_readers = 1, default_ahead = 2;

struct tumorclass_stream {
    tumorclass_session *session;
    struct logger logger; /* the session's, which it gets back: its callbacks belong to the caller's thread */
    tumorclass_progress_fn progress;
    tumorclass_image_options image;
    int64_t ahead;
    pid_t owner;          /* threads exist only in the process that started them */
    atomic_int cancelled; /* for good: set by a signal handler perhaps, so nobody waits for it */
    uint64_t pushed;      /* these three belong to the caller's thread */
    size_t pending;
    struct item *taken; /* whose answer the caller has */

    pthread_mutex_t mutex; /* of all that follows */
    pthread_cond_t changed;
    bool stop;
    struct item *first, *last, *to_read, *to_run;
    int64_t in_memory; /* items from the start of their reading to their taking */

    bool has_engine;
    pthread_t engine;
    int32_t reader_count;
    pthread_t readers[];
};

/* ---- Work: all with the mutex held, which is let go while a file is read or a scan runs ---- */

/* The next item to read, if there is room for it. */
static struct item *claim(struct tumorclass_stream *stream)
{
    struct item *item = stream->to_read;
    if (!item || stream->in_memory > stream->ahead) return NULL;
    stream->to_read = item->next;
    stream->in_memory++;
    return item;
}

static void read_item(struct tumorclass_stream *stream, struct item *item)
{
    item->held = true;
    pthread_mutex_unlock(&stream->mutex);
    if (!atomic_load(&stream->cancelled)) item_read(item, &stream->image);
    pthread_mutex_lock(&stream->mutex);
    item->held = false;
    item->read = true;
    pthread_cond_broadcast(&stream->changed);
}

static void run_item(struct tumorclass_stream *stream, struct item *item)
{
    stream->to_run = item->next;
    item->held = true;
    pthread_mutex_unlock(&stream->mutex);
    if (!atomic_load(&stream->cancelled)) item_run(item, stream->session);
    pthread_mutex_lock(&stream->mutex);
    item->held = false;
    item->answered = true;
    pthread_cond_broadcast(&stream->changed);
}

/* Run an item, or else read one if no other thread does; false: neither can be done now. */
static bool advance(struct tumorclass_stream *stream)
{
    struct item *item = stream->to_run;
    if (item && item->read) {
        run_item(stream, item);
        return true;
    }
    item = stream->reader_count ? NULL : claim(stream);
    if (item) read_item(stream, item);
    return item;
}

static void *read_ahead(void *argument)
{
    struct tumorclass_stream *stream = argument;
    pthread_mutex_lock(&stream->mutex);
    while (!stream->stop) {
        struct item *item = claim(stream);
        if (item)
            read_item(stream, item);
        else
            pthread_cond_wait(&stream->changed, &stream->mutex);
    }
    pthread_mutex_unlock(&stream->mutex);
    return NULL;
}

static void *run_engine(void *argument)
{
    struct tumorclass_stream *stream = argument;
    pthread_mutex_lock(&stream->mutex);
    while (!stream->stop)
        if (!advance(stream)) pthread_cond_wait(&stream->changed, &stream->mutex);
    pthread_mutex_unlock(&stream->mutex);
    return NULL;
}

/* ---- From creation to end ---- */

static void borrow_session(struct tumorclass_stream *stream, tumorclass_session *session)
{
    stream->session = session;
    stream->logger = session->logger;
    stream->progress = session->monitor.progress;
    session->logger.log = NULL;
    session->monitor.progress = NULL;
}

static void return_session(struct tumorclass_stream *stream)
{
    tumorclass_session *session = stream->session;
    session->logger = stream->logger;
    session->monitor.progress = stream->progress;
    atomic_store(&session->cancelled, 0); /* a cancel of the stream is not one of the session's next call */
}

static tumorclass_status check_options(tumorclass_stream_options *options)
{
    if (options->readers < 0 || options->readers > MAX_READERS)
        return fail(TUMORCLASS_BAD_ARGUMENT, "stream_options.readers is %d, not in 0 to %d", (int)options->readers,
                    MAX_READERS);
    if (options->ahead < 0)
        return fail(TUMORCLASS_BAD_ARGUMENT, "stream_options.ahead is %d, which is negative", (int)options->ahead);
    if (!options->readers) options->readers = default_readers;
    if (!options->ahead) options->ahead = default_ahead;
    return TUMORCLASS_OK;
}

static void start_threads(struct tumorclass_stream *stream, int32_t readers)
{
    pthread_mutex_init(&stream->mutex, NULL);
    pthread_cond_init(&stream->changed, NULL);
    pthread_mutex_lock(&stream->mutex); /* until it is known which threads there are */
    while (stream->reader_count < readers && thread_start(&stream->readers[stream->reader_count], read_ahead, stream))
        stream->reader_count++;
    stream->has_engine = thread_start(&stream->engine, run_engine, stream);
    pthread_mutex_unlock(&stream->mutex);
}

tumorclass_status tumorclass_stream_create(tumorclass_stream **stream, tumorclass_session *session,
                                           const tumorclass_stream_options *options)
{
    if (!stream) return fail(TUMORCLASS_BAD_ARGUMENT, "stream is NULL");
    *stream = NULL;
    tumorclass_stream_options known;
    tumorclass_image_options image;
    tumorclass_status status = session_enter(session);
    if (status == TUMORCLASS_OK) status = read_options(&known, options, sizeof known, "stream_options");
    if (status == TUMORCLASS_OK) status = check_options(&known);
    if (status == TUMORCLASS_OK) status = read_options(&image, known.image, sizeof image, "image_options");
    if (status != TUMORCLASS_OK) return status;

    tumorclass_stream *s = memory_zeroed(1, sizeof *s + (size_t)known.readers * sizeof *s->readers);
    if (!s) return fail(TUMORCLASS_OUT_OF_MEMORY, "no memory for a stream");
    atomic_init(&s->cancelled, 0);
    borrow_session(s, session);
    s->image = image;
    s->ahead = known.ahead;
    s->owner = getpid();
    start_threads(s, known.readers);
    *stream = s;
    return TUMORCLASS_OK;
}

static void end_threads(struct tumorclass_stream *stream)
{
    pthread_mutex_lock(&stream->mutex);
    stream->stop = true;
    pthread_cond_broadcast(&stream->changed);
    pthread_mutex_unlock(&stream->mutex);
    for (int32_t i = 0; i < stream->reader_count; i++) pthread_join(stream->readers[i], NULL);
    if (stream->has_engine) pthread_join(stream->engine, NULL);
    pthread_cond_destroy(&stream->changed);
    pthread_mutex_destroy(&stream->mutex);
}

void tumorclass_stream_free(tumorclass_stream *stream)
{
    if (!stream) return;
    if (stream->owner == getpid()) end_threads(stream);
    return_session(stream);
    while (stream->first) {
        struct item *item = stream->first;
        stream->first = item->next;
        if (!item->held) item_free(item); /* held after fork: left as the thread that is not there left it */
    }
    item_free(stream->taken);
    memory_free(stream);
}

void tumorclass_stream_cancel(tumorclass_stream *stream)
{
    if (!stream) return;
    atomic_store(&stream->cancelled, 1); /* first: what the engine starts after this does not run */
    tumorclass_session_cancel(stream->session);
}

/* ---- In and out ---- */

static tumorclass_status enter(const tumorclass_stream *stream)
{
    if (!stream) return fail(TUMORCLASS_BAD_ARGUMENT, "stream is NULL");
    if (stream->owner != getpid())
        return fail(TUMORCLASS_BAD_STATE,
                    "the stream belongs to process %ld, this is its forked child %ld: create a session and a stream "
                    "after fork",
                    (long)stream->owner, (long)getpid());
    return TUMORCLASS_OK;
}

static void append(struct tumorclass_stream *stream, struct item *item)
{
    pthread_mutex_lock(&stream->mutex);
    if (stream->last)
        stream->last->next = item;
    else
        stream->first = item;
    stream->last = item;
    if (!stream->to_read) stream->to_read = item;
    if (!stream->to_run) stream->to_run = item;
    pthread_cond_broadcast(&stream->changed);
    pthread_mutex_unlock(&stream->mutex);
}

tumorclass_status tumorclass_stream_push(tumorclass_stream *stream, const tumorclass_stream_item *item)
{
    tumorclass_status status = enter(stream);
    if (status != TUMORCLASS_OK) return status;
    if (!item) return fail(TUMORCLASS_BAD_ARGUMENT, "item is NULL");
    struct item *copy;
    status = item_create(&copy, item);
    if (status != TUMORCLASS_OK) return status;
    copy->index = stream->pushed++;
    stream->pending++;
    append(stream, copy);
    return TUMORCLASS_OK;
}

size_t tumorclass_stream_pending(const tumorclass_stream *stream)
{
    return stream->pending;
}

/* The oldest item, once it is answered, taken out of the list. */
static struct item *take(struct tumorclass_stream *stream)
{
    pthread_mutex_lock(&stream->mutex);
    struct item *item = stream->first;
    while (!item->answered)
        if (stream->has_engine || !advance(stream)) pthread_cond_wait(&stream->changed, &stream->mutex);
    stream->first = item->next;
    if (!stream->first) stream->last = NULL;
    stream->in_memory--;
    pthread_cond_broadcast(&stream->changed);
    pthread_mutex_unlock(&stream->mutex);
    return item;
}

tumorclass_status tumorclass_stream_next(tumorclass_stream *stream, tumorclass_stream_answer *answer)
{
    const tumorclass_status status = enter(stream);
    if (status != TUMORCLASS_OK) return status;
    if (!answer) return fail(TUMORCLASS_BAD_ARGUMENT, "answer is NULL");
    item_free(stream->taken);
    stream->taken = NULL;
    if (!stream->pending) return fail(TUMORCLASS_BAD_STATE, "no item is pending: push one first");

    struct item *item = take(stream);
    stream->taken = item;
    stream->pending--;
    if (atomic_load(&stream->cancelled)) item_cancel(item);
    item_answer(answer, item);
    return TUMORCLASS_OK;
}
