/* Inside the stand-in: streams and events, for the runtime alone. */
#ifndef FAKE_STREAMS_H
#define FAKE_STREAMS_H
#include "fake_device.h"

struct fake_stream;
struct fake_event;
void streams_tick();
cudaStream_t stream_create();
void stream_destroy(cudaStream_t stream);
cudaEvent_t event_create();
void event_destroy(cudaEvent_t event);
void event_record(cudaEvent_t event, cudaStream_t stream);
void event_wait(cudaEvent_t event); /* for its last record */

#endif
