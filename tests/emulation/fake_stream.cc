/* Streams and events: queues of operations that run when something waits for them. */
#include "fake_streams.h"
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <set>

struct queued {
    std::function<void()> run;
    fake_event *event; /* with `ticket`: it is recorded here */
    unsigned long long ticket;
};

struct fake_stream {
    std::deque<queued> queue;
    int device;
};

struct fake_event {
    fake_stream *stream;
    unsigned long long recorded, done;
};

static std::set<fake_stream *> streams;
static std::set<fake_event *> events;
static fake_order order;
static uint64_t random_state = 88172645463325252u;

void fake_set_order(fake_order wanted, uint64_t seed)
{
    order = wanted;
    random_state = (seed + 1) * 0x9e3779b97f4a7c15u;
}

static unsigned random_below(unsigned most)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)(random_state >> 20) % most;
}

static void step(fake_stream *stream)
{
    queued next = std::move(stream->queue.front());
    stream->queue.pop_front();
    if (next.event) {
        if (next.ticket > next.event->done) next.event->done = next.ticket;
        return;
    }
    device_window(true);
    next.run();
    device_window(false);
}

/* A broken device does nothing more. */
static void drain(fake_stream *stream)
{
    if (fake_broken()) stream->queue.clear();
    while (!stream->queue.empty()) step(stream);
}

/* Everything of ours uses streams of its own: the default one would wait for strangers. */
static fake_stream *stream_of(cudaStream_t stream)
{
    fake_stream *const found = reinterpret_cast<fake_stream *>(stream);
    if (!found) fake_die("the default stream is used");
    if (!streams.count(found)) fake_die("a stream that does not exist is used");
    return found;
}

static fake_event *event_of(cudaEvent_t event)
{
    fake_event *const found = reinterpret_cast<fake_event *>(event);
    if (!events.count(found)) fake_die("an event that does not exist is used");
    return found;
}

/* At any call the device may have gone on. */
void streams_tick()
{
    if (order != FAKE_RANDOM) return;
    for (fake_stream *stream : streams)
        for (unsigned n = random_below(3); n && !stream->queue.empty(); n--) step(stream);
}

static void put(fake_stream *stream, queued operation)
{
    stream->queue.push_back(std::move(operation));
    if (order == FAKE_EAGER) drain(stream);
}

void stream_enqueue(cudaStream_t stream, std::function<void()> operation)
{
    if (stream_of(stream)->device != fake_current_device()) fake_die("work for another device than the thread's");
    put(stream_of(stream), { std::move(operation), nullptr, 0 });
}

void stream_drain(cudaStream_t stream)
{
    drain(stream_of(stream));
}

void streams_drain()
{
    for (fake_stream *stream : streams) drain(stream);
}

cudaStream_t stream_create()
{
    fake_stream *const stream = new fake_stream{ {}, fake_current_device() };
    streams.insert(stream);
    return reinterpret_cast<cudaStream_t>(stream);
}

void stream_destroy(cudaStream_t stream)
{
    fake_stream *const gone = stream_of(stream);
    drain(gone);
    streams.erase(gone);
    for (fake_event *event : events)
        if (event->stream == gone) event->stream = nullptr;
    delete gone;
}

cudaEvent_t event_create()
{
    fake_event *const event = new fake_event{ nullptr, 0, 0 };
    events.insert(event);
    return reinterpret_cast<cudaEvent_t>(event);
}

void event_destroy(cudaEvent_t event)
{
    fake_event *const gone = event_of(event);
    if (gone->stream) drain(gone->stream);
    events.erase(gone);
    delete gone;
}

void event_record(cudaEvent_t event, cudaStream_t stream)
{
    fake_event *const e = event_of(event);
    e->stream = stream_of(stream);
    put(e->stream, { {}, e, ++e->recorded });
}

void event_wait(cudaEvent_t event)
{
    fake_event *const e = event_of(event);
    while (e->done < e->recorded) step(e->stream);
}

void streams_report(char *text, size_t size)
{
    if (!streams.empty()) snprintf(text + strlen(text), size - strlen(text), "%zu streams ", streams.size());
    if (!events.empty()) snprintf(text + strlen(text), size - strlen(text), "%zu events ", events.size());
}
