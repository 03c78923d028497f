#include "base/threads.h"
#include "base/memory.h"
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

enum { SPINS = 2000 }; /* about as long as waking a thread takes */

struct worker {
    pthread_t thread;
    struct pool *pool;
    int32_t index;
};

struct pool {
    pthread_mutex_t mutex;
    pthread_cond_t wake, done;
    atomic_uint round;  /* counts the calls of pool_run; workers wait for it to change */
    atomic_int running; /* workers that have not finished this round */
    bool stop;
    pid_t owner; /* threads exist only in the process that started them */
    pool_task *task;
    void *context;
    int64_t count;
    int32_t size;
    struct worker workers[]; /* workers[0] is the caller: it has no thread */
};

bool thread_start(pthread_t *thread, void *(*routine)(void *), void *argument)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const bool started = pthread_create(thread, NULL, routine, argument) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

static void run_share(struct pool *pool, int32_t index)
{
    const int64_t share = pool->count / pool->size, rest = pool->count % pool->size;
    const int64_t begin = share * index + (index < rest ? index : rest);
    const int64_t end = begin + share + (index < rest);
    if (begin < end) pool->task(pool->context, begin, end, index);
}

static void wait_for_round(struct pool *pool, unsigned last)
{
    for (int i = 0; i < SPINS; i++)
        if (atomic_load_explicit(&pool->round, memory_order_acquire) != last) return;
    pthread_mutex_lock(&pool->mutex);
    while (atomic_load(&pool->round) == last) pthread_cond_wait(&pool->wake, &pool->mutex);
    pthread_mutex_unlock(&pool->mutex);
}

static void *work(void *argument)
{
    const struct worker *worker = argument;
    struct pool *pool = worker->pool;
    for (unsigned round = 0;;) {
        wait_for_round(pool, round);
        round++;
        if (pool->stop) return NULL;
        run_share(pool, worker->index);
        if (atomic_fetch_sub(&pool->running, 1) == 1) {
            pthread_mutex_lock(&pool->mutex);
            pthread_cond_signal(&pool->done);
            pthread_mutex_unlock(&pool->mutex);
        }
    }
}

/* Wake the workers; what was written before is theirs to see. */
static void begin_round(struct pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    atomic_fetch_add(&pool->round, 1);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
}

static void wait_until_done(struct pool *pool)
{
    for (int i = 0; i < SPINS; i++)
        if (!atomic_load_explicit(&pool->running, memory_order_acquire)) return;
    pthread_mutex_lock(&pool->mutex);
    while (atomic_load(&pool->running)) pthread_cond_wait(&pool->done, &pool->mutex);
    pthread_mutex_unlock(&pool->mutex);
}

void pool_run(struct pool *pool, pool_task *task, void *context, int64_t count)
{
    if (count <= 0) return;
    if (!pool || pool->size == 1) {
        task(context, 0, count, 0);
        return;
    }
    pool->task = task;
    pool->context = context;
    pool->count = count;
    atomic_store(&pool->running, pool->size - 1);
    begin_round(pool);
    run_share(pool, 0);
    wait_until_done(pool);
}

/* Start workers until one cannot be started. */
static void start_workers(struct pool *pool, int32_t threads)
{
    while (pool->size < threads) {
        struct worker *worker = &pool->workers[pool->size];
        *worker = (struct worker){ .pool = pool, .index = pool->size };
        if (!thread_start(&worker->thread, work, worker)) break;
        pool->size++;
    }
}

struct pool *pool_create(int32_t threads)
{
    if (threads < 1) threads = 1;
    struct pool *pool = memory_zeroed(1, sizeof *pool + (size_t)threads * sizeof *pool->workers);
    if (!pool) return NULL;
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pthread_cond_init(&pool->done, NULL);
    pool->size = 1;
    pool->owner = getpid();
    start_workers(pool, threads);
    return pool;
}

static void stop_workers(struct pool *pool)
{
    pool->stop = true;
    begin_round(pool);
    for (int32_t i = 1; i < pool->size; i++) pthread_join(pool->workers[i].thread, NULL);
    pthread_cond_destroy(&pool->done);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->mutex);
}

void pool_free(struct pool *pool)
{
    if (!pool) return;
    if (pool->owner == getpid()) stop_workers(pool);
    memory_free(pool);
}

int32_t pool_size(const struct pool *pool)
{
    return pool ? pool->size : 1;
}
