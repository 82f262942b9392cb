/* descriptors.h: close descriptors of the library, as programs do that close every descriptor (daemonizers). */
#ifndef PMIPC_TEST_DESCRIPTORS_H
#define PMIPC_TEST_DESCRIPTORS_H

#include <stdbool.h>

#define DESCRIPTORS_MAX 256

/** Remember which descriptors are open now. */
void descriptors_note(void);

/** Whether a descriptor was opened after descriptors_note(). */
bool descriptor_is_new(int fd);

/** Whether a descriptor holds a lock, as the kernel lists it. */
bool descriptor_has_lock(int fd);

/** The first new descriptor that holds a lock, or end the test. */
int descriptor_with_lock(void);

/** Close every new descriptor, or only those that hold a lock. */
void descriptors_close_new(void);
void descriptors_close_new_locks(void);

/** Close every descriptor except `channel` and the standard ones. */
void descriptors_close_all(int channel);

#endif
