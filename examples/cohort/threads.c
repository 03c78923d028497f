#include <pthread.h>
#include "cohort.h"

enum { MOST_STARTED = 1024 };

struct job {
    void (*work)(void *context);
    void *context;
};

static void *start(void *argument)
{
    const struct job *job = argument;
    job->work(job->context);
    return NULL;
}

void on_threads(int threads, void (*work)(void *context), void *context)
{
    pthread_t started[MOST_STARTED];
    struct job job = { work, context };
    int count = 0;
    while (count + 1 < threads && count < MOST_STARTED && !pthread_create(&started[count], NULL, start, &job)) count++;
    work(context);
    while (count) pthread_join(started[--count], NULL);
}
