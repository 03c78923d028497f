/* Interrupts: the first stops the running call, so that nothing half-done is left; the second ends the program. */
#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H
#include "tumorclass/tumorclass.h"

void interrupt_catch(void);
/* The session that the next interrupt stops; NULL: none. */
void interrupt_watch(tumorclass_session *session);
/* The same for a stream, which stops before the session that it runs in. */
void interrupt_watch_stream(tumorclass_stream *stream);
/* The signal that came, or 0. */
int interrupt_signal(void);

#endif
