/* SPDX-License-Identifier: BSD-2-Clause */
/* detach: goes into the background, and tells who waits how the start went. */
#ifndef MASTER_DETACH_H
#define MASTER_DETACH_H

/* Closes all descriptors that the caller left open but the standard ones;
 * before any are opened. */
void detach_prepare(void);

/*
 * Goes into the background: returns in the child, a session of its own with
 * root as its folder. What it writes to standard error reaches the caller's,
 * until detach_tell(). The parent waits for that or for the child's end, and
 * exits with the status it was told, or the child's own.
 */
void detach_begin(void);

/* Ends the caller's wait with this exit status, and a line of text unless it
 * is NULL; afterwards standard error is /dev/null. Once; nothing if
 * detach_begin() was not called. */
void detach_tell(int status, const char *text);

#endif /* MASTER_DETACH_H */
