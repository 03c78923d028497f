/* Threads: a pool of our own. Work is split statically, so which thread does what never changes a result's bits. */
#ifndef BASE_THREADS_H
#define BASE_THREADS_H
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Start a thread that leaves all signals to the caller's threads; false: the system starts no more. */
bool thread_start(pthread_t *thread, void *(*routine)(void *), void *argument);

struct pool;

/* `threads` workers, the calling thread one of them; fewer if the system starts fewer. NULL: no memory. */
struct pool *pool_create(int32_t threads);
void pool_free(struct pool *pool); /* waits for the workers to end */
int32_t pool_size(const struct pool *pool);

/* Do items [begin, end); `worker` is in [0, pool_size) and no two calls running at a time share it. */
typedef void pool_task(void *context, int64_t begin, int64_t end, int32_t worker);

/* Split [0, count) over the workers, run, and return when all is done. A pool of NULL runs it all on this thread. */
void pool_run(struct pool *pool, pool_task *task, void *context, int64_t count);

#endif
