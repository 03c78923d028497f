/* Stacks that a thread of the program can leave and come back to. One program thread at a time; the sanitizers are told
 * of every change. */
#ifndef EMULATION_FIBER_H
#define EMULATION_FIBER_H

struct fiber;
fiber *fiber_create(void (*entry)(void)); /* entry must not return: it ends in fiber_leave */
void fiber_free(fiber *fiber);
void fiber_enter(fiber *fiber); /* until it leaves */
void fiber_leave(void);         /* back to the one who entered */
/* What happened before one is known after the other, to the thread sanitizer; it takes nothing else for an order. */
void fiber_release(char *tag);
void fiber_acquire(char *tag);

#endif
